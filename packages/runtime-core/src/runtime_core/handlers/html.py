"""The HTML runtime: a cell's source is shown as the page it describes."""

from runtime_core.context import ExecutionContext


async def html(context: ExecutionContext) -> None:
    """Show the source as HTML, with the source as the text for those who cannot."""
    context.display({"text/html": context.cell.source, "text/plain": context.cell.source})
