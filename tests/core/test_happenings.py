"""What a record means, in words."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from core.happenings import Happening, Position, Teller, position_in
from core.models import Failure, Priority, frozen
from core.states import RunState
from core.storage.records import Record, body_of, record_from, text_of
from core.storage.rows import Changes, Register
from tests.builders import WHEN, a_kept_job, a_kept_run

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
RUN = "77aa0000-0000-4000-8000-000000000001"
T = int(WHEN.timestamp() * 1000)


@pytest.fixture
def tell():
    """Tell what changes mean that are made one after the other, with the words of each."""
    runs, jobs, numbers = {}, {ONE: a_kept_job(ONE)}, iter(range(1, 99))
    teller = Teller(jobs.get, runs.get)

    def told(changes: Changes) -> list[tuple[str, str]]:
        names = {job_id: jobs[job_id].name for job_id in changes.gone_jobs}
        record: Record = record_from(text_of(body_of(changes, {}, runs, names), next(numbers), T))
        runs.update({run.id: run for run in changes.runs})
        return [(one.kind, one.words) for one in teller.tell(record)]

    return told


def moved(state: RunState, **fields: Any) -> Changes:
    return Changes(runs=(a_kept_run(RUN, ONE, state=state, **fields),))


def register(name: str, value: Mapping[str, Any] | None, **said: Any) -> Changes:
    return Changes(registers=(Register(name=name, value=value and frozen(value)),), **said)


def test_the_life_of_a_run_is_told_in_words(tell):
    broke = Failure(code="x", message="The disk is gone.", transient=True)

    said = [
        tell(moved(RunState.QUEUED)),
        tell(moved(RunState.RUNNING, attempt=1)),
        tell(moved(RunState.SCHEDULED, attempt=1, error=broke)),
        tell(moved(RunState.QUEUED, attempt=1, error=broke)),
        tell(moved(RunState.QUEUED, attempt=1, error=broke, priority=Priority.HIGH)),
        tell(moved(RunState.RUNNING, attempt=2, error=None)),
        tell(moved(RunState.FAILED, attempt=2, error=broke)),
    ]

    assert [words for ((_, words),) in said] == [
        "Run 1 is in line.",
        "Run 1 is running.",
        "Run 1 is to be tried again later: The disk is gone.",
        "Run 1 is in line.",
        "Run 1 has priority high now.",
        "Run 1 is running, attempt 2.",
        "Run 1 failed: The disk is gone.",
    ]


def test_a_run_that_is_left_out_says_why(tell):
    assert tell(moved(RunState.SKIPPED, reason="films failed")) == [
        ("run.skipped", "Run 1 was skipped: films failed.")
    ]


def test_breakers_are_told_of_when_they_open_and_close_alone(tell):
    opened = {
        "failures": 3,
        "opened": 1,
        "opened_at": WHEN.isoformat(),
        "until": (WHEN + timedelta(minutes=1)).isoformat(),
    }

    said = [
        tell(register("breaker/nas-02", {"failures": 1, "message": "No route."})),
        tell(register("breaker/nas-02", opened | {"message": "No route."})),
        tell(register("breaker/nas-02", opened | {"message": "No route.", "probe": RUN})),
        tell(register("breaker/nas-02", None)),
        tell(register("breaker/nas-02", None)),
    ]

    assert said == [
        [],
        [("breaker.opened", "Breaker nas-02 opened after 3 failures: No route.")],
        [("breaker.probed", "Breaker nas-02: one run tries it.")],
        [("breaker.closed", "Breaker nas-02 closed.")],
        [],
    ]


def test_the_queue_is_told_of_with_person_and_reason(tell):
    pause = {"pauses": {"queue": {"at": "2026-11-21T07:42:00Z", "by": "ana", "reason": "disk swap"}}}

    assert tell(register("queue", pause, by="ana", why="paused queue")) == [
        ("queue.changed", "Queue paused by ana: disk swap.")
    ]
    assert tell(register("queue", None, by="ana", why="resumed queue")) == [
        ("queue.changed", "Queue resumed by ana.")
    ]
    assert tell(register("queue", {"most": {"group/nas": 2}}, why="limit of group/nas is 2")) == [
        ("queue.changed", "Limit of group/nas is 2.")
    ]


def test_dead_letters_and_schedules_are_told_of(tell):
    letter = {"run_id": RUN, "job_id": ONE, "number": 4}
    tell(moved(RunState.FAILED))

    assert tell(register(f"letter/{RUN}", letter)) == [("letter.left", "Run 4 is among the dead letters.")]
    assert tell(register(f"letter/{RUN}", None, by="ana", why="discarded by ana: old")) == [
        ("letter.handled", "Run 1 is no dead letter any more: discarded by ana: old.")
    ]
    assert tell(register(f"schedule/{ONE}", {"settled": "x"}, why="schedule")) == []
    assert tell(register(f"schedule/{ONE}", {"settled": "y"}, why="07:00 was missed.")) == [
        ("schedule.said", "07:00 was missed.")
    ]


def test_letting_a_job_go_and_keeping_it_are_told_of_the_job(tell):
    going = {"by": "ana"}

    assert tell(register(f"going/{ONE}", going, by="ana", why="is being deleted")) == [
        ("job.let-go", "Is being deleted.")
    ]
    assert tell(register(f"going/{ONE}", None, by="ben", why="is kept after all")) == [
        ("job.kept", "Is kept after all.")
    ]
    assert tell(register("going/gone", None, why="the job is gone")) == []
    dropped = Changes(gone_jobs=(ONE,), registers=(Register(name=f"going/{ONE}", value=None),), by="ana")
    assert tell(dropped) == [("job.deleted", "Deleted, with its runs.")]


def test_a_person_s_change_is_told_whatever_it_is_of(tell):
    assert tell(register("channel/mail", {"x": 1}, by="ana", why="a channel was added")) == [
        ("changed", "A channel was added.")
    ]
    assert tell(register("outbox/1", {"x": 1})) == []


@pytest.mark.parametrize(
    "value", [{"until": 5, "opened_at": "soon"}, {"until": "x"}, {"probe": [1], "until": "x"}]
)
def test_a_register_that_makes_no_sense_stops_nobody(tell, value):
    assert len(tell(register("breaker/x", value))) <= 1


def test_how_far_was_told_is_read_from_the_end():
    lines = [
        Happening(n=n, t=T, kind="x", more=more) for n, more in ((1, False), (2, True), (0, False), (2, True))
    ]

    assert position_in(reversed(lines)) == Position(after=1, lines=2)
    assert position_in(reversed(lines[:1])) == Position(after=1)
    assert position_in(iter(())) == Position()
