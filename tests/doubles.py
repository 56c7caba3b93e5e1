"""Stand-ins that behave: a clock that is set, an engine that follows a script."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from core.clock import Clock
from core.engines.base import Engine
from core.errors import EngineFailed, InvalidOptions, NotFound
from core.executing import Follower
from core.models import Progress, Run
from core.processes.orders import Exit, Hide, OnLatest, OnLine, Order
from core.processes.program import Program
from core.processes.reading import Line
from core.storage.base import Commitment, Contents, JobStore
from core.storage.rows import Changes, Rows
from core.storage.yaml_files import YamlFilesStore
from core.work import Answer, Asked, Outcome, RunContext, RunStopped, Surroundings

Script = Callable[[RunContext], Outcome]


class SettableClock:
    """Stands still until it is set or told to pass."""

    def __init__(self, at: datetime = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)) -> None:
        self._at = at
        self._passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._at

    def monotonic(self) -> float:
        with self._lock:
            return self._passed

    def set(self, at: datetime) -> None:
        """Set the time of day, backwards too; spans do not notice."""
        with self._lock:
            self._at = at

    def pass_by(self, span: timedelta) -> None:
        """Let time pass on both clocks."""
        with self._lock:
            self._at += span
            self._passed += span.total_seconds()


class ScriptedContext:
    """A run that exists for one engine only: hears it out, and asks it to stop when the script says so.

    `ask` looks at each progress that is reported and answers what the engine is asked from then on.
    """

    def __init__(
        self,
        workspace: Path,
        *,
        own_data: Path | None = None,
        ask: Callable[[Progress], Asked | None] | None = None,
        checkpoint: Mapping[str, Any] | None = None,
    ) -> None:
        self.run_id = "run-1"
        self.job_id = "job-1"
        self.attempt = 1
        self.notes: dict[str, Mapping[str, Any]] = {}
        self.answers: dict[str, Answer] = {}
        self.workspace = workspace
        self.surroundings = Surroundings(own_data=own_data or workspace)
        self.checkpoint: Mapping[str, Any] = checkpoint or {}
        self.asked: Asked | None = None
        self.reported: list[Progress] = []
        self.infos: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []
        self._ask = ask

    def answer(self, question_id: str) -> Answer | None:
        return self.answers.get(question_id)

    def note(self, name: str) -> Mapping[str, Any]:
        return self.notes.get(name, {})

    def take_note(self, name: str, note: Mapping[str, Any]) -> None:
        self.notes[name] = note

    def raise_if_asked(self) -> None:
        if self.asked is not None:
            raise RunStopped(self.asked)

    def wait(self, seconds: float) -> None:
        self.raise_if_asked()

    def execute(
        self,
        order: Order,
        on_line: OnLine | None = None,
        *,
        name: str = "program",
        hide: Hide | None = None,
        on_latest: OnLatest | None = None,
    ) -> Exit:
        """Run the program for real; its lines go to `infos` (out) and `warnings` (err)."""
        folder = self.workspace / f"attempt-{self.attempt}" / name
        program = Program(folder, f"{self.run_id}:{self.attempt}")
        return Follower(program, order, Listener(self, on_line), lambda: self.asked).follow()

    def report(self, progress: Progress, checkpoint: Mapping[str, Any] | None = None) -> None:
        self.reported.append(progress)
        if checkpoint is not None:
            self.checkpoint = checkpoint
        if self._ask is not None and self.asked is None:
            self.asked = self._ask(progress)

    def info(self, message: str) -> None:
        self.infos.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def error(self, message: str) -> None:
        self.errors.append(message)

    def again(self) -> "ScriptedContext":
        """Return the context of the next attempt at the same run."""
        again = ScriptedContext(
            self.workspace, own_data=self.surroundings.own_data, checkpoint=self.checkpoint
        )
        again.attempt = self.attempt + 1
        again.notes, again.answers, again.surroundings = self.notes, self.answers, self.surroundings
        return again


class Listener:
    """Hears a program's lines for a scripted context."""

    def __init__(self, context: ScriptedContext, on_line: OnLine | None) -> None:
        self._context = context
        self._on_line = on_line

    def begin(self) -> None:
        """Nothing was said yet."""

    def tell(self, lines: Sequence[Line]) -> None:
        for line in lines:
            wanted = self._on_line is None or line.note or self._on_line(line.stream, line.text) is not False
            if wanted and not line.passing:
                (self._context.infos if line.stream == "out" else self._context.warnings).append(line.text)

    def glance(self, lines: list[Line]) -> None:
        """Nobody asks."""

    def say(self, level: str, message: str) -> None:
        self._context.warnings.append(message)


class ScriptedEngine(Engine):
    """Follows the script of the name in its options; without one it is done at once."""

    kind: ClassVar[str] = "scripted"
    label: ClassVar[str] = "Follow a script"
    summary: ClassVar[str] = "For tests"
    stages: ClassVar[tuple[str, ...]] = ("one", "two")
    can_pause: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True
    scripts: ClassVar[dict[str, Script]] = {}

    script: str = ""
    word: str = ""

    def check(self, surroundings: Surroundings) -> None:
        if self.word == "bad":
            raise InvalidOptions({"options.word": "This word is a bad one."})

    def run(self, context: RunContext) -> Outcome:
        script = self.scripts.get(self.script)
        return script(context) if script else Outcome(result={"verified": True})


class OnceEngine(ScriptedEngine):
    """The same, but it must not be repeated or paused without a person's word."""

    kind: ClassVar[str] = "once"
    can_pause: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False


class RemoteEngine(ScriptedEngine):
    """The same, and it needs a remote."""

    kind: ClassVar[str] = "remote"

    remote: str

    @property
    def reaches(self) -> tuple[str, ...]:
        return (self.remote,)


class ProgramEngine(Engine):
    """Runs a script, and has its exit code to show; whatever is not 0 is a failure."""

    kind: ClassVar[str] = "program"
    label: ClassVar[str] = "Run a script"
    summary: ClassVar[str] = "For tests"
    repeatable: ClassVar[bool] = True
    uses_programs: ClassVar[bool] = True

    says: str = "true"

    def run(self, context: RunContext) -> Outcome:
        order = Order(argv=("sh", "-c", self.says), environment={"PATH": "/usr/bin:/bin"}, grace=0.5)
        ending = context.execute(order)
        if ending.code:
            message = f"It ended with {ending.code}."
            raise EngineFailed(message)
        return Outcome(result={"code": ending.code})


class OnceProgramEngine(ProgramEngine):
    """The same, but it must not be repeated without a person's word."""

    kind: ClassVar[str] = "once-program"
    repeatable: ClassVar[bool] = False


KINDS: Mapping[str, type[Engine]] = {
    "scripted": ScriptedEngine,
    "once": OnceEngine,
    "program": ProgramEngine,
    "once-program": OnceProgramEngine,
    "remote": RemoteEngine,
}


def make_scripted_engine(kind: str, options: Mapping[str, Any]) -> Engine:
    """Make an engine of this page; an unknown option is refused like any other."""
    if kind not in KINDS:
        what = "kind"
        raise NotFound(what, kind)
    unknown = set(options) - set(KINDS[kind].model_fields)
    if unknown:
        raise InvalidOptions({f"options.{name}": "There is no such option." for name in sorted(unknown)})
    return KINDS[kind](**options)


class Onlooker:
    """Whoever uses a store in a test: decides nothing, believes what it is told."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.rows = Rows()
        self.told: list[int] = []
        self.heard: list[Changes] = []
        self._ahead: dict[str, Run] = {}

    def open(self, store: JobStore, *, at_work: bool = True) -> Contents:
        """Open a store, as its user."""
        contents = store.open(self, at_work=at_work)
        self.rows = contents.rows
        return contents

    def keep(self, store: JobStore, changes: Changes) -> int:
        """Hand a change in and wait for it."""
        return self.hand_in(store, changes).wait()

    def hand_in(self, store: JobStore, changes: Changes) -> Commitment:
        """Hand a change in."""
        with self.lock:
            commitment = store.submit(changes)
            self._ahead |= {run.id: run for run in changes.runs}
            return commitment

    def ahead(self, run_id: str) -> Run | None:
        return self._ahead.get(run_id) or self.rows.runs.get(run_id)

    def kept(self, group: Sequence[Commitment], first: int) -> None:
        with self.lock:
            for number, commitment in enumerate(group, start=first):
                self.rows.apply(commitment.changes)
                self.told.append(number)

    def other(self, changes: Changes, number: int) -> None:
        self.rows.apply(changes)
        self.heard.append(changes)
        self.told.append(number)

    def refused(self, group: Sequence[Commitment]) -> None:
        for commitment in group:
            for run in commitment.changes.runs:
                self._ahead.pop(run.id, None)


class Held:
    """What a store was found to hold, as it was then."""

    def __init__(self, contents: Contents) -> None:
        self.jobs = tuple(contents.rows.jobs.values())
        self.runs = tuple(contents.rows.runs.values())
        self.problems = contents.problems

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and (self.jobs, self.runs, self.problems) == (
            other.jobs,
            other.runs,
            other.problems,
        )

    __hash__ = None  # type: ignore[assignment]


class UsedStore:
    """A store with somebody who uses it."""

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.onlooker = Onlooker()
        self.close = store.close
        self.check_writable = store.check_writable

    def open(self, *, at_work: bool = True) -> Held:
        return Held(self.onlooker.open(self.store, at_work=at_work))

    def commit(self, changes: Changes) -> int:
        return self.onlooker.keep(self.store, changes)

    def hand_in(self, changes: Changes) -> Commitment:
        return self.onlooker.hand_in(self.store, changes)


class FileStore(UsedStore):
    """A store of files that nobody tends: what is written later is written when the test says so."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.files = YamlFilesStore(folder, clock=clock or SettableClock(), tended=False)
        super().__init__(self.files)
        self.tell_address = self.files.tell_address

    def write_definitions(self) -> None:
        """Do what is done a moment after a commit."""
        self.files.shelf.write_due()
