"""The echo runtime: the result of a cell is its source."""

from runtime_core.context import ExecutionContext


async def echo(context: ExecutionContext) -> None:
    """Answer with what was asked."""
    context.result({"text/plain": f"Echo: {context.cell.source}"})
