"""Does once what every notebook does when it starts, and tells which modules that took. Runs inside Pyodide."""

import importlib
import pkgutil
import sys

OURS = ("runtime_schema", "runtime_core", "runtime_python", "runtime_browser")
NEVER_STARTED = ("runtime_core.testing", "runtime_schema.generate_typescript")
BESIDE_OURS = ("_pyodide._importhook", "micropip", "pyodide.code", "pyodide.webloop")
SOURCES = (
    "import json, math, random, re, time\nprint(6 * 7)\n6 * 7",
    "def fail():\n    return 1 / 0\nfail()",
    "from IPython.display import HTML, Markdown, display\ndisplay(HTML('x'), Markdown('y'))",
    "%timeit -n1 -r1 None",
    "import asyncio\nawait asyncio.sleep(0)",
)


async def warm_up() -> frozenset[str]:
    """Give the files that modules were loaded from."""
    for name in BESIDE_OURS:
        importlib.import_module(name)
    for package in map(importlib.import_module, OURS):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.startswith(NEVER_STARTED):
                importlib.import_module(module.name)
    await run_cells()
    specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
    return frozenset(spec.origin for spec in specs if spec is not None and spec.origin)


async def run_cells() -> None:
    """Run some cells, complete and inspect; one of the cells has an error, and the others must have none."""
    from runtime_python import IPythonEngine
    from runtime_schema.outputs import ErrorOutput

    outputs = []
    engine = IPythonEngine(emit=outputs.append, read_input=lambda prompt, password: "")
    for source in SOURCES:
        await engine.execute(source, execution_count=1)
    engine.complete("json.du", 7)
    engine.inspect("print", 5)
    engine.close()
    if [output.name for output in outputs if isinstance(output, ErrorOutput)] != ["ZeroDivisionError"]:
        raise RuntimeError(f"the page's Python fails: {outputs}")
