"""The code that simulated cells run: a word a step. It notes that it ran and what it printed.

`w` writes a line, `s` sleeps until it is interrupted, `S` sleeps and cannot be, `d` displays, `u` updates that display,
`c` clears, `b` writes after its end, `x` fails.
"""

import asyncio
from dataclasses import dataclass

from runtime_core.context import ExecutionContext
from runtime_schema.outputs import ExecuteReply

from .records import Records

SOURCES = ("w", "w s w", "s w s w", "d s u", "w x", "s x", "w S w", "S S", "w c w", "w b", "s s s s w", "w w w w", "d w d")


@dataclass(slots=True)
class Programs:
    """The handler of one agent."""

    records: Records
    pace_s: float

    async def run(self, context: ExecutionContext) -> ExecuteReply | None:
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
                    # no traceback of Python's: a schedule's events are the same in every checkout
                    context.error("ProgramError", word, [f"ProgramError: {word}"])
                    return ExecuteReply(status="error", error_name="ProgramError", error_value=word)
        return None
