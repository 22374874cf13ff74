"""What the package exports is what it says it exports."""

import types

import runtime_store


def test_all_is_sorted_and_names_every_public_import() -> None:
    names = {name for name, value in vars(runtime_store).items() if not name.startswith("_") and not isinstance(value, types.ModuleType)}
    assert runtime_store.__all__ == sorted(names)
