"""The snippets of contract/snippets: what each file holds, and where its recording and the known differences are."""

import json
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

Host = Literal["host", "page"]
Order = Literal["exact", "streams", "none"]
Run = dict[str, Any]
"""How a snippet went, as JSON: `cells`, each with `status` and `outputs`, and `ended` where the process did not live on."""

FOLDER = Path(__file__).parent / "snippets"
RECORDED = FOLDER / "recorded"
WORK = "snippet-work"
"""The name of the folder that a snippet runs in, wherever that is."""
DIFFERENCES = FOLDER / "differences.toml"
_FIELD = re.compile(r"# (runs|order|answers|python): (.*)")
_CELL = re.compile(r"^# %%\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """One file: cells of one notebook.

    Args:
        name: The file's name without its ending.
        cells: The sources, in order.
        runs: Where it can run.
        order: How much of the order of texts is promised: all of it; that of each stream between other outputs, which is
            what ipykernel promises; or none, line by line.
        answers: What a person answers to `input()`, in order.
        python: The version of Python whose words these are, such as 3.11, where others are known to have others.
    """

    name: str
    cells: tuple[str, ...]
    runs: tuple[Host, ...]
    order: Order = "streams"
    answers: tuple[str, ...] = ()
    python: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where one of our hosts shows something else than ipykernel: why, and the lines that differ."""

    reason: str
    lines: tuple[str, ...]


def read_snippets() -> dict[str, Snippet]:
    """Read all snippets, by name."""
    return {path.stem: parse_snippet(path.stem, path.read_text()) for path in sorted(FOLDER.glob("*.py"))}


def parse_snippet(name: str, text: str) -> Snippet:
    """Read one.

    Raises:
        ValueError: The header lacks what it is about or where it runs, or says what nobody knows.
    """
    header, *cells = _CELL.split(text)
    about, *lines = header.splitlines() or [""]
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise ValueError(f"{name}: the header does not know {line!r}")
        fields[found[1]] = found[2]
    runs, order = tuple(fields.get("runs", "").split()), fields.get("order", "streams")
    if not about.startswith("# ") or not cells or not runs or not set(runs) <= set(get_args(Host)) or order not in get_args(Order):
        raise ValueError(f"{name}: a snippet says what it shows, where it runs and which order counts, and has cells")
    return Snippet(
        name=name,
        cells=tuple(cell.removesuffix("\n") for cell in cells),
        runs=cast("tuple[Host, ...]", runs),  # checked above
        order=cast("Order", order),  # checked above
        answers=tuple(fields["answers"].split("; ")) if "answers" in fields else (),
        python=fields.get("python"),
    )


def read_recording(name: str) -> Run:
    """Read what ipykernel made of a snippet, in normal form."""
    return json.loads((RECORDED / f"{name}.json").read_text())


def write_recording(name: str, run: Run) -> None:
    """Keep a run in normal form; what is not ASCII is escaped, so that a difference is visible whatever it is."""
    RECORDED.mkdir(exist_ok=True)
    (RECORDED / f"{name}.json").write_text(f"{show(run)}\n")


def show(run: Run) -> str:
    """Write a run as JSON with one fact a line."""
    return json.dumps(run, indent=1)


def read_differences(host: Host) -> dict[str, Difference]:
    """Read the known differences of one of our hosts, by snippet."""
    told: dict[str, dict[str, Any]] = tomllib.loads(DIFFERENCES.read_text())  # Any: a list of names, or differences
    as_on_host: list[str] = told["page"].pop("as_on_host")
    known = {name: Difference(reason=each["reason"], lines=tuple(each["lines"].splitlines())) for name, each in told[host].items()}
    return known if host == "host" else known | {name: each for name, each in read_differences("host").items() if name in as_on_host}


def environment(folder: Path) -> dict[str, str]:
    """Give the variables under which every kernel and engine runs a snippet, with a folder for what it keeps."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "JPY_", "COV_"))}
    return kept | {"IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder), "SHELL": "/bin/sh", "PYTHONWARNINGS": ""}
