"""Letting go of everything that no start needs."""

import pytest

from core.states import RunState
from core.storage.folder import StoreFolder
from core.storage.history import History
from core.storage.opening import read_state
from core.storage.rows import Changes
from tests.builders import WHEN, a_kept_job, a_kept_run
from tests.doubles import FileStore, SettableClock

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
TWO = "77aa0000-0000-4000-8000-000000000002"


def a_run(number, job_id):
    return a_kept_run(
        f"91bb{job_id[:2]}00-0000-4000-8000-{number:012}",
        job_id,
        number=number,
        state=RunState.COMPLETED,
        ended_at=WHEN.replace(year=2020),
    )


@pytest.fixture
def store(folder):
    """A store with two jobs whose older runs were put away."""
    store = FileStore(folder)
    store.open()
    store.commit(Changes(jobs=(a_kept_job(ONE), a_kept_job(TWO))))
    for number in range(1, 6):
        store.commit(Changes(runs=(a_run(number, ONE), a_run(number, TWO))))
    store.files.checkpoint()
    yield store
    store.close()


def older_runs(folder, job_id):
    told = []
    history = History(StoreFolder(folder, SettableClock()), told.append)
    return {run.number for run in history.read(job_id)}, told


def test_compacting_lets_go_of_what_is_gone(store, folder):
    store.commit(Changes(gone_jobs=(TWO,), gone_runs=tuple(a_run(number, TWO).id for number in range(1, 6))))
    store.commit(Changes(gone_runs=(a_run(1, ONE).id, a_run(2, ONE).id)))
    before = older_runs(folder, ONE)[0], older_runs(folder, TWO)[0]

    store.files.compact()

    assert before == ({1, 2, 3, 4}, {1, 2, 3, 4})
    assert older_runs(folder, ONE) == ({3, 4}, [])
    assert not (folder / "runs" / "77" / f"{TWO}.yaml").exists()
    segments = sorted(path.name for path in (folder / "state").glob("journal-*.yaml"))
    assert len(segments) == 2
    found = read_state(StoreFolder(folder, SettableClock()))
    assert found.problems == ()
    assert set(found.rows.jobs) == {ONE}
    assert len(found.rows.runs) + len(found.rows.older) == 3


def test_a_store_that_was_compacted_opens_as_it_was(store, folder):
    rows = store.onlooker.rows
    before = dict(rows.jobs), set(rows.runs) | set(rows.older)

    store.files.compact()
    store.close()
    again = FileStore(folder)
    contents = again.open()
    again.close()

    assert contents.problems == ()
    after = again.onlooker.rows
    assert (dict(after.jobs), set(after.runs) | set(after.older)) == before


def test_runs_whose_job_was_lost_outlive_compacting(store, folder):
    (lost,) = (folder / "runs").glob(f"*/{TWO}.yaml")
    content = lost.read_bytes()
    store.close()
    for path in (*(folder / "state").glob("*"), *(folder / "jobs").rglob(f"*{TWO[:8]}.yaml")):
        path.unlink()
    for _ in range(3):
        again = FileStore(folder)
        again.open()
        again.files.compact()
        again.close()

    (kept,) = (folder / "quarantine").glob(f"*-runs-*{TWO}.yaml")
    assert kept.read_bytes() == content


def test_compacting_waits_while_pieces_of_runs_lie_in_quarantine(store, folder):
    store.close()
    piece = folder / "quarantine" / "20261121T074200Z-00c0ffee-state-journal-2.yaml"
    piece.write_bytes(b"what nobody could read\n")
    again = FileStore(folder)
    again.open()
    again.commit(Changes(gone_runs=(a_run(1, ONE).id,), gone_jobs=(TWO,)))

    again.files.compact()
    waiting = older_runs(folder, ONE)[0], older_runs(folder, TWO)[0]
    piece.unlink()
    again.files.compact()
    again.close()

    assert waiting == ({1, 2, 3, 4}, {1, 2, 3, 4})
    assert (older_runs(folder, ONE)[0], older_runs(folder, TWO)[0]) == ({2, 3, 4}, set())


def test_nothing_goes_that_may_belong_to_what_could_not_be_read(store, folder):
    store.close()
    for path in (folder / "state").glob("*"):
        path.unlink()
    for path in (folder / "jobs").rglob("*.yaml"):
        path.unlink()
    again = FileStore(folder)
    again.open()

    again.files.compact()
    again.close()

    assert older_runs(folder, ONE)[0] == {1, 2, 3, 4}
