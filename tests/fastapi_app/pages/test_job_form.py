"""A job is made by a form that knows its kind."""

from core.drafts import JobPatch
from core.engines.copy import CopyEngine
from core.states import RunState
from tests.fastapi_app.pages.conftest import words


def typed(world, **others):
    options = world.options()
    return {
        "name": "photos",
        "options.source": options["source"],
        "options.destination": options["destination"],
    } | others


def the_only_job(world):
    (overview,) = world.house.service.manager.list_jobs().items
    return overview


def test_the_form_asks_for_every_option_of_the_kind(reader):
    page = reader.open("/jobs/new")

    for name, option in CopyEngine.model_fields.items():
        field = page.select_one(f'[name="options.{name}"]')
        label = page.select_one(f'label[for="{field["id"]}"]') or field.find_parent("label")
        assert words(label).startswith(option.title or "no title")
        assert (option.description or "no help") in words(page.select_one(f"#help-{field['id']}"))


def test_fields_that_belong_to_a_choice_name_it(reader):
    page = reader.open("/jobs/new")

    panel = page.select_one("#options-sample-confidence").find_parent(class_="field")
    assert (panel["data-if"], panel["data-is"]) == ("options.verify", "sample")


def test_what_stands_in_a_closed_panel_stops_nobody(world, reader):
    form = reader.open("/jobs/new").select_one("#job-form")
    hidden = {"options.verify": "full", "options.sample_confidence": "abc"}
    left_open = hidden | {"options.verify": "sample"}

    refused = reader.read(
        reader.send(form, form.select_one("button[value=wait]"), **typed(world, **left_open))
    )
    answer = reader.send(form, form.select_one("button[value=wait]"), **typed(world, **hidden))

    assert words(refused.select_one("#truth-options-sample-confidence"))
    assert answer.status_code == 303
    assert the_only_job(world).job.options["verify"] == "full"


def test_what_is_typed_is_checked_by_the_server(world, reader):
    form = reader.open("/jobs/new").select_one("#job-form")
    source = world.options()["source"]
    answer = reader.browser.post(
        form["hx-post"],
        data={"kind": "copy", "options.source": source, "options.destination": f"{source}/inside"},
        headers={"Accept": "text/html", "HX-Request": "true"},
    )

    page = reader.read(answer)

    assert "1 files" in words(page.select_one("#truth-options-source")) or "1 file" in words(
        page.select_one("#truth-options-source")
    )
    destination = page.select_one("#truth-options-destination")
    assert destination["data-st"] == "failed"
    assert words(destination)
    assert not words(page.select_one("#truth-name"))
    assert "Copies what is new or changed" in words(page.select_one("#plan"))
    assert words(page.select_one("#to-fix")) == "1 field to fix first: Destination ."


def test_a_form_without_scripts_makes_and_starts_a_job(world, reader):
    form = reader.open("/jobs/new").select_one("#job-form")

    answer = reader.send(form, form.select_one("button[value=start]"), **typed(world, tags="family, summer"))

    overview = the_only_job(world)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/jobs/{overview.job.id}"
    assert overview.job.tags == ("family", "summer")
    assert overview.job.owner == "ada"
    assert overview.latest_run.state == RunState.QUEUED


def test_enter_in_a_field_makes_the_job_and_starts_nothing(world, reader):
    form = reader.open("/jobs/new").select_one("#job-form")

    reader.send(form, form.select_one("button[type=submit]"), **typed(world))

    assert the_only_job(world).latest_run is None


def test_a_folder_that_was_left_empty_is_asked_for(reader):
    form = reader.open("/jobs/new").select_one("#job-form")

    page = reader.read(reader.send(form, name="photos"))

    for folder in ("source", "destination"):
        assert words(page.select_one(f"#truth-options-{folder}")) == "This is needed."


def test_choices_are_told_in_words(reader):
    page = reader.open("/jobs/new")

    assert [words(choice) for choice in page.select("#options-verify option")] == [
        "Full: every file is read back",
        "Sample: a random share is read back",
        "Fast: sizes and times only, proves nothing",
    ]


def test_create_alone_starts_nothing(world, reader):
    form = reader.open("/jobs/new").select_one("#job-form")

    reader.send(form, form.select_one("button[value=wait]"), **typed(world))

    assert the_only_job(world).latest_run is None


def test_what_cannot_be_accepted_comes_back_as_it_was_typed(world, reader):
    form = reader.open("/jobs/new").select_one("#job-form")
    wrong = typed(world, name="", **{"options.source": "/nowhere/at/all", "options.exclude": "*.tmp\n*.bak"})

    page = reader.read(reader.send(form, form.select_one("button[value=start]"), **wrong))

    assert reader.status == 422
    assert words(page.select_one("#truth-name")) == "A job needs a name."
    assert page.select_one("#name").has_attr("autofocus")
    source = page.select_one("#options-source")
    assert source["value"] == "/nowhere/at/all"
    assert source["aria-invalid"] == "true"
    assert not source.has_attr("autofocus")
    assert page.select_one("#options-exclude").text.split() == ["*.tmp", "*.bak"]
    assert words(page.select_one("#to-fix")) == "2 fields to fix first: Name , Source ."
    assert world.house.service.manager.list_jobs().total == 0


def test_two_people_editing_a_job_see_each_other(world, reader):
    job = world.a_job("photos")
    form = reader.open(f"/jobs/{job.id}/edit").select_one("#job-form")
    manager = world.house.service.manager
    manager.edit(job.id, JobPatch(name="photos of the family"), version=1)

    page = reader.read(reader.send(form, name="holiday photos"))

    assert reader.status == 409
    assert "Someone else changed this job" in words(page.select_one("[role=alert]"))
    name = page.select_one("#name")
    assert name["value"] == "holiday photos"
    assert "Now saved: photos of the family" in words(name.find_parent(class_="field"))
    assert manager.job(job.id).job.name == "photos of the family"

    again = reader.send(page.select_one("#job-form"), name="holiday photos")

    assert again.status_code == 303
    assert manager.job(job.id).job.name == "holiday photos"


def test_a_kind_that_is_none_is_not_found(reader):
    page = reader.open("/jobs/new?kind=teleport")

    assert reader.status == 404
    assert "There is no kind 'teleport'." in words(page.select_one("[data-problem]"))
