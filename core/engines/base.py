"""What an engine is: the code that does one kind of job.

Its fields are its options: from them come the form, the API, the command line and the reference
page. Field extras understood by the form: `json_schema_extra={"widget": "folder" | "patterns" |
"rate" | "choice" | "toggle", "group": "...", "shown_if": {"field": value}, "choices": {value: "its words"}}`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from core.errors import HoldfastError
from core.models import NOTHING, Progress, Value
from core.processes.orders import Exit, Hide, OnLatest, OnLine, Order

Asked = Literal["cancel", "pause", "leave", "timeout"]
"""What a running engine may be asked: to stop for good, to stop half-way, to give its slot back
because the worker leaves, to stop because its time is over."""


class RunStopped(HoldfastError):
    """The engine stopped because it was asked to; what it did so far is kept."""

    code = "stopped"

    def __init__(self, asked: Asked) -> None:
        super().__init__(f"Stopped, asked to {asked}.")
        self.asked = asked


class ProgramLost(RunStopped):
    """The program of an attempt is gone and nobody knows how it ended; the class of its kind decides."""

    code = "program-lost"

    def __init__(self) -> None:
        super().__init__("leave")
        self.args = ("The program of this attempt was lost, and nobody saw how it ended.",)


class LeftAtWork(RunStopped):
    """The worker leaves and the program of the attempt stays at work; whoever is next takes it up."""

    code = "left-at-work"

    def __init__(self) -> None:
        super().__init__("leave")
        self.args = ("The program stays at work while Holdfast restarts.",)


class Outcome(Value, frozen=True, kw_only=True):
    """What an attempt that reached its aim has to show."""

    result: Mapping[str, Any] = NOTHING
    warnings: tuple[str, ...] = ()


class Fact(Value, frozen=True, kw_only=True):
    """The checked truth below one field of a form ("212,904 files, 251 GB, readable")."""

    field: str
    good: bool
    text: str


class Surroundings(Value, frozen=True, kw_only=True):
    """What an engine may know about the house when its options are checked.

    `shells` is whether scripts may be run, `pass_env` which variables of Holdfast's own environment jobs may ask for
    (patterns such as `RESTIC_*`), `log_bytes` how much one run may say; None where nobody asks.
    """

    own_data: Path
    shells: bool | None = None
    pass_env: tuple[str, ...] | None = None
    log_bytes: int | None = None


class RunContext(Protocol):
    """What an engine may ask for while it works. Safe to use from several threads."""

    @property
    def run_id(self) -> str:
        """Return the id of the run."""
        ...

    @property
    def workspace(self) -> Path:
        """Return a folder of this run's own; it outlives the attempt and goes with the run."""
        ...

    @property
    def surroundings(self) -> Surroundings:
        """Return what the engine may know about the house."""
        ...

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """Return what the attempt before this one last reported; empty in a first attempt."""
        ...

    @property
    def asked(self) -> Asked | None:
        """Return what the engine is asked to do, if anything. Look at least five times a second."""
        ...

    def raise_if_asked(self) -> None:
        """Raise RunStopped if the engine is asked to stop."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait, or raise RunStopped as soon as the engine is asked to stop."""
        ...

    def execute(
        self,
        order: Order,
        on_line: OnLine | None = None,
        *,
        name: str = "program",
        hide: Hide | None = None,
        on_latest: OnLatest | None = None,
    ) -> Exit:
        """Run a program to its end, or take it up where an earlier server left it at work; returns how it ended.

        For kinds that say `uses_programs`.
        `on_line` is told each line, without its colours; each goes to the run's log once, however often the server is
        restarted. `on_latest` is shown where a program is that says more than is kept. `hide` takes out of a line
        what nobody may read, before anybody is told. An attempt that runs several programs gives each a `name` of its own, and gives the same ones in the same order
        again. Raises EngineFailed when it cannot be started, and RunStopped when the engine is asked to stop or the
        program was out of time or lost; it has ended then, and so has everything it started.
        """
        ...

    def report(self, progress: Progress, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Tell how far it is; cheap, call it up to ten times a second."""
        ...

    def info(self, message: str) -> None:
        """Write a line to the run's log."""
        ...

    def warn(self, message: str) -> None:
        """Write a warning to the run's log."""
        ...

    def error(self, message: str) -> None:
        """Write an error to the run's log."""
        ...


class Engine(BaseModel, ABC):
    """Does one kind of job.

    `stages` are the names of its steps in order; `can_pause` that it goes on where it was;
    `repeatable` that it may be run again after a crash without a person's word. `harmless` is what
    a failed run has not touched, whatever made it fail, and `deletes` what runs remove, both in
    words for people; empty where nothing of the kind can be promised. `uses_programs` is that whatever
    it does outside of memory is done by programs it has executed: where the server is killed, the same attempt
    runs again and takes them up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    stages: ClassVar[Sequence[str]] = ()
    harmless: ClassVar[str] = ""
    deletes: ClassVar[str] = ""
    can_pause: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False
    uses_programs: ClassVar[bool] = False
    proves: ClassVar[bool] = False
    """Whether its runs make copies and can prove that they are good."""
    admin_only: ClassVar[bool] = False
    """Whether only an admin may make and change jobs of the kind."""

    @classmethod
    def off(cls, surroundings: Surroundings) -> str:  # noqa: ARG003 - most kinds can always be used
        """Return why the kind cannot be used in this house; empty where it can."""
        return ""

    @property
    def may_repeat(self) -> bool:
        """Tell whether a run with these options may be run again after a crash without a person's word."""
        return self.repeatable

    @property
    def reaches(self) -> tuple[str, ...]:
        """Return the names of the remotes and destinations a run needs; a breaker guards each for all that share it."""
        return ()

    def check(self, surroundings: Surroundings) -> None:
        """Raise InvalidOptions if these options cannot work here; fast, touches no content."""

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return the checked truth below the form's fields; at most two seconds of work."""
        return ()

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do, one sentence each, for people."""
        return ()

    @abstractmethod
    def run(self, context: RunContext) -> Outcome:
        """Make one attempt. Raises EngineFailed, or RunStopped when asked to stop."""


EngineMaker = Callable[[str, Mapping[str, Any]], Engine]
"""Makes the engine of a kind with its options; raises NotFound or InvalidOptions."""
