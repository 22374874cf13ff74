"""A sync backend for tests: the server's side of the protocol on a list, pure, with answers taken when the test wants them.

It cheats: nothing is durable, nobody is authenticated, args are not checked, and it has no limits but those it tells.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from runtime_schema.wire import SUBPROTOCOL, Limits, RejectCode

from .frames import (
    Ack,
    Bye,
    ConfirmedEvent,
    Events,
    From,
    Hello,
    LimitsOut,
    LiveIn,
    LiveOut,
    Pause,
    Ping,
    Pong,
    Push,
    PushEvent,
    Reject,
    Sender,
    ServerFrame,
    Standby,
    User,
    Welcome,
    decode_client_frame,
    encode_frame,
)

Verdict = tuple[RejectCode, str] | None


@dataclass(slots=True)
class Peer:
    """One connection: who it is, and the frames that it has not yet received."""

    user: str
    session: str = ""
    live: bool = False
    outbox: deque[bytes] = field(default_factory=deque[bytes])

    def send(self, frame: ServerFrame) -> None:
        """Queue a frame."""
        self.outbox.append(encode_frame(frame))


@final
class InMemoryBackend:
    """One notebook's log and the connections to it.

    Args:
        name: Which log this is; another name is another log to a client.
        judge: Tells why an event is refused; by default none is.
        limits: What welcome tells.
    """

    def __init__(
        self, name: str = "memory", judge: Callable[[PushEvent], Verdict] = lambda event: None, limits: Limits | None = None
    ) -> None:
        self.name = name
        self.judge = judge
        self.limits = limits or Limits()
        self.log: list[ConfirmedEvent] = []
        self.peers: list[Peer] = []
        self.overloaded = False
        self.offers: list[tuple[int, Standby]] = []
        """What runtimes that wait have said, and how long the log was then; here it starts nothing."""
        self._records: dict[tuple[str, int], tuple[str, bytes, int | Verdict]] = {}
        self._last_n: dict[str, int] = {}

    def connect(self, user: str = "local") -> Peer:
        """A client has connected."""
        peer = Peer(user)
        self.peers.append(peer)
        return peer

    def disconnect(self, peer: Peer) -> None:
        """A client is gone; what was not received is lost."""
        if peer in self.peers:
            self.peers.remove(peer)
        peer.outbox.clear()

    def ping(self) -> None:
        """Ping everybody."""
        for peer in self.peers:
            if peer.session:
                peer.send(Ping(head=len(self.log)))

    def say_bye(self, code: Literal["ahead", "unauthorized", "shutdown", "slow-consumer"], message: str = "") -> None:
        """Send everybody away."""
        for peer in self.peers:
            peer.send(Bye(code, message))

    def on_frame(self, peer: Peer, data: bytes | str) -> None:
        """A client has sent a frame; answers are in the outboxes when this returns.

        Raises:
            FrameError: It is not a frame.
        """
        match decode_client_frame(data):
            case Hello() as hello:
                self._hello(peer, hello)
            case From(head):
                peer.live = True
                if head < len(self.log):
                    peer.send(Events(head + 1, self.log[head:]))
            case Push() as push:
                self._push(peer, push)
            case LiveOut() as live:
                self._relay(peer, live)
            case Ping():
                peer.send(Pong())
            case Pong():
                pass

    def append(self, event: ConfirmedEvent) -> None:
        """Record an event that no client pushed."""
        self._record(None, event)

    def _hello(self, peer: Peer, hello: Hello) -> None:
        if hello.backend == self.name and hello.head > len(self.log):
            peer.send(Bye("ahead", "you know more than this log"))
            return
        peer.session = hello.session
        user = User(peer.user, peer.user, "owner")
        peer.send(Welcome(self.name, len(self.log), user, LimitsOut.of(self.limits), decided=dict(self._last_n)))

    def _push(self, peer: Peer, push: Push) -> None:
        self._record_all(peer, push)
        if push.standby is not None:
            self.offers.append((len(self.log), push.standby))

    def _record_all(self, peer: Peer, push: Push) -> None:
        session = push.session or peer.session
        for event in push.events:
            if self.overloaded:
                peer.send(Pause(session, event.n, 100))
                return
            args = bytes(event.args)
            known = self._records.get((session, event.n))
            if event.n <= self._last_n.get(session, 0):
                if known is None or known[:2] != (event.name, args):
                    peer.send(Reject(session, event.n, "conflict", "decided with another content"))
                elif isinstance(known[2], int):
                    peer.send(Ack(session, event.n, 1, known[2]))
                elif known[2] is not None:
                    peer.send(Reject(session, event.n, *known[2]))
                continue
            self._last_n[session] = event.n
            verdict = self.judge(event)
            self._records[session, event.n] = event.name, args, verdict or len(self.log) + 1
            if verdict is not None:
                peer.send(Reject(session, event.n, *verdict))
            else:
                self._record(peer, ConfirmedEvent(event.name, event.args, peer.user, session, event.n))

    def _record(self, author: Peer | None, event: ConfirmedEvent) -> None:
        self.log.append(event)
        for peer in self.peers:
            if peer.live and peer is author:
                peer.send(Ack(event.store_session_id, event.n, 1, len(self.log)))
            elif peer.live:
                peer.send(Events(len(self.log), [event]))

    def _relay(self, peer: Peer, live: LiveOut) -> None:
        frame = LiveIn(live.topic, live.data, Sender(peer.session, peer.user), live.to, live.id)
        for other in self.peers:
            if (other is not peer) if live.to is None else (other.session == live.to):
                other.send(frame)


@final
class InMemoryServer:
    """Serves an `InMemoryBackend` over WebSockets on a free port of 127.0.0.1, every connection as one user."""

    def __init__(self, backend: InMemoryBackend, user: str = "local") -> None:
        self.backend = backend
        self.user = user
        self.port = 0
        self._sockets: list[tuple[Peer, ServerConnection]] = []
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it is; the same one after a restart."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await serve(self._talk, "127.0.0.1", self.port, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Close all connections and listen no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def flush(self) -> None:
        """Send what the backend has put into the outboxes."""
        for peer, socket in list(self._sockets):
            while peer.outbox:
                await socket.send(peer.outbox.popleft(), text=True)

    async def _talk(self, socket: ServerConnection) -> None:
        peer = self.backend.connect(self.user)
        self._sockets.append((peer, socket))
        try:
            async for data in socket:
                self.backend.on_frame(peer, data)
                await self.flush()
        except ConnectionClosed:
            pass
        finally:
            self.backend.disconnect(peer)
            self._sockets.remove((peer, socket))
