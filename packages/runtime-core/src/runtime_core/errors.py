"""Errors of the core.

RuntimeCoreError
├── EngineStartError          an engine could not be started
├── EngineDiedError           an engine ended while it was running something
├── QuestionError             an engine cannot answer what a page asks
├── InputUnavailableError     nobody can answer a request for input
├── ArtifactUnavailableError  bytes that an artifact names cannot be had
├── ExecutionCancelledError   raised inside a handler whose execution is being cancelled
├── InvalidOptionError        an agent was given an option that cannot work
├── SessionRefusedError       another runtime is active, so this one may not start
├── SessionEndedError         the session ended while the agent was starting
└── AgentStateError           a call that the agent's state does not allow

RejectedError (the authority refused an event for good) is the schema's, which stores raise and agents catch.
"""

from dataclasses import dataclass

from runtime_schema.store_types import RejectedError as RejectedError


class RuntimeCoreError(Exception):
    """Root of everything this distribution raises on purpose."""


@dataclass
class EngineStartError(RuntimeCoreError):
    """The engine did not come up; `hint` says what a person can do."""

    engine: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        """Say which engine, why, and what to do."""
        return f"{self.engine} could not start: {self.problem}" + (f" ({self.hint})" if self.hint else "")


@dataclass
class EngineDiedError(RuntimeCoreError):
    """The engine ended by itself; `reason` is such as `killed by SIGSEGV` or `exited with status 3`."""

    reason: str

    def __str__(self) -> str:
        """Say how it ended."""
        return f"the engine {self.reason}"


@dataclass
class QuestionError(RuntimeCoreError):
    """An engine cannot answer a page's question."""

    question: str
    problem: str

    def __str__(self) -> str:
        """Name the question and the problem."""
        return f"{self.question}: {self.problem}"


@dataclass
class InputUnavailableError(RuntimeCoreError):
    """Code asked for input and nobody can answer."""

    reason: str

    def __str__(self) -> str:
        """Say why there is no input."""
        return f"input is not available: {self.reason}"


@dataclass
class ArtifactUnavailableError(RuntimeCoreError):
    """The bytes of an artifact cannot be had, or do not hash to its name."""

    sha256: str
    problem: str

    def __str__(self) -> str:
        """Name the artifact and the problem."""
        return f"artifact {self.sha256[:12]}…: {self.problem}"


@dataclass
class ExecutionCancelledError(RuntimeCoreError):
    """The execution that this handler runs is being cancelled."""

    execution_id: str
    reason: str

    def __str__(self) -> str:
        """Name the execution and who asked."""
        return f"execution {self.execution_id} is cancelled: {self.reason}"


@dataclass
class InvalidOptionError(RuntimeCoreError):
    """An option of an agent cannot work."""

    option: str
    problem: str

    def __str__(self) -> str:
        """Name the option and the problem."""
        return f"{self.option}: {self.problem}"


@dataclass
class SessionRefusedError(RuntimeCoreError):
    """The notebook has an active runtime and this one was not started to replace it."""

    runtime_id: str
    active_runtime_id: str | None

    def __str__(self) -> str:
        """Name both runtimes and the way out."""
        active = f"runtime {self.active_runtime_id}" if self.active_runtime_id else "another runtime"
        return f"runtime {self.runtime_id} was refused: {active} is active in this notebook (stop it, or start this one as a takeover)"


@dataclass
class SessionEndedError(RuntimeCoreError):
    """The session ended before the agent was ready; `reason` is the session's."""

    session_id: str
    reason: str

    def __str__(self) -> str:
        """Name the session and why it ended."""
        return f"session {self.session_id} ended while it was starting: {self.reason}"


@dataclass
class AgentStateError(RuntimeCoreError):
    """The agent cannot do this in its present state."""

    action: str
    state: str

    def __str__(self) -> str:
        """Name the call and the state."""
        return f"cannot {self.action}: the agent is {self.state}"
