"""Both stores and a model of a page side by side: whatever is done, and whatever happens, all three agree."""

import errno
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest import mock

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.dispatch.local import LocalDispatcher
from core.drafts import JobDraft, JobPatch
from core.edits import HandEdits
from core.errors import HoldfastError, StorageFailed, StorageFull
from core.events import EventBus
from core.listing import JobQuery
from core.manager import JobManager
from core.models import Failure, Progress
from core.states import FINAL, MOVES, RunState
from core.storage import yaml_text
from core.storage.base import JobStore
from core.storage.memory import MemoryStore
from core.storage.yaml_files import YamlFilesStore
from core.work import Outcome, Surroundings
from tests.doubles import SettableClock, make_scripted_engine
from tests.faults.children import ChildFailed, answer_of
from tests.faults.model import differences
from tests.faults.reports import Effort, Tally
from tests.faults.telling import plain

WORDS: Final = st.sampled_from(["one", "two", "three: 3", "vier # 4", "fünf\u2028", "- six", ""])
BROKEN: Final = Failure(code="engine-failed", message="It broke.")
AT_WORK: Final = frozenset({RunState.RUNNING, RunState.PAUSING, RunState.CANCELLING})


@dataclass
class Side:
    """A manager on one of the stores, and its own id of each job and run that the model knows by number."""

    folder: Path
    on_files: bool
    clock: SettableClock = field(default_factory=SettableClock)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store: Any = None if self.on_files else MemoryStore(self.clock)
        self.open()

    def open(self) -> None:
        """Start, on what there is."""
        if self.on_files:
            self.store = YamlFilesStore(self.folder, clock=self.clock)
        store: JobStore = self.store
        self.events = EventBus()
        self.manager = JobManager(
            store,
            self.events,
            self.clock,
            LocalDispatcher(1),
            make_scripted_engine,
            Surroundings(own_data=self.folder),
        )
        self.manager.open()
        shelf = lambda: self.store.shelf if self.on_files else None  # noqa: E731
        HandEdits(self.manager, self.events, self.clock, shelf).catch_up()

    def close(self) -> None:
        """Stop."""
        self.events.close()
        self.manager.close()

    def own(self, name: str) -> str:
        """Return this side's id of what the model calls so; what it never had is unknown."""
        return self.ids.get(name, f"unknown-{name}")

    def everything(self) -> Mapping[str, Any]:
        """Return all jobs and runs, by the model's names, without what a kill may take."""
        names = {own: name for name, own in self.ids.items()}
        seen: dict[str, Any] = {}
        for item in self.manager.list_jobs(JobQuery(limit=None)).items:
            seen[names[item.job.id]] = plain(item.job) | {"id": names[item.job.id]}
            for run in self.manager.runs_of(item.job.id):
                left_out = {} if run.over else {"progress": None, "checkpoint": None}
                mine = {
                    "id": names[run.id],
                    "job_id": names[run.job_id],
                    "flow": names.get(run.flow, run.flow),
                }
                seen[names[run.id]] = plain(run) | mine | left_out
        return seen


@dataclass
class Expected:
    """What the model knows of a job or a run."""

    version: int = 1
    word: str = ""
    enabled: bool = True
    state: RunState = RunState.QUEUED
    attempt: int = 0
    runs: list[str] = field(default_factory=list)


class Machine(RuleBasedStateMachine):
    """Does everything to both stores, and knows what must come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(prefix="machine-"))
        self.lives = itertools.count(1)
        self.memory = Side(self.place / "memory", on_files=False)
        self.files = Side(self.place / "files-0", on_files=True)
        self.left: list[Side] = []
        self.jobs: dict[str, Expected] = {}
        self.runs: dict[str, Expected] = {}
        self.numbers = itertools.count(1)

    def teardown(self) -> None:
        """Leave nothing behind."""
        for side in (self.memory, self.files, *self.left):
            side.close()
        shutil.rmtree(self.place, ignore_errors=True)

    # What people and workers ask

    @rule(word=WORDS)
    def create(self, word):
        name = f"job-{next(self.numbers)}"
        self._both(
            "",
            lambda side: side.manager.create(JobDraft(name="a job", kind="scripted", options={"word": word})),
            name,
        )
        self.jobs[name] = Expected(word=word)

    @rule()
    def create_what_is_wrong(self):
        draft = JobDraft(name=" ", kind="scripted", options={"word": "bad"})
        self._both("invalid-options", lambda side: side.manager.create(draft))

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), word=WORDS, off_by=st.sampled_from([0, 0, 0, -1, 1, None]))
    def edit(self, data, word, off_by):
        name, job = self._a_job(data)
        version = None if off_by is None else job.version + off_by
        patch = JobPatch(options={"script": "", "word": word})
        self._both(
            "version-conflict" if off_by else "",
            lambda side: side.manager.edit(side.own(name), patch, version=version),
        )
        if not off_by and word != job.word:
            job.version, job.word = job.version + 1, word

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def switch(self, data):
        name, job = self._a_job(data)
        patch = JobPatch(enabled=not job.enabled)
        self._both("", lambda side: side.manager.edit(side.own(name), patch, version=job.version))
        job.version, job.enabled = job.version + 1, not job.enabled

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def start(self, data):
        name, job = self._a_job(data)
        running = any(self.runs[run].state not in FINAL for run in job.runs)
        code = "already-running" if running else "" if job.enabled else "wrong-state"
        run = f"run-{next(self.numbers)}"
        self._both(code, lambda side: side.manager.start(side.own(name)), run)
        if not code:
            self.runs[run] = Expected()
            job.runs.append(run)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def claim(self, data):
        name, run = self._a_run(data)
        self._both("", lambda side: side.manager.claim(side.own(name), "here"))
        if run.state == RunState.QUEUED:
            self._moved(run, RunState.RUNNING)
            run.attempt += 1

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), done=st.integers(0, 100), late=st.booleans())
    def report(self, data, done, late):
        name, run = self._a_run(data)
        code, attempt = self._of_attempt(run, late=late)
        progress = Progress(stage="one", done=done, total=100)
        self._both(code, lambda side: side.manager.report(side.own(name), attempt, progress, {"at": done}))

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), late=st.booleans())
    def complete(self, data, late):
        name, run = self._a_run(data)
        code, attempt = self._of_attempt(run, late=late)
        outcome = Outcome(result={"verified": True, "files": [1, 2]}, warnings=("It was hot.",))
        self._both(code, lambda side: side.manager.complete(side.own(name), attempt, outcome))
        if not code:
            self._moved(run, RunState.COMPLETED)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def fail(self, data):
        name, run = self._a_run(data)
        code, attempt = self._of_attempt(run)
        self._both(code, lambda side: side.manager.fail(side.own(name), attempt, BROKEN))
        if not code:
            self._moved(run, RunState.CANCELLED if run.state == RunState.CANCELLING else RunState.FAILED)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def let_go(self, data):
        name, run = self._a_run(data)
        code, attempt = self._of_attempt(run)
        self._both(code, lambda side: side.manager.stopped(side.own(name), attempt))
        if not code:
            after = {RunState.CANCELLING: RunState.CANCELLED, RunState.PAUSING: RunState.PAUSED}
            self._moved(run, after.get(run.state, RunState.QUEUED))

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def cancel(self, data):
        name, run = self._a_run(data)
        code = "wrong-state" if run.state in FINAL else ""
        self._both(code, lambda side: side.manager.cancel(side.own(name)))
        if not code and run.state != RunState.CANCELLING:
            self._moved(run, RunState.CANCELLING if run.state in AT_WORK else RunState.CANCELLED)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def pause(self, data):
        name, run = self._a_run(data)
        already = run.state in {RunState.PAUSING, RunState.PAUSED}
        code = "" if already or RunState.PAUSING in MOVES[run.state] else "wrong-state"
        self._both(code, lambda side: side.manager.pause(side.own(name)))
        if not code and not already:
            self._moved(run, RunState.PAUSING)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def resume(self, data):
        name, run = self._a_run(data)
        code = "" if run.state == RunState.PAUSED else "wrong-state"
        self._both(code, lambda side: side.manager.resume(side.own(name)))
        if not code:
            self._moved(run, RunState.QUEUED)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def delete(self, data):
        name, job = self._a_job(data)
        code = "wrong-state" if any(self.runs[run].state not in FINAL for run in job.runs) else ""
        self._both(code, lambda side: side.manager.delete(side.own(name)))
        if not code:
            del self.jobs[name]
            for run in job.runs:
                del self.runs[run]

    @rule()
    def ask_for_what_is_not_there(self):
        self._both("not-found", lambda side: side.manager.start("3f2a1b4c-0000-4000-8000-000000000001"))

    # What happens to the store

    @rule()
    def checkpoint(self):
        self.files.store.checkpoint()

    @rule()
    def reopen(self):
        for side in (self.memory, self.files):
            side.close()
            side.open()
        self._tell_progress_again()

    @rule()
    def kill(self):
        """Leave the files as they are, unclosed, and go on with a copy, as after a `kill -9`."""
        self.files.store.commit()
        folder = self.place / f"files-{next(self.lives)}"
        source = self.files.store.source
        with source.still(), source.quiet():
            shutil.copytree(self.files.folder, folder, symlinks=True)
        self.left.append(self.files)
        self.files = Side(folder, on_files=True, clock=self.files.clock, ids=self.files.ids)
        self._tell_progress_again()

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), word=WORDS)
    def edit_by_hand(self, data, word):
        """Edit a definition while the store is closed; in memory the same is a new definition of the job."""
        name, job = self._a_job(data)
        self.files.close()
        own = self.files.own(name)
        (path,) = self.files.folder.glob(f"jobs/{own[:2]}/*{own[:8]}*.yaml")
        draft = JobDraft(
            name="a job", kind="scripted", options={"script": "", "word": word}, enabled=job.enabled
        )
        text = path.read_text()
        self._write_word(path, text, word)
        self.files.open()
        self._tell_progress_again()
        self.memory.manager.define(self.memory.own(name), draft)
        if word != job.word:
            job.version, job.word = job.version + 1, word

    @rule(error=st.sampled_from([errno.EIO, errno.ENOSPC, errno.EDQUOT]))
    def refuse(self, error):
        """Let the disk refuse a change; nothing of it is there."""
        full = error != errno.EIO
        code = "storage-full" if full else "storage-failed"
        draft = JobDraft(name="refused", kind="scripted")

        def command(side: Side) -> object:
            if not side.on_files:
                side.store.fail_next((StorageFull if full else StorageFailed)("Refused."))
                return side.manager.create(draft)
            with mock.patch.object(os, "fdatasync", _failing(error)):
                return side.manager.create(draft)

        self._both(code, command)

    # What must hold

    @invariant()
    def both_show_the_same(self):
        on_files, in_memory = self.files.everything(), self.memory.everything()
        names = on_files.keys() | in_memory.keys()
        told = {name: differences(in_memory.get(name), on_files.get(name)) for name in names}
        assert on_files == in_memory, {name: words for name, words in told.items() if words}

    @invariant()
    def both_show_what_the_model_knows(self):
        shown = self.files.everything()
        assert shown.keys() == self.jobs.keys() | self.runs.keys()
        for name, job in self.jobs.items():
            there = shown[name]
            assert (there["version"], there["options"]["word"], there["enabled"]) == (
                job.version,
                job.word,
                job.enabled,
            )
        for name, run in self.runs.items():
            there = shown[name]
            assert (there["state"], there["version"], there["attempt"]) == (
                run.state,
                run.version,
                run.attempt,
            )

    def _both(self, code: str, command: Callable[[Side], Any], new: str = "") -> None:
        """Give both the same command; both answer as the model says."""
        for side in (self.memory, self.files):
            answer, refusal = _answer_of(command, side)
            assert refusal == code, (side.on_files, refusal, answer)
            if new and not code:
                side.ids[new] = answer.id

    def _a_job(self, data: st.DataObject) -> tuple[str, Expected]:
        name = data.draw(st.sampled_from(sorted(self.jobs)))
        return name, self.jobs[name]

    def _a_run(self, data: st.DataObject) -> tuple[str, Expected]:
        name = data.draw(st.sampled_from(sorted(self.runs)))
        return name, self.runs[name]

    def _of_attempt(self, run: Expected, *, late: bool = False) -> tuple[str, int]:
        attempt = run.attempt - 1 if late else run.attempt
        return ("late-report" if late or run.state not in AT_WORK else ""), attempt

    def _moved(self, run: Expected, state: RunState) -> None:
        run.state = state
        run.version += 1

    def _tell_progress_again(self) -> None:
        """Have both know of the same progress; what a kill took of it was not promised."""
        for name, run in self.runs.items():
            if run.state in AT_WORK:
                progress = Progress(stage="two", done=run.attempt)
                self._both("", lambda side: side.manager.report(side.own(name), run.attempt, progress, {}))  # noqa: B023

    def _write_word(self, path: Path, text: str, word: str) -> None:
        """Write the definition with another word, as a person would who knows how to quote."""
        document = yaml_text.read(text.encode())
        document["options"]["word"] = word
        path.write_bytes(yaml_text.write(document))


def _answer_of(command: Callable[[Side], Any], side: Side) -> tuple[Any, str]:
    """Return what a command answers, or the code of its refusal."""
    try:
        return command(side), ""
    except HoldfastError as error:
        return None, error.code


def _failing(error: int) -> Callable[[int], None]:
    def fails(_: int) -> None:
        raise OSError(error, os.strerror(error))

    return fails


def both_stores(effort: Effort, place: Path) -> Tally:
    """Let Hypothesis look for a series of commands and faults after which the stores or the model differ."""
    examples = effort.of(100, some=4)
    tally = Tally("both stores and the model, by Hypothesis")

    def look() -> None:
        tempfile.tempdir = str(place)
        run_state_machine_as_test(
            seed(effort.seed)(Machine),
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                database=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )

    try:
        answer_of(look)
    except ChildFailed as error:
        tally.wrongs.append(str(error))
    tally.number = examples
    return tally
