"""What every store promises of registers, and of what is wished of a job; read by number."""

import msgspec
import pytest

from core.errors import InvalidOptions, Overtaken, StorageFailed
from core.models import (
    AfterFailed,
    AfterWhen,
    Attempt,
    Backoff,
    Expectation,
    Retry,
    Schedule,
    Window,
    frozen,
)
from core.states import RunState
from core.storage.rows import Changes, Register
from tests.builders import WHEN, a_kept_job, a_kept_run
from tests.core.storage.books import kept
from tests.core.storage.test_contract import NASTY, NOTHING, ONE, RUN, TWO
from tests.doubles import FileStore


def test_registers_are_kept_changed_and_taken_away(place):
    store, _ = place.open()
    store.commit(Changes(registers=(kept("queue", slots=2), kept("letter/1", text=NASTY["text"]))))
    store.commit(Changes(jobs=(a_kept_job(ONE),), registers=(kept("queue", slots=4, paused=None),)))
    store.commit(
        Changes(registers=(Register(name="letter/1", value=None), kept("breaker/nas-02", failures=3)))
    )

    before = dict(store.onlooker.rows.registers)
    store, _ = place.open()

    assert before == {"queue": {"slots": 4, "paused": None}, "breaker/nas-02": {"failures": 3}}
    assert store.onlooker.rows.registers == before


def test_a_register_is_refused_with_the_change_it_is_part_of(place):
    store, _ = place.open()
    store.commit(Changes(registers=(kept("queue", slots=2),)))

    place.fail()
    with pytest.raises(StorageFailed):
        store.commit(Changes(jobs=(a_kept_job(ONE),), registers=(kept("queue", slots=9),)))
    place.heal()
    store, contents = place.open()

    assert store.onlooker.rows.registers == {"queue": {"slots": 2}}
    assert not contents.jobs


@pytest.mark.parametrize(
    "register",
    [
        Register(name="", value={}),
        Register(name="x" * 301, value={}),
        Register(name="queue", value={"at": WHEN}),
        Register(name="queue", value={"slots": float("nan")}),
        Register(name="queue", value={"slots": {1, 2}}),
        Register(name="half \ud800", value={}),
    ],
)
def test_a_register_that_could_not_be_read_again_is_refused_in_words(place, register):
    store, _ = place.open()

    with pytest.raises(InvalidOptions):
        store.commit(Changes(registers=(register,)))
    store, _ = place.open()

    assert store.onlooker.rows.registers == {}


WISHED = {
    "schedule": Schedule(
        cron="0 2 * * 1-5",
        timezone="Europe/Berlin",
        blackout=(Window(start="22:00", end="06:00", days=(5, 6)),),
    ),
    "after": (TWO,),
    "after_when": AfterWhen.ANY_ENDED,
    "after_failed": AfterFailed.RUN,
    "retry": Retry(max_attempts=5, backoff=Backoff.DECORRELATED, jitter=True),
    "timeout": 90.5,
    "run_timeout": 3_600.0,
    "expect": Expectation(every=86_400, ping="https://example.org/ping"),
    "groups": ("nas-02", "日本"),
}


def test_what_is_wished_of_a_job_and_told_of_a_run_is_there_after_a_restart(place):
    store, _ = place.open()
    job = a_kept_job(ONE, **WISHED)
    run = a_kept_run(
        RUN,
        ONE,
        state=RunState.SCHEDULED,
        attempt=1,
        attempts=(Attempt(number=1, worker="w", started_at=WHEN, waited=12.5),),
        slot_at=WHEN,
        flow=RUN,
        upstream=frozen({TWO: "", "other": "run"}),
        groups=("nas-02",),
        reaches=("sftp://nas-02",),
        of="before",
        reason="It waits for the disk.",
    )
    store.commit(Changes(jobs=(job,), runs=(run,)))
    store.commit(Changes(runs=(msgspec.structs.replace(run, version=2, upstream=frozen({TWO: "run 2"})),)))

    _, contents = place.open()

    assert contents.jobs == (job,)
    assert contents.runs[0].upstream == {TWO: "run 2"}
    assert msgspec.structs.replace(contents.runs[0], version=1, upstream=run.upstream) == run


@pytest.mark.parametrize(
    "field",
    [
        {"retry": Retry(max_attempts=0)},
        {"retry": Retry(wait=float("inf"))},
        {"retry": Retry(backoff="quick")},  # type: ignore[arg-type]
        {"timeout": -1.0},
        {"schedule": Schedule(at=WHEN.replace(tzinfo=None))},
        {"schedule": Schedule(blackout=(Window(start="1", end="2", days=(7,)),))},
    ],
)
def test_a_wish_that_could_not_be_read_again_is_refused_in_words(place, field):
    store, _ = place.open()

    with pytest.raises(InvalidOptions):
        store.commit(Changes(jobs=(a_kept_job(ONE, **field),)))
    _, contents = place.open()

    assert contents == NOTHING


def test_jobs_that_wish_the_same_share_it(place):
    store, _ = place.open()
    store.commit(Changes(jobs=(a_kept_job(ONE, **WISHED), a_kept_job(TWO, **WISHED | {"after": ()}))))

    _, contents = place.open()

    one, two = contents.jobs
    assert one.retry is two.retry
    assert one.schedule is two.schedule
    assert one.groups is two.groups


def test_of_two_processes_that_change_one_register_the_second_is_overtaken(folder):
    one, other = FileStore(folder), FileStore(folder)
    one.open()
    other.open(at_work=False)
    one.commit(Changes(registers=(kept("breaker/nas-02", failures=1),)))

    with pytest.raises(Overtaken):
        other.commit(Changes(jobs=(a_kept_job(ONE),), registers=(kept("breaker/nas-02", failures=2),)))
    other.commit(Changes(registers=(kept("breaker/nas-03", failures=1),)))
    other.close()
    one.close()
    again = FileStore(folder)
    contents = again.open()
    again.close()

    assert contents.jobs == ()
    assert again.onlooker.rows.registers == {
        "breaker/nas-02": {"failures": 1},
        "breaker/nas-03": {"failures": 1},
    }


def test_what_is_durable_is_read_by_number(place):
    store, _ = place.open()
    store.commit(Changes(jobs=(a_kept_job(ONE, name="photos"),), by="ana", origin="127.0.0.1", why="asked"))
    store.commit(Changes(registers=(kept("queue", slots=2),)))
    read = list(store.store.records(0))
    store.commit(Changes(gone_jobs=(ONE,)))

    later = list(store.store.records(2))
    store, _ = place.open()
    again = list(store.store.records(0))

    assert [(record.n, record.by, record.origin, record.why) for record in read] == [
        (1, "ana", "127.0.0.1", "asked"),
        (2, "", "", ""),
    ]
    assert read[1].registers == {"queue": {"slots": 2}}
    assert [(record.n, record.gone_jobs, record.names) for record in later] == [(3, (ONE,), {ONE: "photos"})]
    assert [record.n for record in again] == [1, 2, 3]
    assert store.store.reach == 3
    assert list(store.store.records(3)) == []
