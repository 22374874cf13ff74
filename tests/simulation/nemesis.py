"""Carries out the steps of a plan, and heals everything at its end."""

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .network import SEEN_AFTER_S, Connection
from .plan import Step
from .store_node import StoreNode

if TYPE_CHECKING:
    from .simulation import Simulation

SOON_STEPS = 60
"""A crash comes at one of so many next steps of its victim's loop, so that it can come at any await."""


class Nemesis:
    """Does what the plan says to one simulation."""

    def __init__(self, simulation: "Simulation") -> None:
        self._sim = simulation
        self._world = simulation.world
        self._clones = 0

    def do(self, step: Step) -> None:
        """Carry out one step."""
        dice = random.Random(step.choice)
        if (fault := getattr(self, "_" + step.kind.replace("-", "_"), None)) is not None:
            fault(dice, step.lasts)
            return
        pages = [page for page in self._sim.pages if page.life is not None]
        if pages:
            page = dice.choice(pages)
            assert page.life is not None
            page.life.loop.call_soon(self._sim.people[page.name].act, step.kind, page.life)

    def heal(self) -> None:
        """End all faults; start what is down, and one agent if none is alive."""
        sim = self._sim
        sim.grade.log_full(False)
        sim.network.unreachable.clear()
        for server in sim.servers:
            if server is not sim.server:
                server.kill()
            elif server.loop is not None:
                server.loop.steps_left = None
                server.loop.frozen_until = 0.0
        sim.server.boot()
        for connection in sim.network.connections:
            for direction in (connection.up, connection.down):
                direction.stalled_until = 0.0
        for node in self._clients():
            if node.life is not None:
                node.life.loop.frozen_until = 0.0
                node.life.loop.steps_left = None
            self._repair(node)
        for page in sim.pages:
            page.boot()
        if not any(agent.node and agent.node.life for agent in sim.agents):
            node = self._world.random("heal").choice(sim.agents).node
            assert node is not None
            node.boot()

    # --- victims

    def _clients(self) -> list[StoreNode]:
        return [*self._sim.pages, *(agent.node for agent in self._sim.agents if agent.node is not None)]

    def _agents(self) -> list[StoreNode]:
        return [agent.node for agent in self._sim.agents if agent.node is not None]

    def _connection(self, dice: random.Random) -> Connection | None:
        nodes = [node for node in self._clients() if self._sim.network.of(node.name)]
        return self._sim.network.of(dice.choice(nodes).name)[-1] if nodes else None

    def _repair(self, node: StoreNode) -> None:
        """Give the disk room again; a store that was refused once trusts its file no more, so its process starts anew."""
        if node.disk is not None and node.disk.full:
            node.disk.fill(False)
            if node.life is not None:
                node.kill()
                node.boot()

    # --- faults: each takes dice for its details and how long it lasts

    def _crash(self, node: StoreNode, dice: random.Random, lasts: float) -> None:
        if node.life is not None:
            node.life.loop.steps_left = dice.randint(1, SOON_STEPS)
            life = node.life

            def end() -> None:
                if node.life is life and not self._sim.healed:
                    node.kill()

            self._world.after(dice.uniform(0.0, 1.0), end)
            self._world.after(1.0 + lasts, self._boot, node)

    def _boot(self, node: StoreNode) -> None:
        if not self._sim.healed:
            node.boot()

    def _crash_page(self, dice: random.Random, lasts: float) -> None:
        self._crash(dice.choice(self._sim.pages), dice, lasts)

    def _crash_agent(self, dice: random.Random, lasts: float) -> None:
        self._crash(dice.choice(self._agents()), dice, lasts)

    def _power_client(self, dice: random.Random, lasts: float) -> None:
        node = dice.choice(self._clients())
        node.kill(power=True)
        self._world.after(lasts, self._boot, node)

    def _crash_server(self, dice: random.Random, lasts: float) -> None:
        server = self._sim.server
        if server.loop is not None:
            server.loop.steps_left = dice.randint(1, SOON_STEPS)

    def _power_server(self, dice: random.Random, lasts: float) -> None:
        if self._sim.server.up:
            self._sim.grade.cut_power(dice, self._sim.server.kill)

    def _cut(self, dice: random.Random, lasts: float) -> None:
        if (connection := self._connection(dice)) is not None:
            connection.cut(connection.latency.draw(), connection.latency.draw(), "cut")

    def _cut_silently(self, dice: random.Random, lasts: float) -> None:
        """Neither end hears of it until its own timers say so."""
        if (connection := self._connection(dice)) is not None:
            connection.cut(None, SEEN_AFTER_S, "cut silently")

    def _deaf(self, dice: random.Random, lasts: float) -> None:
        """Half open: one direction delivers nothing any more, until its end. A connection has no holes."""
        if (connection := self._connection(dice)) is not None:
            direction = connection.down if dice.random() < 0.7 else connection.up
            direction.deaf = True
            self._world.after(max(lasts, SEEN_AFTER_S), connection.cut, None, 0.0, "half open")

    def _stall(self, dice: random.Random, lasts: float) -> None:
        if (connection := self._connection(dice)) is not None:
            connection.stall(connection.down if dice.random() < 0.7 else connection.up, self._world.now + lasts)

    def _freeze(self, dice: random.Random, lasts: float) -> None:
        node = dice.choice(self._clients())
        if node.life is not None:
            node.life.loop.frozen_until = self._world.now + lasts

    def _freeze_server(self, dice: random.Random, lasts: float) -> None:
        server = self._sim.server
        if server.loop is not None:
            server.loop.frozen_until = self._world.now + lasts

    def _unreachable(self, dice: random.Random, lasts: float) -> None:
        name = dice.choice(self._clients()).name
        self._sim.network.unreachable.add(name)
        for connection in self._sim.network.of(name):
            connection.cut(None, SEEN_AFTER_S, "unreachable")
        self._world.after(lasts, self._sim.network.unreachable.discard, name)

    def _server_disk_full(self, dice: random.Random, lasts: float) -> None:
        self._sim.grade.log_full(True)
        self._world.after(lasts, self._sim.grade.log_full, False)

    def _client_disk_full(self, dice: random.Random, lasts: float) -> None:
        node = dice.choice(self._clients())
        if node.disk is not None:
            node.disk.fill(True)
            self._world.after(lasts, self._repair, node)

    def _engine_dies(self, dice: random.Random, lasts: float) -> None:
        dice.choice(self._sim.agents).engine_dies()

    def _clone(self, dice: random.Random, lasts: float) -> None:
        """A copied machine comes up: with the same disk, or, copied from memory, with the same store session."""
        twin = dice.choice(self._sim.pages)
        self._clones += 1
        name = f"{twin.name}-clone{self._clones}"
        if dice.random() < 0.5 or twin.store is None:
            disk = twin.disk.copy() if twin.disk is not None else None
            if disk is not None:
                file: Any = disk.copy().open(Path(f"look-{name}"), power_safe=False)  # Any: what has the methods of a StoreFile
                self._sim.records.copied += file.pending()
                file.close()
            clone = self._sim.add_page(name, disk, user=twin.user)
        else:
            clone = self._sim.add_page(name, None, (twin.store.store_session_id,), user=twin.user)
        clone.boot()

    def _swizzle(self, dice: random.Random, lasts: float) -> None:
        """Cut everybody, and let them back one after the other in another order."""
        clients = self._clients()
        dice.shuffle(clients)
        for place, node in enumerate(clients):
            self._sim.network.unreachable.add(node.name)
            for connection in self._sim.network.of(node.name):
                connection.cut(connection.latency.draw(), connection.latency.draw(), "clogged")
            self._world.after((place + 1) * lasts / len(clients), self._sim.network.unreachable.discard, node.name)

    def _fail_over(self, dice: random.Random, lasts: float) -> None:
        """Another server takes the name; the log's lock refuses it until the first one is gone, which may be frozen or not."""
        sim = self._sim
        first = sim.server
        second = next(server for server in sim.servers if server is not first)
        second.kill()
        if first.loop is not None:
            first.loop.frozen_until = self._world.now + dice.choice((0.0, 0.1, 1.0))
            self._world.after(1.0 + lasts, first.kill)
        second.boot()
        sim.name(second)

    def _takeover(self, dice: random.Random, lasts: float) -> None:
        """A person starts a runtime, in the place of whichever there is."""
        down = [agent for agent in self._sim.agents if agent.node is not None and agent.node.life is None]
        if down:
            agent = dice.choice(down)
            assert agent.node is not None
            agent.takeover = True
            agent.node.boot()
