"""Whether anything speaks against the copies of what was taken away, where only a program can read them."""

import pytest
from msgspec import to_builtins

from core.clearing.quarantines import Quarantine
from core.doubts import Doubts
from core.places.book import DestinationBook
from core.places.states import STATE, DestinationState, Seen
from core.repositories.reconciling import REGISTER, Known
from core.work import Outcome
from tests.builders import WHEN, a_running_run

SNAPSHOT = "a1" * 32


@pytest.fixture
def manager(a_manager, store, dispatcher):
    return a_manager(store, dispatcher)


@pytest.fixture
def doubts(manager, tmp_path, clock):
    return Doubts(manager, DestinationBook(lambda: manager, tmp_path, clock), clock)


@pytest.fixture
def aside(manager, clock):
    """What a run took away whose copies are in a snapshot at a place."""

    def make(place: str = "safe", snapshot: str = SNAPSHOT) -> Quarantine:
        run = a_running_run(manager)
        manager.complete(run.id, run.attempt, Outcome(result={"verified": True, "snapshot": snapshot}))
        state = DestinationState(at=clock.now(), since=WHEN, seen=Seen(reachable=True, sentence="Good."))
        manager.set_register(STATE + place, to_builtins(state))
        return Quarantine(
            run_id=run.id,
            job_id=run.job_id,
            source="/photos",
            place=place,
            remote=True,
            days=7,
            taken=3,
            taken_bytes=30,
            files=3,
            bytes=30,
            taken_at=WHEN,
            empty_at=WHEN,
            stand="aside",
            receipt_digest="00",
            receipt_bytes=1,
        )

    return make


def listed(manager, clock, **runs: str) -> None:
    manager.set_register(f"{REGISTER}safe", Known(at=clock.now(), there=runs, gone={}).as_register)


def test_what_lies_aside_stays_once_its_snapshot_was_deleted_by_somebody(doubts, aside, manager, clock):
    one = aside()
    listed(manager, clock, **{one.run_id: SNAPSHOT, "another": "b2" * 32})
    before = doubts.of(one)

    listed(manager, clock, another="b2" * 32)

    assert before == ""
    assert "is not in safe any more" in doubts.of(one)


def test_what_lies_aside_stays_while_nobody_has_listed_its_snapshot(doubts, aside):
    assert "were not listed" in doubts.of(aside())


def test_what_lies_aside_stays_once_its_snapshot_is_not_in_a_repository_that_is_a_folder(
    doubts, aside, tmp_path
):
    one = aside(str(tmp_path / "repository"))
    snapshot = tmp_path / "repository" / "snapshots" / SNAPSHOT
    snapshot.parent.mkdir(parents=True)
    snapshot.touch()
    before = doubts.of(one)

    snapshot.unlink()

    assert before == ""
    assert "any more" in doubts.of(one)


def test_what_no_snapshot_has_is_doubted_only_for_other_reasons(doubts, aside):
    assert doubts.of(aside("nas", snapshot="")) == ""
