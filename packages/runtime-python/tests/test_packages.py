"""`%pip`: what is run, what is said afterwards, and what becomes of it in a page."""

import sys

import pytest

from runtime_python.packages import await_micropip, pip_command, run_pip


@pytest.mark.parametrize(
    ("line", "uv", "command"),
    [
        ("install numpy 'pandas>=2'", "/bin/uv", ["/bin/uv", "pip", "install", "--python", "py", "numpy", "pandas>=2"]),
        ("uninstall -y numpy", "/bin/uv", ["/bin/uv", "pip", "uninstall", "--python", "py", "numpy"]),
        ("download numpy", "/bin/uv", ["py", "-m", "pip", "download", "numpy"]),
        ("install numpy", None, ["py", "-m", "pip", "install", "numpy"]),
        ("", "/bin/uv", ["py", "-m", "pip"]),
    ],
)
def test_uv_installs_where_it_is_and_knows_how(line: str, uv: str | None, command: list[str]) -> None:
    assert pip_command(line, uv, "py") == command


def test_a_package_that_was_imported_and_changed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    versions = iter([{"numpy": "1.0", "pandas": "2.0"}, {"numpy": "2.0", "pandas": "2.0"}])
    monkeypatch.setattr("runtime_python.packages._imported_versions", lambda: next(versions))
    ran: list[str] = []

    def run(command: str) -> int:
        ran.append(command)
        return 3

    assert run_pip("install numpy", run, said.append) == 3
    assert ran[0].endswith("install numpy") or ran[0].endswith(f"--python {sys.executable} numpy")
    assert said == ["Note: numpy was already imported in another version; restart the runtime to use the new one.\n"]


@pytest.mark.parametrize(
    ("line", "rewritten"),
    [
        ("%pip install -q numpy 'pandas>=2'\n", "await __import__('micropip').install(['numpy', 'pandas>=2'])\n"),
        ("  %pip install six", "  await __import__('micropip').install(['six'])\n"),
        ("%pip list\n", "%pip list\n"),
        ("print('%pip install six')\n", "print('%pip install six')\n"),
    ],
)
def test_in_a_page_an_install_is_awaited(line: str, rewritten: str) -> None:
    assert await_micropip([line]) == [rewritten]
