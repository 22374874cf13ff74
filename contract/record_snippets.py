"""Records what ipykernel makes of the snippets: `python contract/record_snippets.py` does all, or those that are named.

Each runs in a fresh kernel, in an empty folder; contract/snippets/recorded/NAME.json is how it went, in normal form.
What a kernel sends is taken from its sockets by jupyter_client, and nothing of ours is in between.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from snippet_files import WORK, Run, Snippet, environment, read_snippets, write_recording
from snippet_runs import normal_form

AT_ONCE = 2
QUIET_S = 0.6
"""How long a kernel is listened to after its last word: what was written to descriptors comes late."""
WITHIN_S = 60.0


async def record(snippet: Snippet) -> Run:
    """Run a snippet in a fresh ipykernel."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / WORK
        work.mkdir()
        manager: Any = AsyncKernelManager(kernel_name="python3")  # Any: jupyter_client is typed in part only
        await manager.start_kernel(cwd=str(work), env=environment(Path(folder)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client: Any = manager.client()  # Any: as above
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=WITHIN_S)
            return await Recording(manager, client, snippet).run()
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)


class Recording:
    """One snippet in one kernel."""

    def __init__(self, manager: Any, client: Any, snippet: Snippet) -> None:  # Any: as above
        """Begin with nothing heard."""
        self._manager = manager
        self._client = client
        self._snippet = snippet
        self._answers = list(snippet.answers)
        self._cells: dict[str, Run] = {}
        self._idle: set[str] = set()

    async def run(self) -> Run:
        """Run all cells, one after the other."""
        run: Run = {"cells": []}
        for source in self._snippet.cells:
            cell: Run = {"status": "none", "outputs": []}
            run["cells"].append(cell)
            asked = self._client.execute(source, allow_stdin=True, stop_on_error=False)
            self._cells[asked] = cell
            if not await self._finish(asked, cell, run):
                run["ended"] = "died"
                break
        await self._listen(QUIET_S)
        return run

    async def _finish(self, asked: str, cell: Run, run: Run) -> bool:
        """Wait for the end of a cell; False when the kernel ends before."""
        async with asyncio.timeout(WITHIN_S):
            while cell["status"] == "none" or asked not in self._idle:
                await self._listen(0.05)
                if await self._client.stdin_channel.msg_ready():
                    content = (await self._client.get_stdin_msg(timeout=1))["content"]
                    cell.setdefault("asks", []).append([content["prompt"], "password" if content["password"] else "text"])
                    self._client.input(self._answers.pop(0))
                if await self._client.shell_channel.msg_ready():
                    reply = await self._client.get_shell_msg(timeout=1)
                    if reply["parent_header"]["msg_id"] == asked:  # or it is a late answer to what was asked at the start
                        _take_reply(reply["content"], cell, run)
                if not await self._manager.is_alive():
                    await self._listen(QUIET_S)
                    return False
        return True

    async def _listen(self, quiet_s: float) -> None:
        while await self._client.iopub_channel.msg_ready() or await self._client.iopub_channel.socket.poll(quiet_s * 1000):
            message = await self._client.get_iopub_msg(timeout=1)
            parent = message["parent_header"].get("msg_id")
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                self._idle.add(parent)
            cell = self._cells.get(parent)
            if cell is not None:
                take_message(message["msg_type"], message["content"], cell)


def take_message(kind: str, content: Any, cell: Run) -> None:
    """Put what a kernel says of a cell into the cell's run."""
    outputs: list[Any] = cell["outputs"]
    match kind:
        case "stream":
            outputs.append({content["name"]: content["text"]})
        case "display_data" | "update_display_data":
            output = {"update" if kind.startswith("update") else "display": content["data"], "metadata": content["metadata"]}
            outputs.append(output | ({"id": named} if (named := content["transient"].get("display_id")) else {}))
        case "execute_result":
            outputs.append({"result": content["data"], "metadata": content["metadata"], "count": content["execution_count"]})
        case "error":
            outputs.append({"error": content["ename"], "value": content["evalue"], "traceback": "\n".join(content["traceback"])})
        case "clear_output":
            outputs.append({"clear": "wait" if content["wait"] else "now"})
        case "comm_open" | "comm_msg" | "comm_close":
            told = {name: content[name] for name in ("comm_id", "target_name", "data") if name in content}
            cell.setdefault("comms", []).append({"kind": kind.removeprefix("comm_"), **told})
        case _:
            pass


def _take_reply(content: Any, cell: Run, run: Run) -> None:
    cell["status"] = content["status"]
    for payload in content.get("payload", ()):
        if payload["source"] == "ask_exit":
            run["ended"] = "asked to"
        else:  # a page of help and the like, which a front end shows where it likes
            cell["outputs"].append({"payload": payload["source"], "text": payload.get("text") or payload["data"]["text/plain"]})


async def main(names: Sequence[str]) -> None:
    """Record those snippets, or all."""
    snippets = read_snippets()
    free = asyncio.Semaphore(AT_ONCE)

    async def record_one(snippet: Snippet) -> None:
        async with free:
            write_recording(snippet.name, normal_form(await record(snippet), snippet.order))
            print(snippet.name)

    async with asyncio.TaskGroup() as group:
        for name in names or snippets:
            group.create_task(record_one(snippets[name]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
