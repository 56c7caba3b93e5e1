"""Numbers about the whole house, as programs ask for them."""

from datetime import timedelta

import pytest

from core.models import Failure
from core.rollups import DAY, HOUR
from core.work import Outcome

STATS = "/api/v1/stats"


@pytest.fixture
def ask(world):
    def ask(**question):
        return world.client.get(STATS, headers=world.bearer(), params=question)

    return ask


@pytest.fixture
def finish(world, clock):
    def finish(job, *, seconds=90, fails=False):
        manager = world.house.service.manager
        run = world.a_running_run(job)
        clock.pass_by(timedelta(seconds=seconds))
        if fails:
            ended = manager.fail(run.id, run.attempt, Failure(code="engine-failed", message="It is broken."))
        else:
            ended = manager.complete(run.id, run.attempt, Outcome(result={"bytes": 7}))
        return ended

    return finish


def settled(world):
    """Let every figure be counted that there is to count."""
    for subscription in world.house.service.events._subscriptions:
        if subscription.name == "metrics":
            subscription.close()


def test_the_last_day_is_told_in_numbers(world, ask, finish):
    job = world.a_job()
    finish(job, seconds=90)
    finish(job, seconds=20, fails=True)
    settled(world)

    told = ask().json()

    day = told["last_day"]
    assert (day["ended"], day["completed"], day["failed"], day["failure_rate"]) == (2, 1, 1, 0.5)
    assert (day["bytes"], day["retries"], told["dead_letters"]) == (7, 0, 1)
    assert 60 < day["kinds"]["copy"]["took_p95"] <= 120
    assert told["series"] is None


def test_hours_and_days_are_told_one_by_one(world, ask, finish, clock):
    began = clock.now()
    job = world.a_job()
    for _ in range(3):
        finish(job)
        clock.pass_by(DAY)
    settled(world)

    hours = ask(by="hour", **{"from": began.isoformat(), "to": clock.now().isoformat()}).json()["series"]
    days = ask(by="day", **{"from": (began - DAY).isoformat()}).json()["series"]

    assert [hour["ended"] for hour in hours] == [1, 1]  # the first hour began before `from`
    assert [day["ended"] for day in days] == [1, 1, 1]
    assert hours[0]["at"].endswith(":00:00Z")


@pytest.mark.parametrize(
    "question",
    [
        {"by": "minute"},
        {"by": "day", "from": "yesterday"},
        {"by": "day", "from": "2026-11-21T00:00:00"},
        {"by": "hour", "from": "2020-01-01T00:00:00Z"},
        {"by": "day", "from": "0001-01-01T00:00:00Z"},
        {"by": "day", "from": "2026-11-22T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
        {"by": "hour", "to": "9999-12-31T23:59:59-14:00", "from": "9999-12-31T00:00:00Z"},
    ],
)
def test_a_time_that_makes_no_sense_is_refused_in_words(ask, question):
    answer = ask(**question)

    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_a_time_in_which_nothing_was_counted_is_empty(ask, clock):
    assert ask(by="hour", to=(clock.now() - 9 * HOUR).isoformat()).json()["series"] == []
