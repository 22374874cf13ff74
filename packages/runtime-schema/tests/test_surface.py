"""The package exports modules and nothing else, and loading one does not load the rest."""

import subprocess
import sys

import pytest


@pytest.mark.host
def test_the_package_alone_exports_nothing_and_an_engine_loads_outputs_only() -> None:
    script = (
        "import sys, runtime_schema, runtime_schema.outputs\n"
        "print(*sorted(name for name in vars(runtime_schema) if not name.startswith('_')))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('runtime_schema')))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["outputs", "runtime_schema runtime_schema.outputs"]
