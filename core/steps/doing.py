"""Does the steps of a run before its copy, and sees that they are undone."""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.commanding.environment import PATH, environment_for
from core.errors import EngineFailed, HoldfastError, StorageFailed
from core.processes.orders import Order, Stream
from core.processes.program import Program, Standing
from core.remotes.asking import ask
from core.steps.journal import Entry, Journal
from core.steps.kinds import Deed, Step
from core.steps.undoing import reason_of, undo
from core.storage import atomic
from core.work import Copied, LeftAtWork, RunContext, RunStopped

PROBE_SECONDS: Final = 30.0
LONGEST_UNDOING: Final = 600
PASSING: Final = (
    "could not connect",
    "can't connect",
    "connection refused",
    "is the server running",
    "starting up",
    "is locked",
    "timeout",
)
"""What programs say where waiting may help."""

NAME: Final = "step-"
NOT_COPIED: Final = "Nothing was copied. Put it right, or let the step say on_failure=warn."


class Done:
    """What the steps of a run have to tell."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def told(self, copied: Copied) -> Copied:
        """Return what was copied, with the warnings of the steps."""
        return replace(copied, warnings=(*self.warnings, *copied.warnings)) if self.warnings else copied


class Doing:
    """The steps of one attempt."""

    def __init__(self, context: RunContext, steps: tuple[Step, ...]) -> None:
        self.done = Done()
        self._context = context
        self._steps = steps
        self._journal = Journal(context.surroundings.own_data, context.run_id)
        own = context.surroundings.step_programs
        self._path = f"{own}:{PATH}" if own is not None else PATH

    def begin(self) -> None:
        """Do them in their order. Raises EngineFailed where one that must not fail did, RunStopped when asked to stop."""
        for number, step in enumerate(self._steps, start=1):
            self._context.raise_if_asked()
            try:
                self._do(number, step)
            except EngineFailed as error:
                if step.on_failure == "fail":
                    raise
                self.done.warnings.append(str(error))

    def _do(self, number: int, step: Step) -> None:
        if not self._noted(step):
            return
        dump = step.dump
        part = dump.with_name(f".{dump.name}.holdfast.part") if dump is not None else None
        deed = step.deed(part)
        if deed is None:
            return
        if part is not None and self._never_began(number):
            _clear(part)
        try:
            self._run(number, step, deed)
        except LeftAtWork:
            raise
        except HoldfastError:
            if part is not None:
                part.unlink(missing_ok=True)
            raise
        if dump is not None and part is not None:
            self._put_in_place(part, dump)

    def _never_began(self, number: int) -> bool:
        folder = self._programs / f"{NAME}{number}"
        mark = f"{self._context.run_id}:{self._context.attempt}"
        return Program(folder, mark).standing() is Standing.NEVER_BEGAN

    def _noted(self, step: Step) -> bool:
        """Note what undoes the step, durably, before it is done; False where there is nothing to do."""
        undoing = step.undoing()
        if undoing is None:
            return True
        seconds = min(step.seconds, LONGEST_UNDOING)
        entry = Entry(deed=undoing, seconds=seconds, path=self._path, shared=step.probe is not None)
        with self._journal.held(), entry.held():
            if entry in self._journal.entries():  # what an attempt before this one did is ours to undo
                return True
            if not self._journal.is_shared(entry) and not self._is_wanted(step):
                return False
            self._journal.add(entry)
        return True

    def _is_wanted(self, step: Step) -> bool:
        probe = step.probe
        if probe is None:
            return True
        asked = ask(probe.argv, environment_for("", {"PATH": self._path}, ()), seconds=PROBE_SECONDS)
        said = [line.strip() for line in asked.out.splitlines()]
        if asked.code != 0 or (probe.unknown and probe.unknown in said):
            why = "nobody knows it here" if asked.code == 0 else reason_of(asked)
            message = f"{probe.argv[-1]} cannot be stopped: {why}."
            raise EngineFailed(message, hint=NOT_COPIED, code="step-failed")
        wanted = any(line in said for line in probe.yes)
        if not wanted:
            self._context.info(f"{probe.argv[-1]} does not run; it is left as it is.")
        return wanted

    def _run(self, number: int, step: Step, deed: Deed) -> None:
        said: list[str] = []

        def hear(_stream: Stream, line: str) -> None:
            said.append(line)
            del said[:-3]

        order = Order(
            argv=deed.argv,
            folder="/",
            environment=environment_for(deed.user, {**deed.environment, "PATH": self._path}, ()),
            user=deed.user,
            time_limit=step.seconds,
        )
        try:
            ending = self._context.execute(order, hear, name=f"{NAME}{number}")
        except RunStopped as error:
            if error.asked != "timeout" or self._context.asked is not None:
                raise
            message = f"The step before the copy took longer than {step.seconds} s: {deed.words}."
            raise EngineFailed(message, hint=NOT_COPIED, transient=True, code="step-failed") from error
        if ending.code != 0:
            raise _failure(deed, ending.code, said)

    def _put_in_place(self, part: Path, dump: Path) -> None:
        """Give a dump that is whole its name, durably; one that an earlier server put there already stays."""
        try:
            if not os.path.lexists(part) and dump.exists():
                return
            if not stat.S_ISREG(part.lstat().st_mode):
                message = f"Something took the place of the dump {dump} while it was made."
                raise EngineFailed(message, hint=NOT_COPIED, code="step-failed")
            atomic.sync_file(part)
            part.replace(dump)
            atomic.sync_folder(dump.parent)
        except OSError as error:
            message = f"The dump cannot be put in its place {dump}: {error.strerror}."
            raise EngineFailed(message, hint=NOT_COPIED, code="step-failed") from error

    def end(self) -> None:
        """Undo what was done; what cannot be undone is said, and stays noted."""
        try:
            with self._journal.held():
                troubles = undo(self._journal, self._context.info)
        except StorageFailed as error:
            troubles = (f"{error} {error.hint}",)
        for trouble in troubles:
            self._context.error(trouble)
        self.done.warnings += troubles

    def is_left_at_work(self) -> bool:
        """Tell whether a program of the attempt stays at work while Holdfast restarts.

        Where none does, what was done is undone now, and done again by whoever takes the attempt up.
        """
        folders = [path for path in self._programs.glob("*") if path.is_dir()]
        mark = f"{self._context.run_id}:{self._context.attempt}"
        return any(Program(folder, mark).standing() is Standing.AT_WORK for folder in folders)

    @property
    def _programs(self) -> Path:
        return self._context.workspace / f"attempt-{self._context.attempt}"

    def forget(self) -> None:
        """Let whoever takes the attempt up do the steps again."""
        for folder in self._programs.glob(f"{NAME}*"):
            shutil.rmtree(folder, ignore_errors=True)


def _clear(part: Path) -> None:
    """Remove what lies where a dump is to be made: a half one of before, or what somebody laid there to be written to."""
    try:
        part.unlink(missing_ok=True)
    except OSError as error:
        message = f"The dump cannot be made: {part} is in the way: {error.strerror}."
        raise EngineFailed(message, hint=NOT_COPIED, code="step-failed") from error


def _failure(deed: Deed, code: int | None, said: list[str]) -> EngineFailed:
    last = " ".join(said)
    how = "was ended by a signal" if code is None else f"ended with {code}"
    message = f"The step before the copy failed: {deed.words} {how}." + (f" It said: {last}" if last else "")
    passing = any(word in last.lower() for word in PASSING)
    return EngineFailed(message, hint=NOT_COPIED, transient=passing, code="step-failed")


@contextlib.contextmanager
def around(context: RunContext, steps: tuple[Step, ...]) -> Iterator[Done]:
    """Do the steps, and undo them whatever happens: at once, or by whoever takes the attempt up after a restart."""
    doing = Doing(context, steps)
    if not steps:
        yield doing.done
        return
    stays = False
    try:
        doing.begin()
        yield doing.done
    except LeftAtWork:
        stays = doing.is_left_at_work()
        if not stays:
            doing.forget()
        raise
    finally:
        if not stays:
            doing.end()
