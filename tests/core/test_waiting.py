"""Why a run is not running: each reason in words, and which of several is told."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from core.breakers import Breaker
from core.models import (
    AfterWhen,
    Attempt,
    Ending,
    Failure,
    Progress,
    Retry,
    Schedule,
    Window,
)
from core.queueing import Holdup, Pause, Reason, Scope
from core.states import RunState
from core.waiting import Code, Standpoint, ordinal, soonest, waiting
from tests.builders import WHEN, a_kept_job, a_kept_run

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
JOB = a_kept_job("job", name="Photos")
QUEUED = a_kept_run("mine", "job", number=8)
LOST = Failure(code="unreachable", message="The connection was lost.", transient=True)


class Known:
    """What there is beside the run: jobs and runs by their ids, and how long they take."""

    def __init__(self, jobs=(), runs=(), due=None, left=None, usual=None):
        self.jobs = {job.id: job for job in (JOB, *jobs)}
        self.runs = {run.id: run for run in runs}
        self.dues, self.lefts, self.usuals = due or {}, left or {}, usual or {}

    def job(self, job_id):
        return self.jobs.get(job_id)

    def run(self, run_id):
        return self.runs.get(run_id)

    def due(self, job_id):
        return self.dues.get(job_id)

    def left(self, run):
        return self.lefts.get(run.id)

    def usual(self, run):
        return self.usuals.get(run.id)


def why(run, known=None, **fields):
    """Return why the run waits."""
    found = waiting(Standpoint(**{"run": run, "job": JOB, "now": WHEN} | fields), known or Known())
    assert found is not None
    return found


def words(found):
    return "".join(part if isinstance(part, str) else f"{part:%H:%M}" for part in found.said)


def at_work(run_id, job_id="other", **fields):
    began = Attempt(number=1, worker="here", started_at=WHEN - HOUR)
    return a_kept_run(run_id, job_id, state=RunState.RUNNING, attempt=1, attempts=(began,), **fields)


OTHER = a_kept_job("other", name="Music")


def test_a_paused_run_says_since_when():
    ended = Attempt(
        number=1, worker="w", started_at=WHEN - HOUR, ended_at=WHEN - MINUTE, ending=Ending.PAUSED
    )

    found = why(replace(QUEUED, state=RunState.PAUSED, attempts=(ended,), attempt=1))

    assert found.code == Code.SET_DOWN
    assert words(found) == "Paused since 07:41. It goes on from where it was when somebody resumes it."


def test_an_interrupted_run_says_why_it_waits_for_a_word():
    ended = Attempt(number=1, worker="w", started_at=WHEN, ended_at=WHEN, ending=Ending.INTERRUPTED)
    reason = "It was interrupted, and must not be repeated without a person's word."

    found = why(replace(QUEUED, state=RunState.PAUSED, attempts=(ended,), attempt=1, reason=reason))

    assert found.code == Code.INTERRUPTED
    assert reason in words(found)


def test_a_run_that_asks_says_what_it_waits_for():
    ended = Attempt(number=1, worker="w", started_at=WHEN, ended_at=WHEN - MINUTE, ending=Ending.PAUSED)

    found = why(
        replace(QUEUED, state=RunState.PAUSED, attempts=(ended,), attempt=1, reason="Delete 3 files?")
    )

    assert found.code == Code.ASKS
    assert words(found) == "Paused since 07:41. It asks: Delete 3 files? It goes on when somebody answers."


def test_a_run_that_is_tried_again_says_when_and_after_what():
    failed = Attempt(number=1, worker="w", started_at=WHEN, ended_at=WHEN, ending=Ending.FAILED, error=LOST)
    run = replace(QUEUED, state=RunState.SCHEDULED, attempt=1, attempts=(failed,), due_at=WHEN + MINUTE)

    found = why(run, job=replace(JOB, retry=Retry(max_attempts=3)))

    assert (found.code, found.until, found.starts_at) == (Code.RETRY, WHEN + MINUTE, WHEN + MINUTE)
    assert words(found) == "Attempt 2 of 3 begins at 07:43, after: The connection was lost."


def test_attempts_that_do_not_count_make_no_wrong_number():
    failed = Attempt(
        number=1, worker="w", started_at=WHEN, ended_at=WHEN, ending=Ending.FAILED, error=LOST, counted=False
    )
    run = replace(QUEUED, state=RunState.SCHEDULED, attempt=1, attempts=(failed,), due_at=WHEN + MINUTE)

    found = why(run, job=replace(JOB, retry=Retry(max_attempts=3)))

    assert words(found).startswith("Attempt 2 begins at 07:43")


def test_a_run_in_a_blackout_says_when_that_ends():
    schedule = Schedule(cron="42 7 * * *", timezone="UTC", blackout=(Window(start="07:00", end="09:00"),))
    run = replace(QUEUED, state=RunState.SCHEDULED, slot_at=WHEN, due_at=WHEN.replace(hour=9, minute=0))

    found = why(run, job=replace(JOB, schedule=schedule))

    assert found.code == Code.BLACKOUT
    assert words(found) == "Was due at 07:42, when nothing of this job may begin; begins at 09:00."


def test_a_run_with_jitter_says_both_times():
    schedule = Schedule(every=3_600, jitter=600)
    run = replace(QUEUED, state=RunState.SCHEDULED, slot_at=WHEN, due_at=WHEN + MINUTE)

    assert words(why(run, job=replace(JOB, schedule=schedule))) == (
        "Due at 07:42; begins at 07:43, as was drawn for it."
    )


def test_a_run_for_later_says_who_asked():
    run = replace(QUEUED, state=RunState.SCHEDULED, due_at=WHEN + HOUR, asked_by="ada")

    assert words(why(run)) == "Begins at 08:42, as asked by ada."


def test_a_run_whose_time_has_come_says_so():
    run = replace(QUEUED, state=RunState.SCHEDULED, due_at=WHEN)

    assert words(why(run)) == "Its time has come; it comes into line at once."


DUMP = a_kept_job("dump", name="Dump")


def blocked(**upstream):
    return replace(QUEUED, state=RunState.BLOCKED, upstream=upstream)


def test_a_blocked_run_names_what_it_waits_for():
    after = replace(JOB, after=("dump", "other"))
    running = at_work("d", "dump", progress=Progress(percent=64.2))
    known = Known(jobs=(DUMP, OTHER), runs=(running,), due={"other": WHEN + HOUR})

    found = why(blocked(dump="d", other=""), known, job=after)

    assert found.code == Code.UPSTREAM
    assert words(found) == "Waits for Dump (running, 64 %) and the next run of Music, due at 08:42."


def test_a_blocked_run_says_that_nobody_has_started_what_it_waits_for():
    found = why(blocked(dump=""), Known(jobs=(DUMP,)), job=replace(JOB, after=("dump",)))

    assert words(found) == "Waits for the next run of Dump, which nobody has started."


def test_a_blocked_run_does_not_wait_for_what_is_over_or_gone():
    done = a_kept_run("d", "dump", state=RunState.COMPLETED)
    known = Known(jobs=(DUMP, OTHER), runs=(done, a_kept_run("o", "other")))

    found = why(
        blocked(dump="d", other="o", gone="g"), known, job=replace(JOB, after=("dump", "other", "gone"))
    )

    assert words(found) == "Waits for Music (queued)."


def test_a_blocked_run_that_needs_any_says_that_the_first_is_enough():
    after = replace(JOB, after=("dump", "other"), after_when=AfterWhen.ANY_ENDED)
    known = Known(jobs=(DUMP, OTHER), runs=(at_work("d", "dump"), a_kept_run("o", "other")))

    found = why(blocked(dump="d", other="o"), known, job=after)

    assert words(found) == "Waits for the first to end of Dump (running) and Music (queued)."


def test_of_many_jobs_it_comes_after_a_few_are_named():
    jobs = [a_kept_job(f"j{number}", name=f"Job {number}") for number in range(6)]
    after = replace(JOB, after=tuple(job.id for job in jobs))

    said = words(why(blocked(), Known(jobs=jobs), job=after))

    assert said.count("which nobody has started") == 3
    assert said.endswith(" and 3 more.")


def test_a_blocked_run_that_is_not_due_yet_says_so_too():
    run = replace(blocked(dump=""), due_at=WHEN + HOUR)
    after = replace(JOB, after=("dump",))

    assert words(why(run, Known(jobs=(DUMP,)), job=after)).endswith(", and not before 08:42.")
    assert words(why(run, job=after)) == "Begins at 08:42."


@pytest.mark.parametrize(
    ("scope", "name", "whole"),
    [
        (Scope.QUEUE, "", "The queue"),
        (Scope.KIND, "copy", "The kind copy"),
        (Scope.JOB, "job", "This job"),
        (Scope.GROUP, "nas-02", "The group nas-02"),
    ],
)
def test_a_pause_says_what_who_since_when_why_and_until_when(scope, name, whole):
    pause = Pause(by="ada", at=WHEN - MINUTE, reason="moving house", until=WHEN + HOUR)
    holdup = Holdup(reason=Reason.PAUSED, scope=scope, name=name, pause=pause, until=pause.until)

    found = why(QUEUED, holdup=holdup)

    assert (found.code, found.until) == (Code.PAUSED, WHEN + HOUR)
    assert words(found) == f"{whole} is paused by ada since 07:41, until 08:42: moving house."


def test_a_pause_without_an_end_says_so():
    holdup = Holdup(reason=Reason.PAUSED, pause=Pause(at=WHEN))

    assert words(why(QUEUED, holdup=holdup)) == "The queue is paused since 07:42, until somebody resumes it."


def test_another_run_of_the_job_is_named():
    other = at_work("seven", "job", number=7)
    known = Known(runs=(other,), left={"seven": 720.0})

    found = why(QUEUED, known, other=other)

    assert (found.code, found.starts_at) == (Code.JOB_AT_WORK, WHEN + 12 * MINUTE)
    assert words(found) == (
        "Run 7 of this job is at work since 06:42, about 12 min more; a job never overlaps itself."
    )


def test_another_run_of_the_job_that_is_paused_is_named():
    other = replace(at_work("seven", "job", number=7), state=RunState.PAUSED)

    assert words(why(QUEUED, other=other)) == (
        "Run 7 of this job is paused and not over; this one begins after it."
    )


def test_a_pause_is_told_before_another_run_of_the_job():
    other = at_work("seven", "job", number=7)
    holdup = Holdup(reason=Reason.PAUSED, pause=Pause(at=WHEN))

    assert why(QUEUED, other=other, holdup=holdup).code == Code.PAUSED


def test_an_open_breaker_says_how_often_and_when_it_is_tried_again():
    breaker = Breaker(failures=3, opened=1, opened_at=WHEN, until=WHEN + MINUTE, message="No route to host.")
    holdup = Holdup(reason=Reason.BREAKER, name="nas-02", breaker=breaker, until=WHEN + MINUTE)

    found = why(QUEUED, holdup=holdup)

    assert (found.code, found.until) == (Code.BREAKER, WHEN + MINUTE)
    assert words(found) == (
        "nas-02 could not be reached 3 times in a row (No route to host); it is tried again at 07:43."
    )


def test_a_half_open_breaker_says_who_tries():
    breaker = Breaker(failures=3, opened=1, opened_at=WHEN - HOUR, until=WHEN, probe="p")
    holdup = Holdup(reason=Reason.BREAKER, name="nas-02", breaker=breaker, by=("p",))
    known = Known(jobs=(OTHER,), runs=(at_work("p", number=4),))

    assert words(why(QUEUED, known, holdup=holdup)) == (
        "nas-02 could not be reached 3 times in a row; run 4 of Music is trying it now."
    )


def in_group(position=1, above=0, by=("o",), most=1, ahead=None):
    return Holdup(
        reason=Reason.LIMIT,
        scope=Scope.GROUP,
        name="nas-02",
        most=most,
        by=by,
        position=position,
        above=above,
        ahead=position - 1 if ahead is None else ahead,
    )


def test_a_group_at_its_limit_says_who_is_there_and_for_how_long():
    known = Known(jobs=(OTHER,), runs=(at_work("o", number=7),), left={"o": 720.0})

    found = why(QUEUED, known, holdup=in_group())

    assert (found.code, found.starts_at) == (Code.LIMIT, WHEN + 12 * MINUTE)
    assert words(found) == (
        "nas-02 takes one run at a time; run 7 of Music is there since 06:42, about 12 min more; next in line."
    )


def test_further_back_in_a_group_it_begins_after_those_before_it():
    known = Known(jobs=(OTHER,), runs=(at_work("o"),), left={"o": 600.0}, usual={"b": 1_200.0})

    found = why(QUEUED, known, holdup=in_group(position=2, above=1), before=(a_kept_run("b", "other"),))

    assert found.starts_at == WHEN + 30 * MINUTE
    assert words(found).endswith("; 2nd in line, behind 1 of higher priority.")


def test_no_time_is_told_where_one_before_it_is_unknown():
    known = Known(jobs=(OTHER,), runs=(at_work("o"),), left={"o": 600.0})

    found = why(QUEUED, known, holdup=in_group(position=2), before=(a_kept_run("b", "other"),))

    assert found.starts_at is None


def test_no_time_is_told_where_another_may_take_the_slot_before_it():
    known = Known(jobs=(OTHER,), runs=(at_work("o"),), left={"o": 600.0})

    assert why(QUEUED, known, holdup=in_group(ahead=1)).starts_at is None


def test_a_kind_at_its_limit_names_a_few_of_those_at_work():
    runs = [at_work(str(number), number=number + 1) for number in range(5)]
    by = tuple(run.id for run in runs)
    holdup = Holdup(reason=Reason.LIMIT, scope=Scope.KIND, name="copy", most=5, by=by, position=3)

    assert words(why(QUEUED, Known(jobs=(OTHER,), runs=runs), holdup=holdup)) == (
        "Of the kind copy, 5 runs at a time may be at work; at work are run 1 of Music, run 2 of Music, "
        "run 3 of Music and 2 more; 3rd in line."
    )


def test_busy_slots_say_the_place_in_line():
    runs = [at_work("one"), at_work("two")]
    holdup = Holdup(reason=Reason.SLOTS, most=2, by=("one", "two"), position=3, above=2, ahead=2)
    known = Known(jobs=(OTHER,), runs=runs, left={"one": 60.0, "two": 600.0}, usual={"b": 60.0, "c": 60.0})
    before = (a_kept_run("b", "other"), a_kept_run("c", "other"))

    found = why(QUEUED, known, holdup=holdup, before=before)

    assert (found.code, found.starts_at) == (Code.SLOTS, WHEN + 3 * MINUTE)
    assert words(found) == "All 2 slots are busy; 3rd in line, behind 2 of higher priority."


def test_the_first_in_line_with_a_free_slot_is_about_to_begin():
    assert why(QUEUED, holdup=Holdup(reason=Reason.LINE, position=1)).code == Code.BEGINS
    assert why(QUEUED).code == Code.BEGINS


def test_further_back_in_line_the_place_is_told():
    assert words(why(QUEUED, holdup=Holdup(reason=Reason.LINE, position=21))) == "21st in line."


def test_nobody_at_work_is_told_before_anything_else():
    holdup = Holdup(reason=Reason.PAUSED, pause=Pause(at=WHEN))

    found = why(QUEUED, holdup=holdup, carried=False)

    assert found.code == Code.NOBODY


@pytest.mark.parametrize(
    "state", [RunState.RUNNING, RunState.COMPLETED, RunState.CANCELLED, RunState.SKIPPED]
)
def test_a_run_that_does_not_wait_has_no_reason(state):
    assert waiting(Standpoint(run=replace(QUEUED, state=state), job=JOB, now=WHEN), Known()) is None


def test_times_of_another_day_are_told_with_the_day():
    found = why(replace(QUEUED, state=RunState.SCHEDULED, due_at=WHEN + 24 * HOUR))

    assert "Nov" in found.words(WHEN)
    assert "Nov" not in found.words(WHEN + 24 * HOUR)


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (1_003, "1,003rd")],
)
def test_places_are_told_as_people_count(number, said):
    assert ordinal(number) == said


def test_the_soonest_place_is_the_first_that_is_free():
    assert soonest([60.0, 30.0], [30.0], WHEN) == WHEN + MINUTE
    assert soonest([60.0, None], [], WHEN) is None
    assert soonest([], [], WHEN) is None


def test_a_long_message_is_cut_and_stands_on_one_line():
    error = replace(LOST, message="line one\nline two " + "x" * 1_000)
    failed = Attempt(number=1, worker="w", started_at=WHEN, ended_at=WHEN, ending=Ending.FAILED, error=error)
    run = replace(QUEUED, state=RunState.SCHEDULED, attempt=1, attempts=(failed,), due_at=WHEN + MINUTE)

    said = words(why(run))

    assert "line one line two" in said
    assert len(said) < 250
