"""Writes `contract/schedules/`: what a page's store was told in some schedules, and what had to come of it.

`python -m simulation.traces`, in `tests/`. The TypeScript store replays the files; a test compares them with this.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from runtime_schema.store_types import Applied, RejectedError
from runtime_store.sqlite import Database

from .invariants import outcome_of
from .plan import draw
from .run import POOL, simulated
from .simulation import Simulation
from .story import Story

FOLDER = Path(__file__).parents[2] / "contract" / "schedules"
SEEDS = range(420)
STEPS = range(8, 45)
OF_EACH_KIND = 9


def trace(seed: int) -> dict[str, Any] | None:  # Any: JSON
    """Run a schedule; give the story of its first page, or None when that page did not live through it in one life."""
    simulation = Simulation(draw(seed))
    page = simulation.pages[0]
    boot = page.boot

    def boot_and_listen() -> None:
        boot()
        if page.life is not None and page.lives == 1 and page.life.story is None:
            page.life.story = Story(page.life)

    page.boot = boot_and_listen  # type: ignore[method-assign]  # the first thing that anybody knows of it
    db = POOL.judge()
    problems = simulation.run(db)
    assert not problems, problems
    life = page.life
    if life is None or life.number != 1 or life.story is None or life.store is None:
        return None
    receipts: list[list[int | bool | str | None]] = []
    for n, committed in enumerate(life.commits, 1):
        match outcome_of(committed):
            case Applied(seq, applied):
                receipts.append([n, seq, applied])
            case RejectedError(code=code):
                receipts.append([n, code])
            case _:
                return None
    return {
        "about": f"The first page of schedule {seed}: {_about(life.story)}.",
        "session": life.store.store_session_id,
        "user": page.user,
        "steps": life.story.steps,
        "receipts": receipts,
        "rows": rows_of(db),
    }


def rows_of(db: Database) -> dict[str, list[dict[str, Any]]]:  # Any: SQLite values
    """Give every row of every table by the names of its columns."""
    tables = [str(name) for (name,) in db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name")]
    found: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        columns = [str(name) for (name,) in db.execute(f"SELECT name FROM pragma_table_info('{table}')")]
        rows = [dict(zip(columns, row, strict=True)) for row in db.execute(f'SELECT * FROM main."{table}"')]
        found[table] = sorted(rows, key=lambda row: json.dumps(row))
    return found


def _about(story: Story) -> str:
    kinds = [step[0] for step in story.steps]
    frames = [step[1]["t"] for step in story.steps if step[0] == "receive"]
    return f"{kinds.count('open')} connections, {kinds.count('commit')} commits, {len(frames)} frames, {frames.count('pause')} pauses"


def text_of(told: dict[str, Any]) -> str:  # Any: JSON
    """Write a trace with one step and one table a line."""
    steps = ",\n".join(f"  {json.dumps(step)}" for step in told["steps"])
    tables = ",\n".join(f"  {json.dumps(table)}: {json.dumps(rows)}" for table, rows in told["rows"].items())
    head = "".join(f' "{key}": {json.dumps(told[key])},\n' for key in ("about", "session", "user", "receipts"))
    return f'{{\n{head} "steps": [\n{steps}\n ],\n "rows": {{\n{tables}\n }}\n}}\n'


def kinds_of(told: dict[str, Any]) -> set[str]:  # Any: JSON
    """Name what makes a trace worth keeping."""
    steps, receipts = told["steps"], told["receipts"]
    frames = [step[1] for step in steps if step[0] == "receive"]
    names = {frame["t"] for frame in frames}
    kinds = {name for name in ("pause", "bye") if name in names}
    if [step[0] for step in steps].count("open") > 2:
        kinds.add("reconnects")
    if any(event[3] == told["session"] for frame in frames if frame["t"] == "events" for event in frame["events"]):
        kinds.add("own events in the stream")
    if any(len(receipt) == 2 for receipt in receipts):
        kinds.add("refused")
    if any(receipt[2:] == [False] for receipt in receipts):
        kinds.add("not applied")
    return kinds


def texts() -> dict[str, str]:
    """Give the files by name: from the first seeds some of each kind."""
    found: dict[str, str] = {}
    kept: Counter[str] = Counter()
    with simulated():
        for seed in SEEDS:
            told = trace(seed)
            POOL.reclaim()
            if told is None or len(told["steps"]) not in STEPS:
                continue
            kinds = kinds_of(told)
            if any(kept[kind] < OF_EACH_KIND for kind in kinds):
                kept.update(kinds)
                found[f"{seed:05d}.json"] = text_of(told)
    return found


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, text in texts().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
