"""One life of a Jupyter kernel: its process, its channels, its end. The only place that touches jupyter_client, which it imports late.

The kernel publishes its outputs without ever waiting for who reads them. What is not read yet waits here, up to
`MOST_UNREAD` messages; then in the kernel, up to its own limit (1,000 messages in ipykernel); then the kernel drops them.
"""

import asyncio
import json
import logging
import os
import secrets
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, final

from runtime_core.errors import EngineDiedError, EngineStartError
from runtime_schema.json_text import Json

from .jupyter_messages import Message

Channel = Literal["shell", "control", "stdin", "iopub"]
CHANNELS: tuple[Channel, ...] = ("shell", "control", "stdin", "iopub")

START_TIMEOUT_S = 60.0
SUBSCRIBED_S = 0.2  # how long to wait for the first sign on iopub before asking for another one
POLL_S = 0.1  # a provisioner tells of a kernel's end only when asked
LAST_OUTPUT_MS = 100
MOST_UNREAD = 100_000
RECONNECT_MS = 20
KEPT_BYTES = 4096

_LOG = logging.getLogger("runtime_node.jupyter")
_LOG.addHandler(logging.NullHandler())  # what goes wrong is told by errors, once
_LOG.propagate = False


def kernel_names() -> list[str]:
    """Give the names of the kernels that are installed for this user and this environment."""
    from jupyter_client.kernelspec import KernelSpecManager

    specs: Mapping[str, str] = KernelSpecManager(log=_LOG).find_kernel_specs()
    return sorted(specs)


@final
class JupyterKernel:
    """A kernel's process and channels, from its start to its end.

    Args:
        name: The kernelspec's.
        take: Hears every message, on the event loop; what it awaits holds up its channel.
        died: Hears how the kernel ended, unless `end` was called.
    """

    def __init__(self, name: str, take: Callable[[Channel, Message], Coroutine[Any, Any, None]], died: Callable[[str], None]) -> None:
        self.name = name
        self.ended: str | None = None
        self._take = take
        self._died = died
        # jupyter_client's classes are typed in part, and made of traits: nothing of it leaves this class
        self._manager: Any = None
        self._sockets: dict[Channel, Any] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._watcher: asyncio.Task[None] | None = None
        self._replies: dict[str, asyncio.Future[Message]] = {}
        self._subscribed = asyncio.Event()
        self._stderr = -1
        self._said = b""
        self._started = self._asked_to_end = False

    @property
    def pid(self) -> int | None:
        """The kernel's process, when it is one of this machine."""
        found = getattr(self._manager.provisioner, "pid", None) if self._manager is not None else None
        return found if isinstance(found, int) else None

    async def start(self, cwd: str | Path | None, env: Mapping[str, str]) -> Message:
        """Launch the kernel and wait until it answers and its outputs arrive here; gives its `kernel_info_reply`.

        Raises:
            EngineStartError: It did not come up.
        """
        await self._launch(cwd, env)
        self._connect()
        self._watcher = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                info = await self.request("shell", "kernel_info_request", {})
                while not self._subscribed.is_set():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SUBSCRIBED_S):
                            await self._subscribed.wait()
                            break
                    await self.request("shell", "kernel_info_request", {})
        except EngineDiedError as error:
            raise EngineStartError(self._title, f"it {error.reason}{self._last_words()}", "try `jupyter run` with this kernel") from None
        except TimeoutError:
            raise EngineStartError(self._title, f"it did not answer within {START_TIMEOUT_S:.0f} s{self._last_words()}") from None
        self._started = True
        return info

    async def send(
        self,
        channel: Channel,
        kind: str,
        content: Mapping[str, Json],
        *,
        buffers: tuple[bytes, ...] = (),
        subshell: str | None = None,
        sending: Callable[[str], None] = lambda _: None,
    ) -> str:
        """Send a message and give its id, which `sending` hears before.

        Raises:
            EngineDiedError: The kernel has ended.
        """
        if self.ended is not None:
            raise EngineDiedError(self.ended)
        session = self._manager.session
        message = session.msg(kind, content=dict(content))
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        message_id: str = message["header"]["msg_id"]
        sending(message_id)
        # not session.send: it goes behind the back of zmq.asyncio, which then misses what arrives
        await self._sockets[channel].send_multipart([*session.serialize(message), *buffers])
        return message_id

    async def request(
        self,
        channel: Channel,
        kind: str,
        content: Mapping[str, Json],
        *,
        subshell: str | None = None,
        sending: Callable[[str], None] = lambda _: None,
    ) -> Message:
        """Send a request and wait for its reply.

        Raises:
            EngineDiedError: The kernel ended before.
        """
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        sent = ""

        def register(message_id: str) -> None:
            nonlocal sent
            sent = message_id
            self._replies[sent] = reply
            sending(sent)

        try:
            await self.send(channel, kind, content, subshell=subshell, sending=register)
            return await reply
        finally:
            self._replies.pop(sent, None)

    async def interrupt(self) -> None:
        """Interrupt what the kernel runs, as its specification wants it: by a signal to its process group, or by a message."""
        if self.ended is not None:
            return
        if self._manager.kernel_spec.interrupt_mode == "message":
            with suppress(EngineDiedError):
                await self.request("control", "interrupt_request", {})
        else:
            await self._manager.provisioner.send_signal(signal.SIGINT)

    async def end(self, grace_s: float) -> None:
        """End the kernel and all it started: by asking, by SIGTERM, by SIGKILL; leaves no file, socket or process behind."""
        self._asked_to_end = True
        manager, watcher = self._manager, self._watcher
        if watcher is None:
            await self._clean_up()
            return
        children = _descendants(self.pid)
        if grace_s > 0 and self.ended is None:
            with suppress(Exception):  # a provisioner may raise anything; then force is what is left
                await self.send("control", "shutdown_request", {"restart": False})
                await manager.provisioner.shutdown_requested(restart=False)
            await asyncio.wait([watcher], timeout=grace_s)
            if not watcher.done():
                await manager.provisioner.terminate()
                await asyncio.wait([watcher], timeout=grace_s / 2)
        if not watcher.done():
            await manager.provisioner.kill()
        await watcher
        for child in children:  # those in sessions of their own, as bash_kernel's bash, are in no group of the kernel's
            with suppress(Exception):  # psutil's ways to say that it is gone, or is not ours
                child.kill()

    @property
    def _title(self) -> str:
        return f"the Jupyter kernel {self.name!r}"

    async def _launch(self, cwd: str | Path | None, env: Mapping[str, str]) -> None:
        from jupyter_client.kernelspec import NoSuchKernel
        from jupyter_client.manager import AsyncKernelManager

        manager: Any = AsyncKernelManager(kernel_name=self.name, log=_LOG)
        try:
            _ = manager.kernel_spec
        except NoSuchKernel:
            raise EngineStartError(self._title, "it is not installed", _hint(self.name, kernel_names())) from None
        self._manager = manager
        read_err, err = os.pipe()
        self._stderr = read_err
        os.set_blocking(read_err, False)
        asyncio.get_running_loop().add_reader(read_err, self._read_stderr)
        try:
            await manager.start_kernel(env={**os.environ, **env}, stdout=err, stderr=err, **({} if cwd is None else {"cwd": str(cwd)}))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # provisioners are plugins and raise what they like
            await self._clean_up()
            raise EngineStartError(self._title, str(error) or repr(error), "check its kernel.json and the working folder") from error
        finally:
            os.close(err)

    def _connect(self) -> None:
        import zmq

        manager, identity = self._manager, secrets.token_bytes(8)
        context = manager.context
        context.setsockopt(zmq.RCVHWM, MOST_UNREAD)
        context.setsockopt(zmq.SNDHWM, 0)  # requests are few, and the event loop must not stand still
        context.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self._sockets = {
            "shell": manager.connect_shell(identity=identity),
            "control": manager.connect_control(identity=identity),
            "stdin": manager.connect_stdin(identity=identity),
            "iopub": manager.connect_iopub(),
        }
        self._readers = [asyncio.create_task(self._read(channel)) for channel in CHANNELS]

    async def _read(self, channel: Channel) -> None:
        while True:
            await self._take_parts(channel, await self._sockets[channel].recv_multipart())

    async def _take_parts(self, channel: Channel, parts: list[bytes]) -> None:
        session = self._manager.session
        try:
            _, parts = session.feed_identities(parts)
            head: dict[str, Any] = session.deserialize(parts, content=False)
        except (ValueError, TypeError):  # not signed by this kernel, or no message
            return
        if channel == "iopub":
            self._subscribed.set()
        message = Message(
            kind=head["msg_type"],
            parent_id=str(head["parent_header"].get("msg_id", "")),
            content=_read_json(parts[4]),
            metadata=_read_json(parts[3]),
            buffers=tuple(parts[5:]),
        )
        reply = self._replies.get(message.parent_id) if channel in ("shell", "control") else None
        if reply is not None and not reply.done():
            reply.set_result(message)
        await self._take(channel, message)

    async def _watch(self) -> None:
        provisioner = self._manager.provisioner
        while (status := await provisioner.poll()) is None:  # noqa: ASYNC110  # a provisioner has nothing else to tell by
            await asyncio.sleep(POLL_S)
        reader = self._readers.pop()  # of iopub, the last of CHANNELS
        reader.cancel()
        await asyncio.wait([reader])
        iopub = self._sockets["iopub"]
        while not self._asked_to_end and await iopub.poll(LAST_OUTPUT_MS):
            await self._take_parts("iopub", await iopub.recv_multipart())
        with suppress(Exception):  # the group may be gone
            await provisioner.kill()
        await provisioner.wait()
        self.ended = "was ended" if self._asked_to_end else _reason(status)
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(EngineDiedError(self.ended))
        if self._started and not self._asked_to_end:
            self._died(self.ended)
        await self._clean_up()

    async def _clean_up(self) -> None:
        for reader in self._readers:
            reader.cancel()
        if self._readers:
            await asyncio.wait(self._readers)
        for sock in self._sockets.values():
            sock.close(linger=0)
        if self._manager is not None:
            await self._manager.cleanup_resources()
        if self._stderr >= 0:
            self._read_stderr()
        if self._stderr >= 0:
            self._close_stderr()

    def _read_stderr(self) -> None:
        with suppress(BlockingIOError):
            data = os.read(self._stderr, 65536)
            self._said = (self._said + data)[-KEPT_BYTES:]
            if not data:
                self._close_stderr()

    def _close_stderr(self) -> None:
        asyncio.get_running_loop().remove_reader(self._stderr)
        os.close(self._stderr)
        self._stderr = -1

    def _last_words(self) -> str:
        said = self._said.decode(errors="replace").strip()
        return f": {said}" if said else ""


def _hint(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, 1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    there = f"installed are {', '.join(names)}" if names else "no kernel is installed"
    return f"{meant}{there}; a kernel's own instructions say how to install it, such as `python -m ipykernel install --user`"


def _descendants(pid: int | None) -> list[Any]:
    import psutil  # takes a while, and few need it

    if pid is None:
        return []
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []


def _read_json(data: bytes) -> Mapping[str, Json]:
    """Read an object; what JSON lacks but kernels send (NaN, infinities) becomes null, lone surrogates U+FFFD."""
    text = data.decode("utf-8", "replace")
    value: Json = json.loads(text, parse_constant=lambda _: None)
    if "\\ud" in text or "\\uD" in text:
        written = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        value = json.loads(written)
    return value if isinstance(value, dict) else {}


def _reason(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
