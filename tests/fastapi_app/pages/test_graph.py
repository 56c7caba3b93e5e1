"""The jobs that follow one another, on the page of each."""

import pytest

from core.drafts import JobPatch
from core.states import RunState
from tests.fastapi_app.pages.conftest import FAILED, a_failed_run, words

HOSTILE = "</text></svg><script>alert(1)</script>\N{RIGHT-TO-LEFT OVERRIDE}"


@pytest.fixture
def follow(world):
    """Let jobs come after others; each is made by its name first."""

    def make(**after):
        jobs = {}
        for name, parents in after.items():
            job = world.a_job(name)
            patch = JobPatch(after=tuple(jobs[one].id for one in parents.split()))
            jobs[name] = world.house.service.manager.edit(job.id, patch, version=1) if parents else job
        return jobs

    return make


@pytest.fixture
def diamond(follow):
    return follow(a="", b="a", c="a", d="b c")


def states(world, jobs):
    runs = {name: world.house.service.manager.job(job.id).latest_run for name, job in jobs.items()}
    return {name: run.state if run else None for name, run in runs.items()}


def test_a_job_that_is_alone_has_no_drawing(world, reader):
    page = reader.open(f"/jobs/{world.a_job().id}")

    assert page.select_one("#graph") is None


def test_the_jobs_before_and_after_are_drawn_with_their_states(world, reader, diamond):
    a_failed_run(world, diamond["a"])

    page = reader.open(f"/jobs/{diamond['b'].id}")

    drawn = {words(node.select_one("text")): node for node in page.select(".graph svg > a")}
    assert set(drawn) == {"a", "b", "c", "d"}
    assert (drawn["a"]["data-st"], drawn["a"]["href"]) == ("failed", f"/jobs/{diamond['a'].id}")
    assert words(drawn["a"].select_one(".word")) == "Failed"
    assert drawn["a"].select_one("use")["href"] == "#st-failed"
    assert drawn["b"]["aria-current"] == "true"
    assert words(drawn["d"].select_one("title")) == "d: Skipped, after b, c"


def test_the_same_stands_there_as_a_list(reader, diamond):
    page = reader.open(f"/jobs/{diamond['b'].id}")

    items = [words(item) for item in page.select("#graph ol li")]
    assert len(items) == 4
    assert items[0].endswith("a")
    assert "after b, c" in items[3]


def test_every_job_drawn_is_told_of_as_it_changes(reader, diamond):
    page = reader.open(f"/jobs/{diamond['b'].id}")

    live = {node["data-job"]: node["id"] for node in page.select(".graph [data-job]")}
    assert live == {diamond[name].id: f"job-{diamond[name].id}" for name in "acd"}
    assert len(page.select(f"#job-{diamond['b'].id}")) == 1


def test_a_hostile_name_is_drawn_as_text(world, reader):
    first = world.a_job(HOSTILE)
    second = world.a_job("b")
    world.house.service.manager.edit(second.id, JobPatch(after=(first.id,)), version=1)

    answer = reader.browser.get(f"/jobs/{second.id}", headers={"Accept": "text/html"})

    assert "<script>alert" not in answer.text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in answer.text
    assert "&lt;/text&gt;" in answer.text


def test_a_large_graph_is_drawn_as_far_as_it_can_be_read(world, reader, follow):
    jobs = follow(root="", **{f"n{number}": "root" for number in range(220)})

    page = reader.open(f"/jobs/{jobs['root'].id}")

    assert len(page.select(".graph svg > a")) == 200
    assert "200 jobs; 21 jobs further away not drawn." in words(page.select_one("#graph header"))
    assert len(page.select(".graph [data-job]")) < 95


def test_a_whole_graph_is_started_from_any_of_its_jobs(world, reader, diamond):
    form = reader.open(f"/jobs/{diamond['d'].id}").select_one("#graph form")

    answer = reader.send(form)

    assert answer.status_code == 303
    assert states(world, diamond) == {
        "a": RunState.QUEUED,
        "b": RunState.BLOCKED,
        "c": RunState.BLOCKED,
        "d": RunState.BLOCKED,
    }


def test_a_whole_graph_is_cancelled(world, reader, diamond):
    world.house.service.manager.start_graph(diamond["d"].id, asked_by="ada")
    form = reader.open(f"/jobs/{diamond['d'].id}").select_one('#graph form[action$="/cancel"]')

    reader.send(form)

    assert set(states(world, diamond).values()) <= {RunState.CANCELLED, RunState.SKIPPED}


def test_a_graph_is_retried_from_what_failed(world, reader, diamond):
    manager = world.house.service.manager
    (first,) = manager.start_graph(diamond["d"].id, asked_by="ada")
    claimed = manager.claim(first.id, "test-worker")
    manager.fail(claimed.id, claimed.attempt, FAILED)
    skipped = states(world, diamond)
    form = reader.open(f"/jobs/{diamond['d'].id}").select_one('#graph form[action$="/retry"]')

    reader.send(form)

    assert skipped["d"] == RunState.SKIPPED
    assert states(world, diamond) == {
        "a": RunState.QUEUED,
        "b": RunState.BLOCKED,
        "c": RunState.BLOCKED,
        "d": RunState.BLOCKED,
    }


def test_a_parent_that_is_gone_is_no_more_drawn(world, reader, follow):
    jobs = follow(a="", b="a")
    world.house.service.manager.delete(jobs["a"].id)

    page = reader.open(f"/jobs/{jobs['b'].id}")

    assert reader.status == 200
    assert page.select_one("#graph") is None
