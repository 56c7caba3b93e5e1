"""The store as it was at any moment since the oldest backup."""

import itertools
from datetime import timedelta

import pytest

from core.errors import Refused
from core.states import RunState
from core.storage.folder import StoreFolder
from core.storage.moment import Moment, OutOfReach, restore_at
from core.storage.opening import read_state
from core.storage.own_backup import take_backup
from core.storage.rows import Changes
from tests.builders import a_kept_job, a_kept_run
from tests.doubles import FileStore, SettableClock


def an_id(number: int) -> str:
    return f"3f2a1b4c-0000-4000-8000-{number:012}"


class Past:
    """A store with a history: what it was after each change, and when that was."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = SettableClock()
        self.store = FileStore(folder, self.clock)
        self.store.open()
        self.states = {}
        self.times = {}
        self.backups = []
        self._numbers = itertools.count()

    def commit(self, changes: Changes) -> int:
        self.clock.pass_by(timedelta(seconds=10))
        number = self.store.commit(changes)
        rows = self.store.onlooker.rows
        self.states[number] = dict(rows.jobs), dict(rows.runs)
        self.times[number] = int(self.clock.now().timestamp() * 1000)
        return number

    def live(self, rounds: int) -> None:
        """Make, change and delete jobs, let runs move, and write things down now and then."""
        for number in itertools.islice(self._numbers, rounds):
            job = a_kept_job(an_id(number), name=f"job {number}")
            self.commit(Changes(jobs=(job,)))
            run = a_kept_run(f"91bb0000-0000-4000-8000-{number:012}", job.id)
            self.commit(Changes(runs=(run,)))
            self.commit(Changes(runs=(a_kept_run(run.id, job.id, state=RunState.CANCELLED, version=2),)))
            self.commit(Changes(jobs=(a_kept_job(job.id, name=f"renamed {number}", version=2),)))
            if number % 3 == 2:
                self.commit(Changes(gone_jobs=(job.id,), gone_runs=(run.id,)))
            self.store.write_definitions()
            if number % 2:
                self.store.files.checkpoint()

    def back_up(self) -> None:
        target = self.folder.parent / f"{len(self.backups)}.tar.zst"
        take_backup(self.store.files.source, target, self.clock)
        self.backups.append(target)


@pytest.fixture
def past(folder):
    past = Past(folder)
    yield past
    past.store.close()


def state_of(folder):
    found = read_state(StoreFolder(folder, SettableClock()))
    assert found.problems == ()
    return found.rows.jobs, found.rows.runs


def test_a_store_is_restored_exactly_as_it_was_at_a_moment(past, tmp_path):
    past.live(3)
    past.back_up()
    past.live(4)
    past.back_up()
    past.live(2)

    wrong = []
    for number in past.states:
        by_number, by_time = tmp_path / f"{number}", tmp_path / f"{number} by time"
        restore_at(past.folder, by_number, Moment(number=number), past.backups)
        done = restore_at(past.folder, by_time, Moment(t=past.times[number] + 9_999), past.backups)
        if not state_of(by_number) == state_of(by_time) == past.states[number]:
            wrong.append(number)
        assert (done.number, done.t) == (number, past.times[number])

    assert len(past.states) > 30
    assert wrong == []


def test_a_restored_moment_opens_without_a_word_and_goes_on(past, tmp_path):
    past.live(4)
    past.back_up()
    past.live(4)
    moment = max(past.states) - 3

    restore_at(past.folder, tmp_path / "restored", Moment(number=moment), past.backups)
    restored = FileStore(tmp_path / "restored")
    contents = restored.open()
    found = [one for some in restored.files.shelf.sweep() for one in some]
    number = restored.commit(Changes(jobs=(a_kept_job(an_id(99)),)))
    restored.close()

    assert (contents.problems, found, number) == ((), [], moment + 1)


def test_comments_in_a_definition_outlive_going_back(past, tmp_path):
    past.commit(Changes(jobs=(a_kept_job(an_id(1), name="photos"),)))
    past.store.write_definitions()
    (definition,) = (past.folder / "jobs").rglob("*.yaml")
    definition.write_bytes(b"# Ana's, do not touch\n" + definition.read_bytes())
    past.back_up()
    moment = max(past.states)
    past.commit(Changes(jobs=(a_kept_job(an_id(2)),)))

    restore_at(past.folder, tmp_path / "restored", Moment(number=moment), past.backups)

    (restored,) = (tmp_path / "restored" / "jobs").rglob("*.yaml")
    assert restored.read_bytes() == definition.read_bytes()


def test_a_moment_out_of_reach_is_refused_and_says_how_far_back_it_goes(past, tmp_path):
    past.live(8)
    past.back_up()
    past.live(2)
    for kept in (past.folder / "backups" / "segments").iterdir():
        kept.unlink()

    with pytest.raises(OutOfReach) as too_early:
        restore_at(past.folder, tmp_path / "restored", Moment(number=2), past.backups)
    with pytest.raises(OutOfReach) as too_late:
        restore_at(past.folder, tmp_path / "restored", Moment(number=10_000), past.backups)

    assert "it can go back to 2026-11-21" in str(too_early.value)
    assert "reaches to change" in str(too_late.value)
    assert not (tmp_path / "restored").exists()


def test_before_the_first_change_of_all_the_first_is_named(past, tmp_path):
    past.live(1)

    with pytest.raises(OutOfReach) as refused:
        restore_at(past.folder, tmp_path / "restored", Moment(number=0))

    assert str(refused.value).endswith("from before it; it can go back to change 1 and what followed.")


def test_before_everything_that_is_kept_nothing_of_a_definition_is_said(past, tmp_path):
    past.live(8)
    for kept in (past.folder / "backups" / "segments").iterdir():
        kept.unlink()

    with pytest.raises(OutOfReach) as refused:
        restore_at(past.folder, tmp_path / "restored", Moment(t=0))

    assert "1970-01-01 00:00:00 UTC: nothing is kept from before it; it can" in str(refused.value)


def test_a_gap_in_the_journal_is_not_passed_over(past, tmp_path):
    past.live(2)
    past.back_up()
    past.live(6)
    moment = max(past.states) - 1
    kept = sorted((past.folder / "backups" / "segments").iterdir())
    kept[-1].unlink()
    for path in (past.folder / "state").glob("checkpoint-*.yaml"):
        path.unlink()

    with pytest.raises(OutOfReach):
        restore_at(past.folder, tmp_path / "restored", Moment(number=moment), past.backups)

    assert not (tmp_path / "restored").exists()


def test_going_back_touches_neither_the_store_nor_a_folder_with_anything_in_it(past, tmp_path, files):
    past.live(2)
    past.back_up()
    before = files()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("dear")

    restore_at(past.folder, tmp_path / "restored", Moment(number=3), past.backups)
    with pytest.raises(Refused):
        restore_at(past.folder, tmp_path / "taken", Moment(number=3), past.backups)

    assert files() == before
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["letter.txt"]
