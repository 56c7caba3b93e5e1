"""What a schedule does when it is looked at."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.firing import Firing, coming, fired, look_at, next_due
from core.models import Missed, Overlap, Schedule, Window
from core.schedules import due_between, last_due
from core.states import RunState
from tests.builders import a_kept_job, a_kept_run

CREATED = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HOURLY = Schedule(cron="0 * * * *", timezone="UTC")
BEGUN = a_kept_run("run-7", "job-1", number=7, state=RunState.RUNNING, attempt=1)
WAITING = a_kept_run("run-8", "job-1", number=8)


def a_due_job(schedule=HOURLY, **fields):
    return a_kept_job("job-1", schedule=schedule, created_at=CREATED, updated_at=CREATED, **fields)


def at_its_end(low, high):
    return high


def look(job, now, kept=None, **fields):
    return fired(Firing(job=job, kept=kept, now=now, **fields), at_its_end)


def every_look(job, now, kept=None, **fields):
    """Look until nothing more is due; return the due times that made runs, and the last look."""
    made = []
    while True:
        last = look(job, now, kept, **fields)
        made += [last.run.slot_at] if last.run else []
        kept = last.kept
        if not last.again:
            return made, last


def test_nothing_is_made_before_it_is_due():
    seen = look(a_due_job(), CREATED + HOUR - timedelta(seconds=1))

    assert (seen.run, seen.kept, seen.said) == (None, None, ())


def test_a_due_time_makes_one_run_and_no_second_one():
    first = look(a_due_job(), CREATED + HOUR)
    again = look(a_due_job(), CREATED + HOUR + MINUTE, first.kept)

    assert first.run is not None
    assert (first.run.slot_at, first.run.due_at) == (CREATED + HOUR, CREATED + HOUR)
    assert (again.run, again.kept) == (None, first.kept)


def test_missed_due_times_are_made_up_for_by_one_run():
    made, last = every_look(a_due_job(), CREATED + 5 * HOUR + 20 * MINUTE)

    assert made == [CREATED + 5 * HOUR]
    assert last.said == ("5 due times were missed: one run makes up for all of them.",)
    assert last.kept["left_out"] == 4


def test_missed_due_times_are_made_up_for_one_after_the_other():
    job = a_due_job(replace(HOURLY, missed=Missed.ALL))
    now = CREATED + 3 * HOUR + 20 * MINUTE

    made, _ = every_look(job, now)
    first = look(job, now)
    while_it_runs = look(job, now, first.kept, begun=BEGUN)

    assert made == [CREATED + HOUR, CREATED + 2 * HOUR, CREATED + 3 * HOUR]
    assert (while_it_runs.run, while_it_runs.kept, while_it_runs.again) == (None, first.kept, False)


def test_missed_due_times_are_left_out_and_said():
    job = a_due_job(replace(HOURLY, missed=Missed.SKIP))

    made, last = every_look(job, CREATED + 3 * HOUR + 20 * MINUTE)

    assert made == []
    assert last.said == ("3 due times were missed and left out, as the job's schedule says.",)
    assert every_look(job, CREATED + 4 * HOUR, last.kept)[0] == [CREATED + 4 * HOUR]


def test_what_is_due_now_is_not_left_out_with_what_was_missed():
    job = a_due_job(replace(HOURLY, missed=Missed.SKIP))

    seen = look(job, CREATED + 3 * HOUR + timedelta(seconds=50))

    assert seen.run is not None
    assert seen.run.slot_at == CREATED + 3 * HOUR
    assert seen.said == ("2 due times were missed and left out, as the job's schedule says.",)


def test_a_minute_of_delay_is_not_missed():
    job = a_due_job(replace(HOURLY, missed=Missed.SKIP))

    assert look(job, CREATED + HOUR + MINUTE).run is not None
    assert look(job, CREATED + HOUR + MINUTE + timedelta(microseconds=1)).run is None


def test_a_due_time_is_left_out_while_the_run_before_it_is_not_over():
    seen = look(a_due_job(), CREATED + HOUR, begun=BEGUN)

    assert seen.run is None
    assert seen.said == ("21 November 2026 at 01:00 was left out: run 7 is running and not over yet.",)
    assert seen.kept["left_out"] == 1
    assert look(a_due_job(), CREATED + HOUR + MINUTE, seen.kept).run is None


def test_one_run_waits_for_the_end_of_the_one_before_and_no_second_one():
    job = a_due_job(replace(HOURLY, overlap=Overlap.QUEUE))

    beside_one = look(job, CREATED + HOUR, begun=BEGUN)
    beside_two = look(job, CREATED + HOUR, begun=BEGUN, waiting=WAITING)

    assert beside_one.run is not None
    assert beside_two.run is None
    assert "run 8 waits already" in beside_two.said[0]


def test_the_older_run_gives_way():
    job = a_due_job(replace(HOURLY, overlap=Overlap.CANCEL))

    seen = look(job, CREATED + HOUR, begun=BEGUN)
    beside_two = look(job, CREATED + HOUR, begun=replace(BEGUN, state=RunState.CANCELLING), waiting=WAITING)

    assert seen.run is not None
    assert seen.cancels == (BEGUN.id,)
    assert beside_two.cancels == (WAITING.id,)


def test_a_due_time_in_a_blackout_waits_for_its_end_and_several_are_one():
    window = Window(start="00:30", end="04:10")
    job = a_due_job(replace(HOURLY, blackout=(window,), overlap=Overlap.CANCEL))

    first = look(job, CREATED + HOUR)
    held = replace(WAITING, state=RunState.SCHEDULED)
    second = look(job, CREATED + 2 * HOUR, first.kept, waiting=held)

    assert first.run is not None
    assert first.run.due_at == CREATED + 4 * HOUR + 10 * MINUTE
    assert (second.run, second.cancels) == (None, ())
    assert "together with run 8" in second.said[0]


def test_jitter_keeps_a_run_waiting_and_does_not_let_it_begin_in_a_blackout():
    window = Window(start="01:10", end="01:45")
    plain = look(a_due_job(replace(HOURLY, jitter=300)), CREATED + HOUR)
    held = look(a_due_job(replace(HOURLY, jitter=600, blackout=(window,))), CREATED + HOUR)

    assert plain.run is not None
    assert plain.run.due_at == CREATED + HOUR + 5 * MINUTE
    assert held.run is not None
    assert held.run.due_at == CREATED + HOUR + 45 * MINUTE


def test_a_job_runs_when_holdfast_starts_once_a_start():
    job = a_due_job(Schedule(on_start=True))

    at_start = look(job, CREATED + HOUR, at_start=True)
    later = look(job, CREATED + HOUR, at_start.kept)

    assert at_start.run is not None
    assert later.run is None
    assert look(job, CREATED + HOUR, at_start=True, begun=BEGUN).run is None


def test_a_start_makes_up_for_what_was_missed_with_the_same_run():
    made, last = every_look(a_due_job(replace(HOURLY, on_start=True)), CREATED + 2 * HOUR + 9 * MINUTE)
    at_start = look(a_due_job(replace(HOURLY, on_start=True)), CREATED + 2 * HOUR + 9 * MINUTE, at_start=True)

    assert made == [CREATED + 2 * HOUR]
    assert at_start.run is not None
    assert at_start.kept["settled"] == last.kept["settled"]


def test_a_clock_set_back_by_little_doubles_nothing():
    first = look(a_due_job(), CREATED + HOUR)

    made, last = every_look(a_due_job(), CREATED + 10 * MINUTE, first.kept)
    made += every_look(a_due_job(), CREATED + HOUR, last.kept)[0]

    assert made == []


def test_a_clock_set_back_by_hours_counts_from_there_with_a_word():
    first = look(a_due_job(), CREATED + 9 * HOUR)

    back = look(a_due_job(), CREATED + 5 * HOUR, first.kept)
    made, _ = every_look(a_due_job(), CREATED + 6 * HOUR, back.kept)

    assert back.said == ("The clock was set back by 4 hours: due times are counted from now on.",)
    assert made == [CREATED + 6 * HOUR]


def test_what_was_due_once_is_not_due_again_when_the_clock_is_set_back():
    job = a_due_job(Schedule(at=CREATED + 3 * HOUR))
    once = look(job, CREATED + 3 * HOUR)

    back = look(job, CREATED + HOUR, once.kept)
    made, _ = every_look(job, CREATED + 4 * HOUR, back.kept)

    assert once.run is not None
    assert (back.said, made) == ((), [])
    assert look_at(job, once.kept, CREATED + HOUR) is None


def test_an_interval_goes_on_at_once_when_the_clock_is_set_back_to_before_the_job_was_created():
    job = a_due_job(Schedule(every=300))

    back = look(job, CREATED - timedelta(days=30))

    assert look_at(job, back.kept, CREATED - timedelta(days=30)) == CREATED - timedelta(days=30) + 5 * MINUTE


@pytest.mark.parametrize("state", [RunState.SCHEDULED, RunState.BLOCKED])
def test_a_run_that_waits_for_a_time_that_comes_again_holds_up_nothing(state):
    first = look(a_due_job(), CREATED + 720 * HOUR)
    held = replace(WAITING, state=state, slot_at=CREATED + 720 * HOUR)

    back = look(a_due_job(), CREATED, first.kept, waiting=held)
    asked_for = look(a_due_job(), CREATED, first.kept, waiting=replace(held, slot_at=None))

    assert (back.run, back.cancels) == (None, (held.id,))
    assert asked_for.cancels == ()


def test_a_schedule_that_is_changed_is_counted_from_the_change_on():
    first = look(a_due_job(), CREATED + HOUR)
    edited = replace(
        a_due_job(Schedule(cron="30 * * * *", timezone="UTC")), updated_at=CREATED + 5 * HOUR, version=2
    )

    made, _ = every_look(edited, CREATED + 6 * HOUR, first.kept)

    assert made == [CREATED + 5 * HOUR + 30 * MINUTE]


def test_another_name_changes_nothing_about_what_was_missed():
    first = look(a_due_job(), CREATED + HOUR)
    renamed = replace(a_due_job(), name="other", updated_at=CREATED + 5 * HOUR, version=2)

    made, last = every_look(renamed, CREATED + 6 * HOUR + 2 * MINUTE, first.kept)

    assert made == [CREATED + 6 * HOUR]
    assert last.said == ("5 due times were missed: one run makes up for all of them.",)


def test_what_is_due_while_a_job_is_switched_off_was_not_missed():
    first = look(a_due_job(), CREATED + HOUR)
    off = look(replace(a_due_job(), enabled=False), CREATED + 2 * HOUR + MINUTE, first.kept)
    on_again = replace(a_due_job(), updated_at=CREATED + 9 * HOUR + MINUTE, version=3)

    made, _ = every_look(on_again, CREATED + 10 * HOUR, off.kept)

    assert off.run is None
    assert made == [CREATED + 10 * HOUR]
    assert look(replace(a_due_job(), enabled=False), CREATED + 3 * HOUR, off.kept).kept == off.kept


def test_a_job_without_a_schedule_keeps_nothing_of_it():
    kept = look(a_due_job(), CREATED + HOUR).kept

    assert look(a_due_job(None), CREATED + 2 * HOUR, kept).kept is None


def test_a_due_time_is_left_out_because_somebody_asked():
    kept = look(a_due_job(), CREATED + HOUR).kept | {"skip": (CREATED + 2 * HOUR).isoformat()}

    seen = look(a_due_job(), CREATED + 2 * HOUR, kept)

    assert coming(a_due_job(), kept, CREATED + HOUR, 2) == (CREATED + 3 * HOUR, CREATED + 4 * HOUR)
    assert seen.run is None
    assert seen.said == ("21 November 2026 at 02:00 was left out, as it was asked for.",)
    assert look(a_due_job(), CREATED + 3 * HOUR, seen.kept).run is not None


def test_a_register_that_cannot_be_read_begins_anew():
    made, _ = every_look(a_due_job(), CREATED + HOUR, {"settled": "yesterday"})

    assert made == [CREATED + HOUR]


def test_a_year_of_missed_minutes_is_settled_at_once():
    job = a_due_job(Schedule(cron="* * * * *", timezone="Europe/Berlin"))

    seen = look(job, CREATED + timedelta(days=365, seconds=30))

    assert seen.run is not None
    assert seen.run.slot_at == CREATED + timedelta(days=365)
    assert seen.said == ("More than 1,000 due times were missed: one run makes up for all of them.",)


def test_the_next_due_time_of_a_job_that_is_off_is_none():
    assert next_due(a_due_job(), None) == CREATED + HOUR
    assert next_due(a_due_job(enabled=False), None) is None
    assert next_due(a_due_job(None), None) is None


CRONS = st.sampled_from(["0 * * * *", "*/7 * * * *", "30 2 * * *", "0 2 29 2 *", "15 */5 * * 1"])


@given(cron=CRONS, start=st.integers(0, 60 * 24 * 200), minutes=st.integers(0, 60 * 24 * 30))
def test_the_last_due_time_is_the_last_of_all(cron, start, minutes):
    schedule = Schedule(cron=cron, timezone="Europe/Berlin")
    after = CREATED + start * MINUTE
    until = after + minutes * MINUTE

    last = last_due(schedule, after, until, anchor=CREATED)

    every = due_between(schedule, after, until, anchor=CREATED, most=100_000)
    assert last == (every[-1] if every else None)


@given(
    missed=st.sampled_from(Missed),
    jumps=st.lists(st.integers(-59, 400), min_size=1, max_size=15),
    cron=st.sampled_from(["0 * * * *", "30 2 * * *", "*/20 * * * *"]),
)
@pytest.mark.parametrize(
    "start", [datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)]
)
def test_no_due_time_is_doubled_or_lost_without_a_word_however_the_clock_goes(start, missed, jumps, cron):
    schedule = Schedule(cron=cron, timezone="Europe/Berlin", missed=missed)
    job = a_kept_job("job-1", schedule=schedule, created_at=start, updated_at=start)
    now, kept, made, latest = start, None, [], start
    for jump in jumps:
        now = max(now + jump * MINUTE, latest - 59 * MINUTE)
        latest = max(latest, now)
        slots, last = every_look(job, now, kept)
        made += slots
        kept = last.kept

    due = due_between(schedule, start, latest, anchor=start, most=10_000)
    assert len(made) == len(set(made))
    assert set(made) <= set(due)
    assert len(due) == len(made) + (kept or {}).get("left_out", 0)
