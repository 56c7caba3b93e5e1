"""What is known of what runs took away, and what becomes of it in time."""

from datetime import UTC, datetime, timedelta

import pytest

from core.audit import Audit
from core.clearing.quarantines import Quarantines
from core.errors import InvalidOptions, NotFound, WrongState
from core.events import RunMoved
from core.states import RunState
from tests.builders import a_kept_run
from tests.core.clearing.world import RUN, World, files_in


@pytest.fixture
def audit(world, clock):
    made = Audit(world.data / "audit", clock)
    made.open()
    return made


@pytest.fixture
def desk(a_manager, store, dispatcher, world, clock, audit):
    return Quarantines(a_manager(store, dispatcher), world.data, clock, audit)


def later(clock, days: int) -> None:
    clock.set(datetime.now(UTC) + timedelta(days=days))


def emptied(desk: Quarantines) -> None:
    """Let go of what is due, and wait for it."""
    for one in desk.empty_due():
        one.join()


def test_what_a_run_took_away_is_known_when_it_is_over(world: World, desk, audit):
    world.put_some(4)
    world.delete()
    run = a_kept_run(RUN, "job-1", state=RunState.FAILED)
    event = RunMoved(run=run, was=RunState.RUNNING)

    assert desk.wants(event)
    desk.heard(event)

    (one,) = desk.list()
    assert (one.taken, one.files, one.stand, one.confirmed_by) == (4, 4, "aside", "ana")
    assert one.empty_at - one.taken_at == timedelta(days=7)


def test_every_deletion_is_on_record_with_who_agreed_what_and_the_digest_of_its_receipt(
    world: World, desk, audit
):
    world.put_some(4)
    deletion = world.delete()

    desk.adopt_all()
    desk.adopt_all()

    (entry,) = audit.entries()
    assert entry.kind == "source.deleted"
    assert entry.by == "ana"
    for words in ("4 files", str(world.source), deletion.receipt_digest, desk.get(RUN).preview):
        assert words in entry.words
    assert audit.verify().whole


def test_a_run_that_took_nothing_away_is_not_listed(world: World, desk):
    world.put_some()
    preview = world.preview()
    for path in files_in(world.source):
        (world.source / path.decode()).unlink()
    world.delete(preview)

    desk.adopt_all()

    assert desk.list() == ()
    assert not desk.has_any


def test_what_is_aside_is_put_back_and_that_is_on_record(world: World, desk, audit):
    world.put_some()
    before = files_in(world.source)
    world.delete()
    desk.adopt_all()

    handled = desk.put_back(RUN)

    assert handled.files == 3
    assert files_in(world.source) == before
    assert desk.get(RUN).stand == "put back"
    assert audit.entries()[0].kind == "source.put-back"
    with pytest.raises(WrongState):
        desk.put_back(RUN)


def test_when_its_days_are_over_it_goes_and_not_before(world: World, desk, clock):
    world.put_some()
    world.delete()
    desk.adopt_all()

    later(clock, 6)
    emptied(desk)
    before = world.aside()
    later(clock, 8)
    emptied(desk)

    assert len(before) == 3
    assert world.aside() == {}
    assert desk.get(RUN).stand == "emptied"


def test_what_lost_its_copy_stays_when_its_days_are_over_and_says_so(world: World, desk, clock):
    world.put_some()
    world.delete()
    desk.adopt_all()
    (world.copy / "year 0" / "0.jpg").write_bytes(b"rotten")

    later(clock, 8)
    emptied(desk)

    one = desk.get(RUN)
    assert (one.stand, one.files) == ("aside", 1)
    assert "year 0/0.jpg" in one.trouble
    assert world.aside() == {b"year 0/0.jpg": b"picture 0"}


def test_what_only_a_program_can_read_stays_while_anybody_doubts_it(
    world: World, a_manager, store, dispatcher, clock, audit
):
    doubts = ["nas was not reached lately"]
    desk = Quarantines(
        a_manager(store, dispatcher), world.data, clock, audit, lambda _one: doubts[0] if doubts else ""
    )
    world.put_some()
    world.delete(world.preview(roots=()))
    desk.adopt_all()

    later(clock, 8)
    emptied(desk)
    doubted, kept = desk.get(RUN), world.aside()
    doubts.clear()
    emptied(desk)

    assert doubted.trouble == "nas was not reached lately"
    assert len(kept) == 3
    assert world.aside() == {}


def test_it_goes_before_its_time_only_for_the_words_that_were_typed(world: World, desk):
    world.put_some()
    world.delete()
    desk.adopt_all()

    with pytest.raises(InvalidOptions):
        desk.empty(RUN, "empty 4")
    kept = world.aside()
    handled = desk.empty(RUN, "empty 3")

    assert len(kept) == 3
    assert handled is not None
    assert handled.files == 3


def test_what_is_over_for_a_year_is_not_listed_any_more_and_its_receipts_stay(world: World, desk, clock):
    world.put_some()
    world.delete()
    desk.adopt_all()
    desk.put_back(RUN)

    later(clock, 370)
    emptied(desk)
    desk.adopt_all()

    assert desk.list() == ()
    assert len(desk.receipt(RUN, 0, 10)) == 3


def test_nothing_is_known_of_other_runs(desk):
    for run_id in ("run-2", "../run-1", ""):
        with pytest.raises(NotFound):
            desk.get(run_id)
