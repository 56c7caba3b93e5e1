"""The clerk tells everything that became durable, once, whatever happens to it in between."""

import contextlib
import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from core.acting import Actor, acting_as
from core.audit import Audit
from core.clerk import Clerk
from core.clock import SystemClock
from core.errors import StorageFailed, StorageFull
from core.event_log import EventLog, EventQuery
from core.queueing import Scope
from core.service import Service
from core.settings import Settings
from core.storage.yaml_files import YamlFilesStore
from core.work import Outcome
from tests.builders import a_draft, a_job
from tests.doubles import SettableClock

ANA = Actor(name="ana", origin="127.0.0.1")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def store(data):
    store = YamlFilesStore(data, clock=SettableClock(), tended=False)
    yield store
    store.close()


@pytest.fixture
def make_clerk(store, manager, events, clock, data):
    def make(folder=data, journal=store):
        log, audit = EventLog(folder / "events"), Audit(folder / "audit", clock)
        return Clerk(journal, manager, events, clock, log, audit, keep_for=timedelta(days=400))

    return make


@pytest.fixture
def clerk(make_clerk):
    return make_clerk()


def told(clerk, **query):
    return list(clerk.events.matching(EventQuery(after=0, **query)))


def a_busy_hour(manager):
    """Do some of everything that a store keeps."""
    with acting_as(ANA):
        job = a_job(manager, name="photos")
        manager.start(job.id, asked_by="ana")
    run = manager.claim(manager.runs_of(job.id)[0].id, "attic")
    manager.complete(run.id, run.attempt, Outcome())
    with acting_as(ANA):
        manager.pause_line(Scope.GROUP, "nas-02", by="ana", reason="disk swap")
        gone = a_job(manager, name="films")
        manager.delete(gone.id)
    return job


def test_everything_that_happened_is_told_with_cause_and_person(clerk, manager):
    job = a_busy_hour(manager)

    clerk.follow()

    assert [(one.kind, one.name, one.by, one.words) for one in told(clerk)] == [
        ("job.created", "photos", "ana", "Created."),
        ("run.queued", "photos", "ana", "Run 1 is in line."),
        ("run.running", "photos", "", "Run 1 is running."),
        ("run.completed", "photos", "", "Run 1 completed."),
        ("queue.changed", "", "ana", "Group nas-02 paused by ana: disk swap."),
        ("job.created", "films", "ana", "Created."),
        ("job.deleted", "films", "ana", "Deleted, with its runs."),
    ]
    assert {one.origin for one in told(clerk, person="ana")} == {"127.0.0.1"}
    assert [one.kind for one in told(clerk, job=job.id, state="completed")] == ["run.completed"]


def test_who_asked_for_what_is_in_the_audit_and_nothing_else(clerk, manager):
    a_busy_hour(manager)

    clerk.follow()

    asked = [(entry.kind, entry.by) for entry in reversed(clerk.audit.entries())]
    assert asked == [(one.kind, one.by) for one in told(clerk) if one.by]
    assert clerk.audit.verify().whole


def test_following_again_tells_nothing_twice(clerk, make_clerk, manager):
    a_busy_hour(manager)
    clerk.follow()
    before = told(clerk)

    clerk.follow()
    make_clerk().follow()

    assert told(clerk) == before


def test_wherever_the_clerk_was_killed_nothing_is_lost_or_told_twice(make_clerk, manager, data, tmp_path):
    a_busy_hour(manager)
    clerk = make_clerk()
    clerk.follow()
    whole, asked = told(clerk), [entry.n for entry in clerk.audit.entries()]
    (log,) = (data / "events").glob("*.jsonl")
    (trail,) = (data / "audit").glob("*.jsonl")

    for cut in range(0, log.stat().st_size, 37):
        folder = tmp_path / f"cut-{cut}"
        for name, path, length in (("events", log, cut), ("audit", trail, trail.stat().st_size)):
            (folder / name).mkdir(parents=True)
            (folder / name / path.name).write_bytes(path.read_bytes()[:length])
        again = make_clerk(folder)
        again.follow()
        assert [(one.n, one.kind, one.words, one.name) for one in told(again)] == [
            (one.n, one.kind, one.words, one.name) for one in whole
        ]
        assert [entry.n for entry in again.audit.entries()] == asked
        shutil.rmtree(folder)
    for cut in range(0, trail.stat().st_size, 83):
        folder = tmp_path / f"trail-{cut}"
        (folder / "audit").mkdir(parents=True)
        (folder / "audit" / trail.name).write_bytes(trail.read_bytes()[:cut])
        again = make_clerk(folder)
        again.follow()
        assert [entry.n for entry in again.audit.entries()] == asked
        assert again.audit.verify().whole
        shutil.rmtree(folder)


def test_on_a_full_disk_what_happened_waits_and_is_told_once(clerk, manager, monkeypatch):
    a_busy_hour(manager)

    def refuse(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fdatasync", refuse)
        with pytest.raises(StorageFull):
            clerk.follow()
        with pytest.raises(StorageFull):
            clerk.follow()
    clerk.follow()

    assert len(told(clerk)) == 7
    assert clerk.audit.verify().lines == 5


def test_what_was_read_before_the_disk_failed_is_told_all_the_same(make_clerk, manager, store):
    class Failing:
        """The store, of which no more than two records can be read at once."""

        reach = property(lambda _self: store.reach)

        def records(self, after):
            yield from itertools.islice(store.records(after), 2)
            if store.reach > after + 2:
                raise StorageFailed("The journal could not be read.")

    a_busy_hour(manager)
    clerk = make_clerk(journal=Failing())

    for _ in range(10):
        with contextlib.suppress(StorageFailed):
            clerk.follow()

    assert [one.kind for one in told(clerk)] == [
        "job.created",
        "run.queued",
        "run.running",
        "run.completed",
        "queue.changed",
        "job.created",
        "job.deleted",
    ]
    assert clerk.audit.verify().lines == 5


def test_a_store_that_was_set_back_is_told_of_and_followed_from_there(make_clerk, manager, data, tmp_path):
    a_busy_hour(manager)
    (tmp_path / "ahead").mkdir()
    ahead = make_clerk(tmp_path / "ahead")
    ahead.follow()
    far = told(ahead)[-1]
    path = next((tmp_path / "ahead" / "events").glob("*.jsonl"))
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"n":%d' % far.n, b'"n":900'))

    again = make_clerk(tmp_path / "ahead")
    again.follow()
    a_job(manager, name="after")
    again.follow()

    kinds = [(one.kind, one.name) for one in told(again)]
    assert kinds[-2:] == [("store.set-back", ""), ("job.created", "after")]


def test_what_the_journal_has_no_more_is_said_to_be_missing(clerk, manager, store, data):
    a_job(manager)
    clerk.follow()
    for _ in range(6):
        a_job(manager)
        store.checkpoint()
    for path in (data / "backups" / "segments").iterdir():
        path.unlink()

    clerk.follow()

    gap = next(one for one in told(clerk) if one.kind == "gap")
    assert "not in the journal any more" in gap.words
    assert told(clerk)[-1].kind == "job.created"


def test_a_holdfast_that_starts_and_stops_has_told_everything(tmp_path):
    service = Service(Settings(data=tmp_path / "data", slots=1))
    service.start()
    with acting_as(ANA):
        source = tmp_path / "source"
        source.mkdir()
        options = {"source": str(source), "destination": str(tmp_path / "copy")}
        service.manager.create(a_draft(kind="copy", options=options), asked_by="ana")
    service.stop()

    assert [one.kind for one in service.event_log.page(EventQuery()).items] == ["job.created"]
    assert service.audit.verify().lines == 1
    assert service.troubles == ()


PROGRAM = """
import sys
from pathlib import Path
from core.acting import Actor, acting_as
from core.drafts import JobDraft
from core.service import Service
from core.settings import Settings

data = Path(sys.argv[1])
service = Service(Settings(data=data, slots=0))
service.start()
options = {"source": str(data.parent), "destination": str(data.parent.parent / "elsewhere")}
number = 0
while True:
    number += 1
    with acting_as(Actor(name="ana", origin="here")):
        job = service.manager.create(JobDraft(name=f"job {number}", kind="copy", options=options))
    print(job.id, flush=True)
"""


@pytest.mark.faults
def test_a_kill_at_any_moment_tells_every_change_once(tmp_path):
    data = tmp_path / "in" / "data"
    data.parent.mkdir()
    acknowledged = []
    for many in (60, 150):
        command = [sys.executable, "-c", PROGRAM, str(data)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            acknowledged += [process.stdout.readline().strip() for _ in range(many)]
            process.send_signal(signal.SIGKILL)
            acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]

    service = Service(Settings(data=data, slots=0), clock=SystemClock())
    service.start()
    jobs = {overview.job.id for overview in service.manager.list_jobs().items}
    service.stop()

    created = [one.job for one in service.event_log.matching(EventQuery(after=0, kind="job.created"))]
    assert len(created) == len(set(created))
    assert set(created) >= set(acknowledged)
    assert set(created) >= jobs
    assert [entry.job for entry in reversed(service.audit.entries(limit=10_000))] == created
    assert service.audit.verify().whole
