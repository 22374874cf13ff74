"""The client's socket: stands for `runtime_store.client.SyncClient` and carries the real protocol over the simulated network.

It notes what of the log it was given, for the invariants.
"""

from collections.abc import Callable, Iterable
from typing import final

from runtime_store.address import Address
from runtime_store.frames import ClientFrame, LiveOut, encode_frame
from runtime_store.protocol import Close, Connect, Effect, Reconciled, Reset, Send, SyncProtocol
from runtime_store.reconcile import Confirmed

from .network import Connection, End, Network
from .records import Life


@final
class SimulatedClient:
    """Keeps one store connected, from `start` to `stop`; the same calls as `SyncClient`."""

    def __init__(
        self,
        life: Life,
        network: Network,
        protocol: SyncProtocol,
        address: Address,
        listen: Callable[[Effect], None],
        changed: Callable[[], None],
        read: Callable[[], None],
    ) -> None:
        self.protocol = protocol
        self._life = life
        self._network = network
        self._listen = listen
        self._changed = changed
        self._read = read
        self._dice = life.loop.world.random(f"read/{life.loop.name}")
        self._socket: _Socket | None = None
        self._started = False
        self._timer_at: float | None = None
        life.client = self

    def start(self) -> None:
        self._started = True
        self.perform(self.protocol.start())

    async def stop(self) -> None:
        self._started = False
        self._timer_at = None
        if self._socket is not None:
            self._socket.leave("stopped")
            self._socket = None

    def send_live(self, frame: LiveOut) -> bool:
        if not self.protocol.connected:
            return False
        self._send(frame)
        return True

    def perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self._send(effect.frame)
                case Connect():
                    self._socket = _Socket(self, self._life)
                    self._network.dial(self._life.node, self._life.user, self._socket, self._socket.opened)
                case Close():
                    if self._socket is not None:
                        socket, self._socket = self._socket, None
                        socket.leave(effect.reason)
                        self._life.loop.call_soon(self.on_closed, None, effect.reason)
                case Reconciled():
                    if self._life.story is not None:
                        self._life.story.reconciled(effect.outcome)
                    self._life.confirmed += [step for step in effect.outcome.steps if isinstance(step, Confirmed)]
                    self._listen(effect)
                case Reset():
                    self._life.confirmed.clear()
                    self._listen(effect)
                case _:
                    self._listen(effect)
        self._set_timer()
        self._changed()

    def on_opened(self, socket: "_Socket") -> None:
        if socket is self._socket:
            self.perform(self.protocol.on_connected(self._life.loop.time()))
            self._tell("open")

    def on_frame(self, socket: "_Socket", frame: str) -> None:
        if socket is self._socket:
            self.perform(self.protocol.on_frame(frame.encode(), self._life.loop.time()))
            self._tell("receive", frame)
            if self._dice.random() < 0.5:  # else more was read with it
                self._read()

    def on_closed(self, socket: "_Socket | None", reason: str) -> None:
        if socket is self._socket and self._started:
            self._socket = None
            self.perform(self.protocol.on_closed(self._life.loop.time(), reason))
            self._tell("closed")

    def _tell(self, what: str, frame: str | None = None) -> None:
        if self._life.story is not None:
            self._life.story.told(what, frame)

    def _send(self, frame: ClientFrame) -> None:
        if self._life.story is not None:
            self._life.story.sent(frame)
        if self._socket is not None:
            self._socket.send(encode_frame(frame).decode())

    def _set_timer(self) -> None:
        deadline = self.protocol.deadline if self._started else None
        if deadline is not None and (self._timer_at is None or deadline < self._timer_at):
            self._timer_at = deadline
            self._life.loop.call_at(deadline, self._on_timer, deadline)

    def _on_timer(self, set_for: float) -> None:
        # Deadlines mostly move on; a timer that comes too early sets the next one.
        if self._timer_at != set_for:
            return
        self._timer_at = None
        now = self._life.loop.time()
        if (deadline := self.protocol.deadline) is not None and deadline <= now:
            self.perform(self.protocol.on_timer(now))
            self._tell("timer")
        else:
            self._set_timer()


@final
class _Socket(End):
    """The client's end of one connection."""

    def __init__(self, client: SimulatedClient, life: Life) -> None:
        self._client = client
        self._loop = life.loop
        self._connection: Connection | None = None
        self._left = False

    def opened(self, connection: Connection) -> None:
        self._connection = connection
        if self._left:
            self.leave("left before it was open")
        else:
            self._loop.call_soon(self._client.on_opened, self)

    def send(self, frame: str) -> None:
        if self._connection is not None:
            self._connection.send(self._connection.up, frame)

    def leave(self, reason: str) -> None:
        self._left = True
        if self._connection is not None:
            self._connection.close(self._connection.down, reason)

    def receive(self, frame: str) -> None:
        self._loop.call_soon(self._client.on_frame, self, frame)

    def closed(self, reason: str) -> None:
        self._loop.call_soon(self._client.on_closed, self, reason)
