"""Which packages a cell needs before it runs."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from runtime_browser.imports import is_here, missing_imports


def without_magics(source: str) -> str:
    return TransformerManager().transform_cell(source)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import notthere", ("notthere",)),
        ("import notthere.deep as d, alsonot", ("notthere", "alsonot")),
        ("from notthere.deep import x", ("notthere",)),
        ("def f():\n    import notthere", ("notthere",)),
        ("import notthere\nimport notthere.deep", ("notthere",)),
        ("import sys, json.decoder, asyncio", ()),
        ("from . import sibling\nfrom .notthere import x", ()),
        ("print('import notthere')", ()),
        ("import notthere +", ()),
        ("", ()),
        ("\0", ()),
        ("%%time\nimport notthere", ("notthere",)),
        ("%time import notthere", ("notthere",)),
        ("%%html\n<b>import notthere</b>", ()),
        ("!pip install notthere", ()),
        ("%load_ext notthere", ()),
        ("x = %who", ()),
    ],
)
def test_modules_that_are_not_here(source: str, names: tuple[str, ...]) -> None:
    assert missing_imports(source, without_magics) == names


def test_magics_that_import_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_is_here(_: str) -> bool:
        return False

    monkeypatch.setattr("runtime_browser.imports.is_here", nothing_is_here)
    assert missing_imports("%matplotlib inline", without_magics) == ("matplotlib",)
    assert missing_imports("%pylab", without_magics) == ("matplotlib", "numpy")


def test_a_module_is_found_without_importing_it() -> None:
    assert is_here("json")
    assert not is_here("notthere")
    assert is_here("__main__"), "although it has no spec"
