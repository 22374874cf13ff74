"""`%pip`: what is run, what is said afterwards, and what becomes of it in a page."""

import sys
from types import ModuleType

import pytest

from runtime_python.packages import await_micropip, install_in_page, pip_command, run_pip


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
        ("%pip install -q numpy 'pandas>=2'\n", "await get_ipython().install_in_page(['numpy', 'pandas>=2'])\n"),
        ("  %pip install six", "  await get_ipython().install_in_page(['six'])\n"),
        ("%pip list\n", "%pip list\n"),
        ("print('%pip install six')\n", "print('%pip install six')\n"),
    ],
)
def test_in_a_page_an_install_is_awaited(line: str, rewritten: str) -> None:
    assert await_micropip([line]) == [rewritten]


async def test_what_micropip_did_not_bring_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    async def install(names: list[str]) -> None:
        asked.append(names)

    micropip = ModuleType("micropip")
    micropip.install = install  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "micropip", micropip)
    await install_in_page(["pytest>=1", "https://example.org/x.whl"])
    with pytest.raises(ModuleNotFoundError, match="no-such-thing could not be installed"):
        await install_in_page(["pytest", "no-such-thing>=1"])
    assert asked == [["pytest>=1", "https://example.org/x.whl"], ["pytest", "no-such-thing>=1"]]
