"""One schedule from its first step to its verdict: builds the nodes, lets the plan happen, heals, waits for rest, judges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runtime_schema.queries import ACTIVE_SESSION, OPEN_EXECUTIONS
from runtime_schema.wire import Limits
from runtime_store.sqlite import Database
from runtime_store.store import Store

from .agent_node import AgentNode
from .grade import Grade, ModelGrade
from .invariants import judge
from .loop import leave_loops
from .nemesis import Nemesis
from .network import Latency, Network
from .person import Person
from .plan import FAULTS_S, Plan, Setting
from .records import Life, Records
from .server_node import Lock, ServerNode
from .store_node import StoreNode
from .world import World

REST_WITHIN_S = 90.0
"""Virtual seconds after the healing in which everything must come to rest."""
LEASE_MS, LOST_AFTER_MS, PING_MS = 3_000, 3_000, 2_500

MakeGrade = Callable[[World, Setting], Grade]


@dataclass(slots=True)
class Simulation:
    """The nodes of one schedule."""

    plan: Plan
    make_grade: MakeGrade = ModelGrade
    world: World = field(init=False)
    records: Records = field(default_factory=Records)
    grade: Grade = field(init=False)
    network: Network = field(init=False)
    lock: Lock = field(default_factory=Lock)
    servers: list[ServerNode] = field(default_factory=list[ServerNode])
    pages: list[StoreNode] = field(default_factory=list[StoreNode])
    agents: list[AgentNode] = field(default_factory=list[AgentNode])
    people: dict[str, Person] = field(default_factory=dict[str, Person])
    limits: Limits = field(init=False)
    server: ServerNode = field(init=False)
    healed: bool = False
    log: Sequence[bytes] = ()
    """What the disk has at the end."""

    def __post_init__(self) -> None:
        plan = self.plan
        setting = plan.setting
        world = self.world = World(plan.seed)
        self.grade = self.make_grade(world, setting)
        self.network = Network(world, Latency(setting.latency_s, 4 * setting.latency_s, world.random("latency")))
        self.limits = Limits(
            ping_interval_ms=PING_MS,
            lease_ms=LEASE_MS,
            batch_events=setting.batch_events,
            send_queue_bytes=setting.send_queue_bytes,
            hello_timeout_ms=2_000,
        )
        for number in range(2):
            self.servers.append(self._server(f"server{number}"))
        for number in range(setting.pages):
            self.add_page(f"page{number}", self.grade.make_disk(f"page{number}") if setting.journals else None)
        for number in range(setting.agents):
            self._add_agent(f"agent{number}")

    def run(self, empty: Database) -> list[str]:
        """Let it happen; gives what is wrong, if anything. The log is replayed on the `empty` state."""
        try:
            return self._run(empty)
        finally:
            self.bury()

    def _run(self, empty: Database) -> list[str]:
        world = self.world
        self.name(self.servers[0])
        self.server.boot()
        dice = world.random("boot")
        for node in (*self.pages, *(agent.node for agent in self.agents if agent.node)):
            world.at(dice.uniform(0.0, 0.5), node.boot)
        nemesis = Nemesis(self)
        for step in self.plan.steps:
            world.at(step.at, nemesis.do, step)
        world.run_until(FAULTS_S)
        self.healed = True
        nemesis.heal()
        rested = False
        while not world.problems and not rested and world.now < FAULTS_S + REST_WITHIN_S:
            world.run_until(world.now + 1.0)
            rested = self.at_rest
        self.log = self.grade.bodies()
        return world.problems or judge(empty, self.records, self.log, self.stores, rested=rested)

    def name(self, server: ServerNode) -> None:
        """Let the name of the service lead to this server from now on."""
        self.server = self.network.server = server

    @property
    def stores(self) -> list[Life]:
        """The lives that go on."""
        nodes = [*self.pages, *(agent.node for agent in self.agents)]
        return [node.life for node in nodes if node is not None and node.life is not None]

    @property
    def at_rest(self) -> bool:
        """Whether every store has all of the log and nothing of its own is open, and nothing runs."""
        head = self.grade.head()
        lives = self.stores
        for life in lives:
            if life.store is None:
                return False
            status = life.store.status
            if not status.connected or status.head != head or status.pending:
                return False
        return not any(_busy(agent) for agent in self.agents) and not any(_open(life) for life in lives[:1])

    def bury(self) -> None:
        """Close what waits in the loops of the dead and the living."""
        leave_loops(self.world)
        for life in self.records.lives:
            life.loop.bury()
        for server in self.servers:
            for loop in server.loops:
                loop.bury()
        self.grade.close()

    def add_page(self, name: str, disk: object, first_ids: tuple[str, ...] = (), user: str | None = None) -> StoreNode:
        """Put a page with a person on the network."""
        setting = self.plan.setting
        dice = self.world.random(name)
        node = StoreNode(
            self.world,
            self.network,
            self.records,
            name,
            user or f"user-{name}",
            disk,  # type: ignore[arg-type]  # a Disk or None, of this world's grade
            setting.power_safe,
            lambda: setting.disk_s * (0.5 + dice.random()),
            _look,
            first_ids,
        )
        self.pages.append(node)
        self.people[name] = Person(self.world, name, self.world.random(f"person/{name}"))
        return node

    def _server(self, name: str) -> ServerNode:
        setting = self.plan.setting
        dice = self.world.random(name)
        return ServerNode(
            self.world,
            name,
            self.lock,
            self.limits,
            lambda loop, on_fatal: self.grade.open_log(loop, on_fatal),
            lambda: setting.disk_s * (0.5 + dice.random()),
            setting.buffer_bytes,
            lambda server: self.server is server,
            self._server_down,
        )

    def _server_down(self, server: ServerNode) -> None:
        """A server that ended by itself is started again, as a supervisor would."""
        if self.server is server:
            self.world.after(0.5, self._revive, server)

    def _revive(self, server: ServerNode) -> None:
        if self.server is server:
            server.boot()

    def _add_agent(self, name: str) -> None:
        setting = self.plan.setting
        dice = self.world.random(name)
        agent = AgentNode(
            self.world,
            self.records,
            f"rt-{name}",
            setting.pace_s,
            lambda: dice.choice((0.01, 0.3, 1.0)),
            LOST_AFTER_MS,
        )
        agent.node = StoreNode(
            self.world,
            self.network,
            self.records,
            name,
            "bot",
            self.grade.make_disk(name) if setting.agent_journals else None,
            False,
            lambda: setting.disk_s * (0.5 + dice.random()),
            agent.inhabit,
        )
        self.agents.append(agent)


def _look(life: Life, store: Store) -> None:
    """A page that is only open."""


def _busy(agent: AgentNode) -> bool:
    alive = agent.node is not None and agent.node.life is not None
    return alive and agent.agent is not None and agent.agent.state in ("starting", "restarting", "stopping")


def _open(life: Life) -> bool:
    """Whether something in the notebook is still under way."""
    store = life.store
    assert store is not None
    sessions = store.query(ACTIVE_SESSION, confirmed=True)
    if any(session.status != "ready" for session in sessions):
        return True
    return bool(sessions) and bool(store.query(OPEN_EXECUTIONS, confirmed=True))
