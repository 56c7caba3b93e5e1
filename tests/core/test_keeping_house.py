"""House is kept in a store on disk, and stays kept after a restart."""

import errno
import os
import threading
import time
from datetime import timedelta

import pytest

from core.drafts import JobDraft
from core.errors import StorageFull
from core.service import Service
from core.settings import Settings
from core.work import Outcome
from tests.core.storage.conftest import Disk
from tests.doubles import make_scripted_engine


@pytest.fixture
def service(tmp_path, clock):
    """A Holdfast that keeps two runs of a job, none for its age; started anew by every call."""
    settings = Settings(data=tmp_path / "data", slots=0, keep_runs=2, keep_days=0)
    return lambda: Service(settings, clock=clock, make_engine=make_scripted_engine).opened(at_work=True)


def run_often(house, job, times, clock):
    """Let the job run so often; each run leaves a log and a file in its workspace."""
    runs = []
    for _ in range(times):
        run = house.manager.claim(house.manager.start(job.id).id, "test-worker")
        house.logs.write(run.id, "info", "at work")
        house.worker.workspace(run.id).mkdir(parents=True)
        (house.worker.workspace(run.id) / "manifest.b3").write_text("digest  a.txt\n")
        clock.pass_by(timedelta(minutes=1))
        runs.append(house.manager.complete(run.id, run.attempt, Outcome(result={"verified": False})))
    return runs


def left_of(house, runs):
    """Return the numbers of the runs that have a log or a workspace."""
    return [
        run.number
        for run in runs
        if house.logs.path(run.id).exists() or house.worker.workspace(run.id).exists()
    ]


def test_runs_that_went_stay_gone_after_a_restart(service, clock):
    with service() as house:
        job = house.manager.create(JobDraft(name="photos", kind="scripted"))
        runs = run_often(house, job, 5, clock)
        house.keeper.tidy()
    with service() as again:
        numbers = [run.number for run in again.manager.runs_of(job.id)]

        assert numbers == [5, 4]
        assert left_of(again, runs) == [4, 5]
        assert [again.manager.knows_run(run.id) for run in runs] == [False, False, False, True, True]


def test_runs_that_are_no_longer_at_hand_go_too(service, clock):
    with service() as house:
        job = house.manager.create(JobDraft(name="photos", kind="scripted"))
        runs = run_often(house, job, 5, clock)
    clock.pass_by(timedelta(days=3))
    with service() as later:
        later.compact()
        numbers = [run.number for run in later.manager.runs_of(job.id)]
    with service() as again:
        assert numbers == [run.number for run in again.manager.runs_of(job.id)] == [5, 4]
        assert left_of(again, runs) == [4, 5]


def test_compacting_on_a_full_disk_lets_go_of_what_takes_no_room(tmp_path, clock, monkeypatch):
    settings = Settings(data=tmp_path / "data", slots=0, keep_runs=2, keep_days=0, keep_logs_days=1)
    service = Service(settings, clock=clock, make_engine=make_scripted_engine)
    with service.opened(at_work=True) as house:
        job = house.manager.create(JobDraft(name="photos", kind="scripted"))
        runs = run_often(house, job, 5, clock)
        house.logs.close_all()
        for run in runs:
            os.utime(house.logs.path(run.id), (0, 0))
        disk = Disk(monkeypatch)
        disk.fail_at(0, errno.ENOSPC, only="write", again=True)
        with pytest.raises(StorageFull):
            house.compact()
        disk.heal()

        assert [house.logs.path(run.id).exists() for run in runs] == [False] * 5
        assert len(house.manager.runs_of(job.id)) == 5


@pytest.mark.parametrize(
    ("piece", "stays"),
    [("state-journal-1.yaml", True), ("runs-91.yaml", True), ("jobs-3f-photos.yaml", False)],
)
def test_what_an_unknown_run_left_stays_while_a_piece_of_runs_is_in_quarantine(
    service, tmp_path, piece, stays
):
    with service():
        pass
    left = tmp_path / "data" / "logs" / "91" / "91bb0000-0000-4000-8000-000000000001.log"
    left.parent.mkdir(parents=True)
    left.write_text("at work\n")
    (tmp_path / "data" / "quarantine" / f"20261121T190856Z-7487da39-{piece}").write_text("?")

    with service():
        assert left.exists() == stays


def test_a_deleted_job_leaves_only_the_last_texts_of_its_definition(service, clock, tmp_path):
    with service() as house:
        job = house.manager.create(JobDraft(name="photos", kind="scripted"))
        runs = run_often(house, job, 3, clock)
    with service() as later:
        later.manager.delete(job.id)
    with service() as again:
        again.compact()

        assert left_of(again, runs) == []
    named = [path for path in (tmp_path / "data").rglob(f"*{job.id[:8]}*") if path.is_file()]
    assert {path.relative_to(tmp_path / "data").parts[:2] for path in named} == {("backups", "definitions")}


def test_a_definition_that_cannot_be_written_is_told_until_it_is(service, clock, tmp_path):
    jobs, aside = tmp_path / "data" / "jobs", tmp_path / "data" / "jobs-aside"
    with service() as house:
        jobs.rename(aside)
        jobs.write_text("a file where a folder should be")
        house.manager.create(JobDraft(name="photos", kind="scripted"))
        soon(lambda: clock.pass_by(timedelta(seconds=1)) or house.troubles)
        (told,) = house.troubles
        jobs.unlink()
        aside.rename(jobs)
        soon(lambda: clock.pass_by(timedelta(seconds=1)) or not house.troubles)

        assert "there is a file where a folder should be" in told
        assert [path.read_text().splitlines()[1] for path in jobs.rglob("photos*.yaml")] == ["name: photos"]


def soon(holds):
    """Return when that holds."""
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        threading.Event().wait(0.05)
