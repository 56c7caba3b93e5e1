"""Trying a job without writing: what a run would do is found out beside the runs, and none of them knows of it."""

import logging
import shutil
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal

from msgspec.structs import replace

from core.clock import Clock
from core.drafts import JobDraft, checked, draft_of
from core.engines.base import Engine
from core.errors import HoldfastError, NotFound, Refused, StorageFailed
from core.executing import Follower
from core.manager import JobManager
from core.models import NOTHING, Failure, Moment, Progress, Value, frozen
from core.processes.orders import Exit, Hide, OnLatest, OnLine, Order
from core.processes.program import Program, Standing
from core.processes.reading import Line
from core.work import Answer, Asked, RunHeld, RunStopped, Surroundings
from core.worker import failure_of

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 2
MOST_WAITING: Final = 20
KEPT: Final = 50
"""How many that are over can still be looked at; a restart forgets them."""

LINES_KEPT: Final = 200
FOLDER: Final = "trials"
A_MISTAKE: Final = Failure(
    code="internal",
    message="Holdfast itself made a mistake while it tried this.",
    hint="The server's log has more about it.",
)

RehearsalState = Literal["waiting", "at-work", "done", "failed", "cancelled"]


class Rehearsal(Value, frozen=True, kw_only=True):
    """One try without writing; `result` is what a run would do, as the kind says it. `job_id` is empty for a draft."""

    id: str
    name: str
    kind: str
    job_id: str = ""
    by: str = ""
    state: RehearsalState = "waiting"
    began_at: Moment
    ended_at: Moment | None = None
    progress: Progress = Progress()
    result: Mapping[str, Any] = NOTHING
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    lines: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Tell whether it has ended."""
        return self.ended_at is not None


class Rehearsals:
    """Carries rehearsals out, a few at a time, in threads of their own."""

    def __init__(
        self, manager: JobManager, surroundings: Surroundings, workspaces: Path, clock: Clock
    ) -> None:
        self._manager = manager
        self._surroundings = surroundings
        self._folder = workspaces / FOLDER
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Rehearsal] = OrderedDict()
        self._asked: dict[str, threading.Event] = {}
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "trial")

    def clear_up(self) -> None:
        """End what an earlier server left at work, and remove what it left."""
        for folder in self._folder.glob("*/attempt-1/*"):
            program = Program(folder, mark_of(folder.parent.parent.name))
            if program.standing() is Standing.AT_WORK or program.is_haunted():
                program.give_up()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Ask all of them to end, and wait for that."""
        with self._lock:
            for asked in self._asked.values():
                asked.set()
        self._threads.shutdown(cancel_futures=True)

    def of_job(self, job_id: str, *, by: str = "") -> Rehearsal:
        """Begin to try a job; raises NotFound, InvalidOptions or Refused."""
        return self._begin(draft_of(self._manager.job(job_id).job), job_id, by)

    def of_draft(self, draft: JobDraft, *, by: str = "") -> Rehearsal:
        """Begin to try a job as it was entered, before it is kept; raises InvalidOptions or Refused."""
        return self._begin(checked(draft, self._manager.engine, self._surroundings), "", by)

    def show(self, rehearsal_id: str) -> Rehearsal:
        """Return how one stands; raises NotFound."""
        with self._lock:
            found = self._known.get(rehearsal_id)
        if found is None:
            raise NotFound("trial", rehearsal_id, hint="Trials are not kept for long; try it again.")
        return found

    def cancel(self, rehearsal_id: str) -> Rehearsal:
        """Ask one to end; raises NotFound."""
        found = self.show(rehearsal_id)
        with self._lock:
            asked = self._asked.get(rehearsal_id)
        if asked is not None:
            asked.set()
        return found

    def _begin(self, draft: JobDraft, job_id: str, by: str) -> Rehearsal:
        engine = self._manager.engine(draft.kind, draft.options)
        if not engine.can_rehearse:
            message = f"A job of kind {draft.kind!r} cannot be tried without doing it."
            raise Refused(message, hint="Kinds that copy can: they list what a run would change.")
        with self._lock:
            if sum(not one.over for one in self._known.values()) >= MOST_WAITING:
                raise Refused(
                    "Too many trials are under way.", hint="Wait until some have ended, or cancel them."
                )
            begun = Rehearsal(
                id=str(uuid.uuid4()),
                name=draft.name,
                kind=draft.kind,
                job_id=job_id,
                by=by,
                began_at=self._clock.now(),
            )
            self._known[begun.id] = begun
            self._asked[begun.id] = threading.Event()
            self._forget_oldest()
        self._threads.submit(self._carry_out, begun.id, engine)
        return begun

    def _forget_oldest(self) -> None:
        over = [one.id for one in self._known.values() if one.over]
        for old in over[: max(0, len(over) - KEPT)]:
            del self._known[old]

    def change(self, rehearsal_id: str, **changes: Any) -> None:  # noqa: ANN401 - fields of Rehearsal
        """Have one as it is now."""
        with self._lock:
            self._known[rehearsal_id] = replace(self._known[rehearsal_id], **changes)

    def _carry_out(self, rehearsal_id: str, engine: Engine) -> None:
        asked = self._asked[rehearsal_id]
        stage = Stage(self, self.show(rehearsal_id), self._folder / rehearsal_id, self._surroundings, asked)
        self.change(rehearsal_id, state="at-work")
        self._end(rehearsal_id, **self._ending(engine, stage))
        shutil.rmtree(self._folder / rehearsal_id, ignore_errors=True)

    def _ending(self, engine: Engine, stage: "Stage") -> dict[str, Any]:
        try:
            stage.raise_if_asked()
            outcome = engine.rehearse(stage)
        except RunHeld as held:
            return {"state": "done", "warnings": (f"A run would ask: {held.question.sentence}",)}
        except RunStopped:
            return {"state": "cancelled"}
        except HoldfastError as error:
            return {"state": "failed", "error": failure_of(error)}
        except Exception:  # one trial must not end the others'; its own failure is kept and logged
            log.exception("trial %s failed in a way that nobody foresaw", stage.run_id)
            return {"state": "failed", "error": A_MISTAKE}
        return {"state": "done", "result": frozen(outcome.result), "warnings": outcome.warnings}

    def _end(self, rehearsal_id: str, **changes: Any) -> None:  # noqa: ANN401 - fields of Rehearsal
        self.change(rehearsal_id, ended_at=self._clock.now(), **changes)
        with self._lock:
            del self._asked[rehearsal_id]

    def note_of(self, job_id: str, name: str) -> Mapping[str, Any]:
        """Return what runs of the job noted under a name."""
        kept = self._manager.memory(job_id).get(name, NOTHING) if job_id else NOTHING
        return kept if isinstance(kept, Mapping) else NOTHING


class Stage:
    """What an engine may ask for while it is only tried; what it notes is not kept."""

    attempt: Final = 1
    checkpoint: Final[Mapping[str, Any]] = NOTHING

    def __init__(
        self,
        rehearsals: Rehearsals,
        about: Rehearsal,
        workspace: Path,
        surroundings: Surroundings,
        ending: threading.Event,
    ) -> None:
        self._rehearsals = rehearsals
        self._workspace = workspace
        self._ending = ending
        self._lines: list[str] = []
        self.run_id = about.id
        self.job_id = about.job_id
        self.surroundings = surroundings

    @property
    def workspace(self) -> Path:
        """Return a folder of its own; raises StorageFailed."""
        try:
            self._workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"The trial has no place to work in: {error.strerror}."
            raise StorageFailed(message) from error
        return self._workspace

    @property
    def asked(self) -> Asked | None:
        """Return what the engine is asked to do."""
        return "cancel" if self._ending.is_set() else None

    def answer(self, question_id: str) -> Answer | None:  # noqa: ARG002 - nobody is asked
        """Return None."""
        return None

    def note(self, name: str) -> Mapping[str, Any]:
        """Return what runs of the job noted."""
        return self._rehearsals.note_of(self.job_id, name)

    def take_note(self, name: str, note: Mapping[str, Any]) -> None:
        """Keep nothing: nothing was done."""

    def raise_if_asked(self) -> None:
        """Raise RunStopped if it is asked to end."""
        if self._ending.is_set():
            raise RunStopped("cancel")

    def wait(self, seconds: float) -> None:
        """Wait, or raise RunStopped as soon as it is asked to end."""
        self._ending.wait(seconds)
        self.raise_if_asked()

    def execute(
        self,
        order: Order,
        on_line: OnLine | None = None,
        *,
        name: str = "program",
        hide: Hide | None = None,
        on_latest: OnLatest | None = None,  # noqa: ARG002 - how far a trial is shows in its lines
    ) -> Exit:
        """Run a program to its end."""
        program = Program(self.workspace / "attempt-1" / name, mark_of(self.run_id))
        try:
            return Follower(program, order, _Hearer(self, on_line, hide), lambda: self.asked).follow()
        except OSError as error:
            message = f"The program cannot be kept: {error.strerror}."
            raise StorageFailed(message) from error

    def report(self, progress: Progress, checkpoint: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - a trial does not go on
        """Tell how far it is."""
        self._rehearsals.change(self.run_id, progress=progress)

    def info(self, message: str) -> None:
        """Keep a line."""
        self._say(message)

    def warn(self, message: str) -> None:
        """Keep a line."""
        self._say(message)

    def error(self, message: str) -> None:
        """Keep a line."""
        self._say(message)

    def _say(self, message: str) -> None:
        self._lines = [*self._lines, message][-LINES_KEPT:]
        self._rehearsals.change(self.run_id, lines=tuple(self._lines))


class _Hearer:
    """Hears what a program of a trial says."""

    def __init__(self, stage: Stage, on_line: OnLine | None, hide: Hide | None) -> None:
        self._stage = stage
        self._on_line = on_line
        self._hide = hide

    def begin(self) -> None:
        """Nothing was said yet."""

    def tell(self, lines: list[Line]) -> None:
        """Hand lines on, and keep the last."""
        for line in lines:
            text = self._hide(line.text) if self._hide else line.text
            if self._on_line is None or line.note or self._on_line(line.stream, text) is not False:
                self._stage.info(text)

    def glance(self, lines: list[Line]) -> None:
        """Look at nothing: the lines themselves tell."""

    def say(self, level: str, message: str) -> None:  # noqa: ARG002 - a trial has one log for all levels
        """Keep a line of ours."""
        self._stage.info(message)


def mark_of(rehearsal_id: str) -> str:
    """Return what marks whatever the programs of a trial start."""
    return f"{rehearsal_id}:1"
