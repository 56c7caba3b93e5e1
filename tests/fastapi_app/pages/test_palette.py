"""What the palette finds, for whom."""

import pytest

from core.people import Role
from fastapi_app.presenters.palette import Asked, asked_in, command_in, rank, run_in

HOSTILE = "<b>photos</b> \u202egnp" + "x" * 180


def found(browser, typed):
    answer = browser.get("/palette", params={"q": typed})
    assert answer.status_code == 200
    return answer.json()


def words(lines):
    return [line["word"] for line in lines]


def test_everything_is_one_list(world, browser):
    world.a_job("photos")

    lines = found(browser, "photos")
    pages = found(browser, "")

    assert words(lines)[:2] == ["photos", "Start photos"]
    assert {"Dashboard", "Jobs", "New job", "Pause all"} <= set(words(pages))
    assert "Theme: dark" in words(found(browser, "theme"))
    assert words(found(browser, "keyboard")) == ["Keyboard shortcuts"]


def test_a_name_that_begins_like_it_comes_before_one_that_only_has_it(world, browser):
    for name in ("aardvark of nas", "nas", "nas and more", "pictures at the nas"):
        world.a_job(name)

    jobs = [
        line["word"]
        for line in found(browser, "nas")
        if line.get("address", "").startswith("/jobs/") and "fields" not in line
    ]

    assert jobs == ["nas", "nas and more", "aardvark of nas", "pictures at the nas"]


def test_a_command_names_its_job(world, browser):
    job = world.a_job("photos")
    world.a_job("other")

    first = found(browser, "sta pho")[0]
    done = browser.post(first["address"], data=first["fields"])

    assert (first["word"], done.status_code) == ("Start photos", 303)
    assert len(world.house.service.manager.runs_of(job.id)) == 1
    assert words(found(browser, "cancel photos"))[0] == "Cancel photos"
    assert "Start photos" not in words(found(browser, "start photos"))


def test_the_palette_finds_a_run_by_its_number(world, browser):
    job, manager = world.a_job("photos"), world.house.service.manager
    for _ in range(3):
        manager.cancel(manager.start(job.id).id)
    second = next(run for run in manager.runs_of(job.id) if run.number == 2)

    by_name, by_number, by_id = (found(browser, typed)[0] for typed in ("photos 2", "#2", second.id.upper()))

    assert by_name == by_number == by_id
    assert (by_name["word"], by_name["address"]) == ("Run 2 of photos", f"/runs/{second.id}")


def test_who_may_only_look_finds_nothing_to_do(world, people):
    job = world.a_job("photos")
    viewer = people[Role.VIEWER]

    lines = (
        found(viewer, "photos") + found(viewer, "") + found(viewer, "start photos") + found(viewer, "slots")
    )

    assert f"/jobs/{job.id}" in {line.get("address") for line in lines}
    assert {line["address"] for line in lines if "fields" in line} <= {"/preferences", "/logout"}
    assert not any(
        line.get("address", "").startswith(("/settings/server", "/audit", "/jobs/new")) for line in lines
    )
    assert "Slots" in words(found(people[Role.ADMIN], "slots"))


def test_a_name_in_the_palette_is_harmless_and_short(world, browser):
    world.a_job(HOSTILE)

    named = next(line["word"] for line in found(browser, "photos") if "fields" not in line)

    assert "\u202e" not in named
    assert named.startswith("<b>photos</b>")  # scripts show it as text


@pytest.mark.parametrize(
    "typed", ['"', "kind:", "state:nothing", "-", "a" * 200, "\u0000", "%", "()[]", "start ", "#", "9" * 30]
)
def test_a_search_that_is_not_finished_finds_what_it_can(world, browser, typed):
    world.a_job("photos")

    assert isinstance(found(browser, typed), list)


def test_strangers_find_nothing(world):
    assert world.client.get("/palette?q=a", headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize(
    ("name", "typed", "near"),
    [
        ("photos", "photos", 0),
        ("photos", "pho", 1),
        ("my photos", "pho", 2),
        ("my photos", "pho my", 2),
        ("telephotos", "photo", 3),
        ("photos", "video", None),
        ("PHOTOS", "photos", 0),
    ],
)
def test_how_near_a_name_is(name, typed, near):
    assert rank(name, asked_in(typed).words) == near


def test_a_verb_or_a_number_alone_is_a_word_to_search():
    assert command_in(asked_in("start")) is None
    assert command_in(asked_in("s photos")) is None
    assert run_in(asked_in("photos")) is None
    assert run_in(asked_in("photos #12")) == Asked(text="photos", number=12)
