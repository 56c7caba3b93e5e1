"""Steps are written in a form, and come back as they were written."""

from tests.fastapi_app.pages.conftest import words
from tests.fastapi_app.pages.test_job_form import the_only_job, typed

LINES = "stop-service nextcloud.service\ncommand 'before=fsfreeze -f /srv'"


def test_steps_are_entered_as_lines_and_shown_as_they_were(world, reader):
    form = reader.open("/jobs/new").select_one("#job-form")

    answer = reader.send(
        form, form.select_one("button[value=wait]"), **typed(world, **{"options.steps": LINES})
    )

    overview = the_only_job(world)
    again = reader.open(f"/jobs/{overview.job.id}/edit")
    page = reader.open(f"/jobs/{overview.job.id}")
    assert answer.status_code == 303
    assert [step["do"] for step in overview.job.options["steps"]] == ["stop-service", "command"]
    assert again.select_one("#options-steps").text.strip() == LINES
    assert "stop-service nextcloud.service; command" in words(page)


def test_a_step_that_is_none_is_refused_at_its_field(world, reader):
    form = reader.open("/jobs/new").select_one("#job-form")

    refused = reader.read(
        reader.send(
            form, form.select_one("button[value=wait]"), **typed(world, **{"options.steps": "reboot now"})
        )
    )

    assert "Step 1 must begin with one of stop-service" in words(refused.select_one("#truth-options-steps"))
    assert refused.select_one("#options-steps").text.strip() == "reboot now"
