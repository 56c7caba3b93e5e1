"""Figures for Prometheus, and who may read them."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.models import Failure
from core.people import Role
from core.storage.memory import MemoryStore
from core.work import Outcome

TOKEN = "tell-me-how-it-is-going"


@pytest.fixture
def finish(world, clock):
    def finish(job, *, seconds=90, written=1_000, fails=False):
        manager = world.house.service.manager
        run = world.a_running_run(job)
        clock.pass_by(timedelta(seconds=seconds))
        if fails:
            return manager.fail(run.id, run.attempt, Failure(code="engine-failed", message="It is broken."))
        return manager.complete(run.id, run.attempt, Outcome(result={"copied_bytes": written}))

    return finish


def settled(world):
    """Wait until every listener has heard what happened so far."""
    for subscription in world.house.service.events._subscriptions:
        if subscription.name == "metrics":
            subscription.close()


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures_tell_of_runs_waits_bytes_and_the_process(world, browser, finish):
    job = world.a_job()
    finish(job, seconds=90)
    finish(job, seconds=4)
    finish(job, fails=True)
    settled(world)

    answer = browser.get("/metrics")

    told = samples(answer.text)
    assert answer.headers["content-type"].startswith("text/plain")
    assert told["holdfast_runs_ended_total", "completed", "copy"] == 2
    assert told["holdfast_runs_ended_total", "copy", "failed"] == 1
    assert told["holdfast_moved_bytes_total", "copy"] == 2_000
    assert told["holdfast_run_seconds_count", "copy"] == 3
    assert told["holdfast_run_seconds_bucket", "5.0", "copy"] == 1
    assert told["holdfast_run_wait_seconds_count",] == 3
    assert told["holdfast_jobs", "failed"] == 1
    assert told["holdfast_dead_letters",] == 1
    assert told["holdfast_failure_ratio_24h",] == pytest.approx(1 / 3)
    assert told["process_resident_memory_bytes",] > 0


def test_figures_name_no_person_job_or_path(world, browser, finish):
    job = world.a_job("the secret wedding")
    finish(job, fails=True)
    settled(world)

    text = browser.get("/metrics").text

    assert "holdfast_runs_ended_total" in text
    for secret in ("wedding", "ada", str(world.folder), job.id, "broken"):
        assert secret not in text


@pytest.fixture
def ask(make_world):
    """Ask a Holdfast for its figures as a stranger from some address would."""

    def ask(address="192.0.2.7", *, token="", **headers):
        world = make_world(store=MemoryStore(), metrics_token=token)
        world.client._transport.client = (address, 50_000)
        return world.client.get("/metrics", headers={"Host": "127.0.0.1:8080", **headers})

    return ask


def test_a_program_on_this_machine_reads_figures_without_a_word(ask):
    assert ask("127.0.0.1").status_code == 200
    assert ask("::1").status_code == 200


def test_a_stranger_elsewhere_is_refused_and_told_what_to_do(ask):
    answer = ask()

    assert answer.status_code == 403
    assert "HOLDFAST_METRICS_TOKEN" in answer.text


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Basic {TOKEN}", 403),
        ("Bearer wrong", 403),
        ("Bearer ", 403),
        ("Bearer \u00e9".encode("latin-1"), 403),
    ],
)
def test_a_stranger_who_names_the_token_reads_figures(ask, given, status):
    assert ask(token=TOKEN, Authorization=given).status_code == status


def test_an_empty_token_opens_nothing(ask):
    assert ask(Authorization="Bearer ").status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_asks_for_somebody_else(ask, header):
    assert ask("127.0.0.1", **{header: "192.0.2.7"}).status_code == 403


def test_every_person_who_is_signed_in_reads_figures(people):
    assert people[Role.VIEWER].get("/metrics").status_code == 200


def test_too_many_failures_of_a_day_are_told_in_the_health_report(world, finish):
    def failures():
        return next(
            check for check in world.client.get("/health").json()["checks"] if check["name"] == "failures"
        )

    jobs = [world.a_job(name) for name in "abcde"]
    before = failures()
    for job in jobs[:4]:
        finish(job, fails=True)
    finish(jobs[4])
    settled(world)
    after = failures()

    assert before["status"] == "healthy"
    assert after["status"] == "degraded"
    assert after["message"].startswith("80% of the runs of the last 24 hours failed")


def test_a_few_failures_are_no_alarm(world, finish):
    for name in "abcd":
        finish(world.a_job(name), fails=True)
    settled(world)

    assert world.client.get("/health").json()["status"] != "unhealthy"
    [check] = [check for check in world.client.get("/health").json()["checks"] if check["name"] == "failures"]
    assert check["status"] == "healthy"
