"""What the package exports is what it says it exports."""

from types import ModuleType

import runtime_python


def test_all_names_every_public_import() -> None:
    names = {name for name, value in vars(runtime_python).items() if not name.startswith("_") and not isinstance(value, ModuleType)}
    assert len(runtime_python.__all__) == len(names)
    assert set(runtime_python.__all__) == names
