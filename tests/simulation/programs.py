"""The code that simulated cells run: a word a step. It notes that it ran and what it printed.

`w` writes a line, `s` sleeps until it is interrupted, `S` sleeps and cannot be, `d` displays, `u` updates that display,
`c` clears, `b` writes after its end, `x` fails.
"""

import asyncio
from dataclasses import dataclass

from runtime_core.context import ExecutionContext

from .records import Records

SOURCES = ("w", "w s w", "s w s w", "d s u", "w x", "s x", "w S w", "S S", "w c w", "w b", "s s s s w", "w w w w", "d w d")


class ProgramError(Exception):
    """A cell's own error."""


@dataclass(slots=True)
class Programs:
    """The handler of one agent."""

    records: Records
    pace_s: float

    async def run(self, context: ExecutionContext) -> None:
        """Run a cell."""
        execution_id = context.execution_id
        self.records.runs.append(execution_id)
        printed = self.records.printed.setdefault(execution_id, [])
        for place, word in enumerate(context.cell.source.split("#")[0].split()):
            context.check_cancelled()
            match word:
                case "w":
                    text = f"{execution_id}:{place}\n"
                    printed.append(text)
                    context.stdout(text)
                case "s":
                    sleeping = asyncio.ensure_future(context.wait_cancelled())
                    await asyncio.wait({sleeping}, timeout=self.pace_s)
                    sleeping.cancel()
                case "S":
                    await asyncio.sleep(self.pace_s * 2)
                case "d":
                    context.display({"text/plain": execution_id}, display_id=f"d-{context.cell.id}")
                case "u":
                    context.update_display(f"d-{context.cell.id}", {"text/plain": f"{execution_id} again"})
                case "c":
                    printed.clear()
                    context.clear()
                case "b":
                    asyncio.get_running_loop().call_later(self.pace_s, context.stderr, "late\n")
                case _:
                    raise ProgramError(word)
