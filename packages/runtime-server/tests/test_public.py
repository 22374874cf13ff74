"""What the packages name as public is there, sorted, and nothing else."""

from types import ModuleType

import pytest

import runtime_server
import runtime_server.testing


@pytest.mark.parametrize("package", [runtime_server, runtime_server.testing])
def test_all_is_sorted_and_complete(package: ModuleType) -> None:
    names: list[str] = package.__all__
    assert names == sorted(names)
    assert {name for name, value in vars(package).items() if not name.startswith("_") and not isinstance(value, ModuleType)} == set(names)
