"""Writes `contract/schedules/`: what a page's store was told in some schedules, and what had to come of it.

`python -m simulation.traces`, in `tests/`. The TypeScript store replays the files; a test compares them with this.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime_schema.store_types import Applied
from runtime_store.sqlite import Database

from .invariants import outcome_of
from .plan import draw
from .run import POOL, simulated
from .simulation import Simulation
from .story import Story

FOLDER = Path(__file__).parents[2] / "contract" / "schedules"
SEEDS: Sequence[int] = (
    *(3, 7, 9, 15, 24, 25, 40, 55, 56, 60, 63, 82, 86, 89, 92, 99, 104, 108),
    *(109, 131, 148, 151, 168, 176, 179, 183, 184, 188, 195, 198, 199, 205, 227, 232),
)
"""Reconnects, pauses, byes, own events that come back in the stream, guards that no longer hold: something of each."""


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
    receipts: list[list[int | bool]] = []
    for n, committed in enumerate(life.commits, 1):
        outcome = outcome_of(committed)
        if not isinstance(outcome, Applied):
            return None
        receipts.append([n, outcome.seq, outcome.applied])
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


def texts() -> dict[str, str]:
    """Give the files by name."""
    found: dict[str, str] = {}
    with simulated():
        for seed in SEEDS:
            told = trace(seed)
            POOL.reclaim()
            assert told is not None, f"schedule {seed} no longer has a page that lives through it"
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
