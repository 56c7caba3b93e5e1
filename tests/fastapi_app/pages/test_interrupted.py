from core.drafts import JobDraft, JobPatch
from core.models import OnInterrupt
from core.states import RunState
from tests.fastapi_app.pages.conftest import words


def an_interrupted_run(world, name):
    manager = world.house.service.manager
    job = manager.edit(world.a_job(name).id, JobPatch(on_interrupt=OnInterrupt.PAUSE), version=None)
    run = world.a_running_run(job)
    return manager.stopped(run.id, run.attempt)


def test_interrupted_runs_are_shown_with_what_can_be_done_about_them(world, reader):
    photos, music = (an_interrupted_run(world, name) for name in ("photos", "music"))

    page = reader.open("/")

    banner = page.select_one("#board-interrupted")
    assert words(banner.h2) == "2 runs were interrupted"
    assert [words(name) for name in banner.select(".name")] == ["photos", "music"]
    actions = [(words(form.button), form["action"]) for form in banner.select("form")]
    assert actions == [
        (word, f"/jobs/{run.job_id}/{verb}")
        for run in (photos, music)
        for word, verb in (("Go on", "resume"), ("Give up", "cancel"))
    ]


def test_one_press_lets_an_interrupted_run_go_on_or_gives_it_up(world, reader):
    photos, music = (an_interrupted_run(world, name) for name in ("photos", "music"))
    manager = world.house.service.manager
    page = reader.open("/")

    reader.send(page.select_one(f"#interrupted-{photos.id} form"))
    page = reader.open("/")
    reader.send(page.select(f"#interrupted-{music.id} form")[1])

    assert manager.run(photos.id).state is not RunState.PAUSED
    assert manager.run(music.id).state is RunState.CANCELLED
    assert reader.open("/").select_one("#board-interrupted *") is None


def test_a_run_that_a_person_paused_is_not_called_interrupted(world, reader):
    run = world.a_running_run(world.a_job("photos"))
    world.house.service.manager.pause(run.id)
    world.house.service.manager.stopped(run.id, run.attempt)

    page = reader.open("/")

    assert page.select_one("#board-interrupted *") is None


def test_a_command_that_was_interrupted_is_not_said_to_go_on_from_there(world, reader):
    manager = world.house.service.manager
    job = manager.create(JobDraft(name="tidy up", kind="command", options={"argv": ["/bin/true"]}))
    run = world.a_running_run(job)
    manager.stopped(run.id, run.attempt)

    page = reader.open(f"/jobs/{job.id}")
    banner = reader.open("/").select_one("#board-interrupted")

    live = words(page.select_one("[aria-labelledby=live]"))
    assert "It was stopped half-way, and begins anew when you resume it." in live
    assert "At work" not in live
    assert words(banner.select_one("header .sub")) == "It must not begin again without your word."
