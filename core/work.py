"""What doing the work of a run is about: what may be asked of it, what it may ask for, and what it has to show.

Engines do the work; proofs, deletions, guards and steps are parts of it that several engines share.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from core.destinations.known import NO_DESTINATIONS, Destinations
from core.errors import HoldfastError
from core.models import NOTHING, Moment, Progress, Value
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


class Question(Value, frozen=True, kw_only=True):
    """What a run asks a person before it goes on.

    `id` stands for exactly what is asked: another list of files is another question. `about` is one word ("delete",
    "guard"), `sentence` says what was found and `details` more of it. `answers` are what may be answered, each with its words
    for people, the careful one first; `typed` is what must be typed to give any other than the careful one, and where
    `admin_only` is set only an admin may.
    """

    id: str
    about: str
    sentence: str
    details: tuple[str, ...] = ()
    answers: Mapping[str, str]
    typed: str = ""
    admin_only: bool = False


class Answer(Value, frozen=True, kw_only=True):
    """What a person answered to a question, and who it was."""

    question: str
    answer: str
    by: str
    at: Moment


class RunHeld(RunStopped):
    """The engine stopped to ask a person something; the run is paused until there is an answer."""

    code = "held"

    def __init__(self, question: Question) -> None:
        super().__init__("pause")
        self.args = (question.sentence,)
        self.question = question


class Outcome(Value, frozen=True, kw_only=True):
    """What an attempt that reached its aim has to show."""

    result: Mapping[str, Any] = NOTHING
    warnings: tuple[str, ...] = ()


class Copied(Value, frozen=True, kw_only=True):
    """What the program did: files and bytes it carried and removed, of how many there are, and what else to keep.

    `since_ns` is when it began, on the clock of the system.
    """

    since_ns: int
    files: int = 0
    bytes: int = 0
    removed: int = 0
    total_files: int | None = None
    total_bytes: int | None = None
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
    (patterns such as `RESTIC_*`), `log_bytes` how much one run may say; None where nobody asks. `destinations` are the
    places that an admin has made and named. `step_programs` is a folder in which steps look for their programs first.
    """

    own_data: Path
    shells: bool | None = None
    pass_env: tuple[str, ...] | None = None
    log_bytes: int | None = None
    destinations: Destinations = NO_DESTINATIONS
    step_programs: Path | None = None


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

    @property
    def job_id(self) -> str:
        """Return the id of the job."""
        ...

    @property
    def attempt(self) -> int:
        """Return the number of the attempt."""
        ...

    def answer(self, question_id: str) -> Answer | None:
        """Return what a person answered to that question of this run; None while nobody did."""
        ...

    def note(self, name: str) -> Mapping[str, Any]:
        """Return what earlier runs of the job noted under a name; empty where nothing was."""
        ...

    def take_note(self, name: str, note: Mapping[str, Any]) -> None:
        """Note something for later runs of the job; durable when it returns. Raises StorageFailed."""
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
