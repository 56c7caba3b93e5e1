"""How runs went, as far as this process saw it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from core.events import RunProgressed
from core.models import Attempt, Progress
from core.states import RunState
from fastapi_app.courses import EARLIER, KEPT, MOST_STAGES, NOTHING_KNOWN, SAMPLES, Courses
from fastapi_app.presenters.stages import stages_of
from tests.builders import a_kept_run
from tests.doubles import SettableClock


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def courses(clock):
    return Courses(clock)


def tell(courses, stage="copy", run_id="run-1", rate=1e6, unit="bytes", attempt=1):
    run = a_kept_run(run_id, "job-1", state=RunState.RUNNING, attempt=attempt)
    courses.take(RunProgressed(run=replace(run, progress=Progress(stage=stage, rate=rate, unit=unit))))


def test_each_stage_is_known_by_when_it_began(courses, clock):
    began = clock.now()
    tell(courses, "scan")
    tell(courses, "scan")
    clock.pass_by(timedelta(seconds=5))
    tell(courses, "copy")
    tell(courses, "scan", attempt=2)

    assert courses.of("run-1").stages == (
        (1, "scan", began),
        (1, "copy", began + timedelta(seconds=5)),
        (2, "scan", began + timedelta(seconds=5)),
    )


def test_the_stage_of_a_run_of_many_is_still_the_one_that_it_is_in(courses, clock):
    began = clock.now()
    for number in range(2 * MOST_STAGES):
        tell(courses, f"part {number}")
        clock.pass_by(timedelta(seconds=5))

    stages = courses.of("run-1").stages
    assert len(stages) == MOST_STAGES
    assert stages[0] == (1, EARLIER, began)
    assert stages[1] == (1, "part 41", began + timedelta(seconds=205))
    assert stages[-1] == (1, "part 79", began + timedelta(seconds=395))


def test_the_latest_of_many_attempts_have_their_stages(courses):
    for attempt in range(1, MOST_STAGES + 1):
        tell(courses, "scan", attempt=attempt)
        tell(courses, "copy", attempt=attempt)

    stages = courses.of("run-1").stages
    assert len(stages) == MOST_STAGES
    assert [(attempt, name) for attempt, name, _ in stages][-2:] == [(40, "scan"), (40, "copy")]
    assert stages[0][0] == 21


def test_what_a_run_did_before_a_restart_is_no_part_of_the_stage_that_it_is_in(clock):
    began = clock.now()
    attempt = Attempt(number=1, worker="here", started_at=began)
    clock.pass_by(timedelta(hours=1))
    courses = Courses(clock)
    clock.pass_by(timedelta(seconds=5))
    run = a_kept_run("run-1", "job-1", state=RunState.RUNNING, attempt=1, attempts=(attempt,))
    courses.take(RunProgressed(run=replace(run, progress=Progress(stage="verify"))))

    stages = courses.of("run-1").stages
    bars = stages_of(replace(run, progress=Progress(stage="verify")), stages, clock.now())

    assert stages == ((1, EARLIER, began), (1, "verify", clock.now()))
    assert bars is not None
    assert [(bar.word, bar.took) for bar in bars.bars] == [
        ("Earlier stages", "1 h"),
        ("Verify", "under 1 s"),
    ]


def test_rates_are_those_of_the_last_ten_minutes(courses, clock):
    for number in range(3 * SAMPLES):
        tell(courses, rate=float(number))
        clock.pass_by(timedelta(seconds=5))

    rates = courses.of("run-1").rates
    assert len(rates) == SAMPLES
    assert (rates[0], rates[-1]) == (60.0, 178.0)


def test_rates_of_another_unit_begin_anew(courses, clock):
    tell(courses, "scan", rate=400.0, unit="files")
    clock.pass_by(timedelta(minutes=1))
    tell(courses, "copy", rate=5e6)

    assert (courses.of("run-1").rates, courses.of("run-1").unit) == ((5e6,), "bytes")


def test_only_so_many_runs_are_remembered(courses):
    for number in range(KEPT + 1):
        tell(courses, run_id=f"run-{number}")

    assert courses.of("run-0") is NOTHING_KNOWN
    assert courses.of(f"run-{KEPT}").stages
