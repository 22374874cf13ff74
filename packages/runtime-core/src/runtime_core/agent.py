"""The agent: carries out what `decide` says on a store it is lent and the handlers it was given, from start to end.

It owns its sessions, the order of start, restart, cancel and end, and every wait between them. It closes nothing it
was lent: the store lives on. Handlers know what runs; `decide` knows what to do next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import assert_never, final

from runtime_schema.events import CellType, TerminationReason
from runtime_schema.ids import RuntimeSessionId, StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.outputs import ExecuteReply
from runtime_schema.queries import ACTIVE_SESSION, ExecutionRow, RuntimeSessionRow

from .context import AgentPorts, PasswordReplies, RuntimeHandler
from .decide import (
    Action,
    CancelBeforeRun,
    CancelRunning,
    ForgetExecution,
    Phase,
    RunExecution,
    StartExecution,
    StartNewSession,
    StopAgent,
    TakeExecution,
    decide,
)
from .errors import AgentStateError, InvalidOptionError, QuestionError, RejectedError, SessionEndedError, SessionRefusedError
from .execution import CANCELLED, CancellationHandler, Execution, Handlers
from .log import Logger
from .options import RuntimeAgentOptions, RuntimeCapabilities
from .ports import Applied, ArtifactStore, Clock, IdSource, LiveMessage, Store, StoreStatus, Unsubscribe
from .session import Session
from .tasks import Tasks, done_within, result_of
from .upkeep import Lifecycle, Upkeep

LiveAnswer = Callable[[Mapping[str, Json], StoreSessionId], Awaitable[Mapping[str, Json]]]
"""Answers a live message's data and sender; a QuestionError becomes the problem that the sender is told."""


@final
class RuntimeAgent:
    """A guest of a notebook's store that runs its executions.

    Args:
        store: Lent, caught up with its authority; stays open.
        capabilities: The cells it takes.
        options: Who it is, and its bounds.
        artifacts: Keeps large outputs.
        clock, ids: Where time and new ids come from.

    Raises:
        InvalidOptionError: `options.client_id` is not the store's.
    """

    def __init__(
        self,
        store: Store,
        capabilities: RuntimeCapabilities,
        options: RuntimeAgentOptions,
        *,
        artifacts: ArtifactStore,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        if options.client_id != store.client_id:
            raise InvalidOptionError("client_id", f"is {options.client_id!r}, but the store commits in the name of {store.client_id!r}")
        self.options = options
        self.problem: Exception | None = None
        """What ended the agent, when an error did."""
        self.ports = AgentPorts(store=store, artifacts=artifacts, clock=clock, ids=ids, options=options, passwords=PasswordReplies())
        self._cell_types = capabilities.cell_types
        self._log = Logger("runtime_core.agent", runtime=options.runtime_id)
        self._state: Phase = "new"
        self._observers: list[Callable[[Phase], None]] = []
        self._handlers = Handlers()
        self._upkeep = Upkeep(options.runtime_type, options.ready_timeout_s, clock)
        self._tasks = Tasks(self._fail)
        self._subscriptions: list[Unsubscribe] = []
        self._answers: dict[str, LiveAnswer] = {"runtime.restart": self._hear_restart, "runtime.stop": self._hear_stop}
        self._leaving = False
        self._active: RuntimeSessionRow | None = None
        self._session: Session | None = None
        self._execution: Execution | None = None
        self._count = 0
        self._ending: asyncio.Task[None] | None = None
        self._end_reason = ""
        self._closed = asyncio.Event()

    @property
    def state(self) -> Phase:
        """Where the agent is in its life; `on_state` tells of changes."""
        return self._state

    @property
    def session_id(self) -> RuntimeSessionId | None:
        """The session it has now, or had last."""
        return self._session and self._session.session_id

    def on_state(self, callback: Callable[[Phase], None]) -> Unsubscribe:
        """Call back on every change of `state`."""
        self._observers.append(callback)
        return lambda: self._observers.remove(callback) if callback in self._observers else None

    def on_execution(self, handler: RuntimeHandler, cell_types: Iterable[CellType] | None = None) -> Unsubscribe:
        """Run executions of these cell types (by default all it is capable of) by this handler; the latest one wins."""
        return self._handlers.add(handler, self._cell_types if cell_types is None else cell_types)

    def on_cancellation(self, handler: CancellationHandler) -> Unsubscribe:
        """Call this handler too when a running execution is cancelled."""
        return self._handlers.add_cancellation(handler)

    def on_question(self, topic: str, answer: LiveAnswer) -> None:
        """Answer live messages of this topic that name the agent's session; before `start`."""
        self._answers[topic] = answer

    def attach(self, lifecycle: Lifecycle) -> None:
        """Start, restart and stop this with the agent."""
        if self._state != "new":
            raise AgentStateError("attach a lifecycle", self._state)
        self._upkeep.lifecycle = lifecycle

    async def start(self, *, replaces: RuntimeSessionId | None = None, takeover: bool = False) -> None:
        """Become the notebook's runtime; returns when the session is `ready`.

        An earlier session of the same `runtime_id` is replaced; another's with `takeover` (a person's wish) or by `replaces`.

        Raises:
            SessionRefusedError: Another runtime is active.
            EngineStartError: What runs the code did not come up.
            SessionEndedError: The session was ended meanwhile.
            RejectedError: The authority does not take this version's sessions.
        """
        if self._state != "new":
            raise AgentStateError("start", self._state)
        for cell_type in self._cell_types:
            if self._handlers.of(cell_type) is None:
                raise AgentStateError(f"start without a handler for {cell_type} cells", self._state)
        self._set_state("starting")
        starting = self._tasks.spawn(self._start(replaces, takeover))
        try:
            await asyncio.wait({starting})
        except asyncio.CancelledError:
            self._end_as("shutdown", "shutdown")
            raise
        if starting.cancelled() or starting.exception() is not None:
            reason = await self.closed()
            if not starting.cancelled():
                starting.result()
            if reason == "refused":
                raise SessionRefusedError(self.options.runtime_id, self._active and self._active.runtime_id)
            raise SessionEndedError(str(self.session_id), reason)

    async def shutdown(self) -> None:
        """End the session and what stands behind it, within the options' bounds; the store stays open. May be called again."""
        if self._state == "new":
            self._leave("shutdown")
        elif self._state != "stopped":
            await asyncio.shield(self._end_as("shutdown", "shutdown"))

    async def closed(self) -> str:
        """Wait until the agent has ended, by whomever, and tell why.

        Returns:
            A reason of a session's end, or `upgrade` when the authority runs other rules.
        """
        await self._closed.wait()
        return self._end_reason

    def leave(self) -> None:
        """End the session when what runs has ended: user code asked for it."""
        self._leaving = True
        if self._execution is None:
            self._end_as("shutdown", "shutdown")

    def report_death(self, reason: str) -> None:
        """Hear that what runs the code ended by itself: the running execution fails, and it is brought up again."""
        self._upkeep.died(reason)
        if self._state == "ready":
            self._upkeep.count_death()
            value = f"the runtime {reason}; its variables are gone"
            if self._execution is not None:
                self._execution.show_error("RuntimeCrashed", value)
            self._restart(ExecuteReply(status="error", error_name="RuntimeCrashed", error_value=value))

    # --- becoming ready

    async def _start(self, replaces: RuntimeSessionId | None, takeover: bool) -> None:
        await self._see_store()
        active = self._active
        if replaces is None and active is not None and (takeover or active.runtime_id == self.options.runtime_id):
            replaces = RuntimeSessionId(active.session_id)
        self._session = self._new_session(self.options.session_id)
        await self._be_accepted(self._session, replaces)
        await self._upkeep.start()
        await self._become_ready(self._session)

    async def _see_store(self) -> None:
        # What is confirmed is only worth asking a store that has heard of its authority.
        store = self.ports.store
        connected, seen = asyncio.Event(), asyncio.Event()

        def see_status(status: StoreStatus) -> None:
            if not status.connected:
                connected.clear()
            elif not connected.is_set():
                connected.set()
                self._step()  # the store session may be another by now

        def see_active(rows: Sequence[RuntimeSessionRow]) -> None:
            self._active = rows[0] if rows else None
            seen.set()
            self._step()

        self._subscriptions.append(store.subscribe_status(see_status))
        await connected.wait()
        self._subscriptions += (
            store.subscribe(ACTIVE_SESSION, see_active, confirmed=True),
            *(store.on_live(topic, partial(self._hear, answer)) for topic, answer in self._answers.items()),
            store.on_live("input.reply", self.ports.passwords.receive),
        )
        await seen.wait()

    def _new_session(self, session_id: RuntimeSessionId | None = None) -> Session:
        return Session(session_id or RuntimeSessionId(self.ports.ids.new_id()), self.ports, self._step, self._fail)

    async def _be_accepted(self, session: Session, replaces: RuntimeSessionId | None) -> None:
        # A refusal is a row too: `decide` sees it before this goes on, and ends the agent.
        await result_of(session.start(self._cell_types, replaces))
        await result_of(session.confirmed)

    async def _become_ready(self, session: Session) -> None:
        # Not applied: the session has ended, and its row is about to say so.
        if (await result_of(session.set_status("ready"))).applied:
            self._set_state("ready")
            self._log.info("ready", session=session.session_id)
            if (reason := self._upkeep.death) is not None:
                self.report_death(reason)
            self._step()
            self._stand_by()

    # --- what to do next

    def _step(self) -> None:
        session = self._session
        if session is None or session.outbox.closed:
            return
        for action in decide(session.view(self._state, self._active, self._execution and self._execution.in_hand())):
            self._log.debug("action", action=type(action).__name__)
            self._perform(session, action, self._execution)

    def _perform(self, session: Session, action: Action, execution: Execution | None) -> None:
        match action:
            case StartExecution(execution=row):
                # Asked at once, so that it goes out together with the end of the execution before it.
                starting = session.start_execution(row.id, self._count + 1)
                self._execution = self._take_in_hand(session, row, self._count + 1, starting)
                self._tasks.spawn(self._await_start(self._execution))
            case TakeExecution(execution=row):
                self._count = row.execution_count or 0
                self._execution = self._take_in_hand(session, row, self._count, None)
            case RunExecution(execution=row):
                assert execution is not None
                self._upkeep.used()
                execution.run(row)
                if self.options.execution_timeout_s is not None:
                    self._tasks.spawn(self._time_out(execution, self.options.execution_timeout_s))
            case CancelRunning(reason=reason):
                assert execution is not None
                execution.cancel(reason)
                self._tasks.spawn(self._escalate(execution))
            case CancelBeforeRun(execution_id=execution_id):
                session.finish_execution(execution_id, CANCELLED)
                self._forget(execution_id)
            case ForgetExecution(execution_id=execution_id):
                self._forget(execution_id)
            case StopAgent(reason=reason):
                self._end_as(reason)
            case StartNewSession():
                session.close()
                self._set_state("starting")
                self._session = self._new_session()
                self._tasks.spawn(self._start_anew(self._session))
            case _:
                assert_never(action)

    def _take_in_hand(self, session: Session, row: ExecutionRow, count: int, starting: asyncio.Future[Applied] | None) -> Execution:
        return Execution(row, count, starting, session, self._handlers, self._finish, self._lose, self._fail)

    async def _await_start(self, execution: Execution) -> None:
        if await execution.was_started():
            self._count = execution.count
        self._step()

    def _finish(self, execution: Execution, reply: ExecuteReply) -> None:
        """Finish the execution in hand; of another one somebody has said already how it ended."""
        if self._execution is execution:
            execution.finish(reply)
            self._execution = None
            if self._leaving:
                self._end_as("shutdown", "shutdown")
            self._step()
            self._stand_by()

    def _stand_by(self) -> None:
        """Ask for the next start in advance, if nothing waits: that spares the next request a crossing."""
        if self._state == "ready" and self._execution is None and self._session is not None:
            self._session.stand_by(self._count + 1)

    def _forget(self, execution_id: str) -> None:
        if self._execution is not None and self._execution.id == execution_id:
            self._execution = None
            self._step()

    # --- cancelling and restarting

    async def _escalate(self, execution: Execution) -> None:
        grace_s = self.options.cancel_grace_s
        if await execution.ended_within(self.ports.clock, grace_s) or self._execution is not execution or self._state != "ready":
            return
        consequence = "the runtime is restarted and its variables are gone" if self._upkeep.lifecycle else "it is left to itself"
        execution.note(f"this did not stop within {grace_s:g} s: {consequence}")
        if self._upkeep.lifecycle is not None:
            self._restart(CANCELLED)
        else:
            self._finish(execution, CANCELLED)
            execution.abandon()

    async def _time_out(self, execution: Execution, limit_s: float) -> None:
        if not await execution.ended_within(self.ports.clock, limit_s) and self._execution is execution and not execution.cancelled:
            execution.time_out(limit_s)
            await self._escalate(execution)

    def _lose(self, execution: Execution, reason: str) -> None:
        # In other phases whoever is ending or restarting the engine finishes what it ran.
        if self._execution is execution and self._state == "ready":
            self.report_death(reason)

    def _restart(self, reply: ExecuteReply) -> None:
        """Finish what runs with this reply, or as cancelled when it is being cancelled, and come up again with the same queue."""
        session, execution = self._session, self._execution
        assert session is not None
        self._set_state("restarting")
        self._count = 0
        if execution is not None and execution.running:
            self._finish(execution, CANCELLED if execution.cancelled else reply)
        elif execution is not None and execution.start_state == "applied":
            self._count = execution.count  # it runs when the runtime is up again, under the count it was given
        self._tasks.spawn(self._come_back(session, execution, session.set_status("restarting")))

    async def _come_back(self, session: Session, execution: Execution | None, receipt: asyncio.Future[Applied]) -> None:
        await self._upkeep.restart()
        if execution is not None and execution.running:
            execution.abandon()
        await result_of(receipt)
        await self._become_ready(session)

    async def _start_anew(self, session: Session) -> None:
        """After the old session was given up as lost: free the engine of its work, keep it, and ask to be the runtime again."""
        execution, self._execution = self._execution, None
        grace_s = self.options.cancel_grace_s
        if execution is not None and not await execution.ended_when_cancelled("lost", self.ports.clock, grace_s):
            execution.abandon()
            await self._upkeep.restart()
            self._count = 0
        await self._be_accepted(session, None)
        await self._become_ready(session)

    async def _hear(self, answer: LiveAnswer, message: LiveMessage) -> Json:
        data = message.data
        if not isinstance(data, dict) or data.get("sessionId") != self.session_id:
            return {"ok": False, "problem": f"this runtime's session is {self.session_id}"}
        try:
            return {"ok": True, **await answer(data, message.sender)}
        except QuestionError as exc:
            return {"ok": False, "problem": exc.problem}

    async def _hear_stop(self, _data: Mapping[str, Json], _sender: str) -> Mapping[str, Json]:
        self._end_as("shutdown", "shutdown")
        return {}

    async def _hear_restart(self, _data: Mapping[str, Json], _sender: str) -> Mapping[str, Json]:
        if self._state != "ready":
            raise QuestionError("restart", f"the runtime is {self._state}")
        self._restart(ExecuteReply(status="error", error_name="RuntimeRestarted", error_value="the runtime was restarted"))
        return {}

    # --- the end

    def _fail(self, exc: Exception) -> None:
        """End because of an error, unless the agent is ending anyway."""
        if isinstance(exc, RejectedError) and exc.code == "upgrade":
            self._end_as("upgrade", "shutdown", exc)
        else:
            self._log.error("failed", exc)
            self._end_as("crashed", "crashed", exc)

    def _end_as(self, reason: str, terminated: TerminationReason | None = None, problem: Exception | None = None) -> asyncio.Task[None]:
        """Begin to end, once; with `terminated` the agent says so itself, without it somebody else has."""
        if self._ending is None:
            self.problem = problem
            self._set_state("stopping")
            self._ending = asyncio.ensure_future(self._end(reason, terminated))
            self._tasks.cancel()
        return self._ending

    async def _end(self, reason: str, terminated: TerminationReason | None) -> None:
        try:
            try:
                receipt = await self._say_end(reason, terminated)
            finally:
                await self._upkeep.stop()
            if receipt is not None:
                await done_within(self.ports.clock, self.options.receipt_timeout_s, receipt)
        except Exception as exc:  # whatever fails here, the agent must end and say so
            self._log.error("failed while ending", exc)
            self.problem = self.problem or exc
        finally:
            self._leave(reason)

    async def _say_end(self, reason: str, terminated: TerminationReason | None) -> asyncio.Future[Applied] | None:
        session, execution = self._session, self._execution
        if session is not None and terminated is None:
            session.close()
        if execution is not None:
            await execution.ended_when_cancelled(reason, self.ports.clock, self.options.cancel_grace_s)
            self._finish(execution, CANCELLED)
            execution.abandon()
        return session.terminate(terminated) if session is not None and terminated is not None else None

    def _leave(self, reason: str) -> None:
        for unsubscribe in self._subscriptions:
            unsubscribe()
        if self._session is not None:
            self._session.close()
        self._end_reason = reason
        self._set_state("stopped")
        self._log.info("ended", reason=reason)
        self._closed.set()

    def _set_state(self, state: Phase) -> None:
        if state != self._state:
            self._state = state
            for observer in tuple(self._observers):
                observer(state)
