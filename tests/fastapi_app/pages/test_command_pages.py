"""What a command said and left, on its run's page and as downloads; and the form that makes one."""

import pytest

from core.drafts import JobDraft
from core.people import Role
from tests.fastapi_app.pages.conftest import words

SAYING = r"printf '\033[1;31mred <b>\033[0m plain\n'; mkdir -p out; printf report > 'out/re port.html'; ln -s /etc/passwd out/x.html"


@pytest.fixture
def over(world):
    """A run of a command, once it is over."""
    service = world.house.service
    options = {
        "argv": ["/bin/sh", "-c", SAYING],
        "keep": ["out/*.html"],
        "env": {"MY_TOKEN": "hunter2-and-more"},
    }
    job = service.manager.create(JobDraft(name="it", kind="command", options=options))
    run = service.manager.start(job.id)
    service.worker.carry_out(run.id)
    return service.manager.run(run.id)


def test_a_log_is_handed_out_with_colours_or_without(reader, over):
    page = reader.open(f"/runs/{over.id}")
    plain = reader.browser.get(f"/runs/{over.id}/log").text
    painted = reader.browser.get(f"/runs/{over.id}/log?colours=true").text

    line = next(item for item in page.select(".log li") if item.b.text == "out")
    assert line.select_one("span span")["class"] == ["bold", "ink-1"]
    assert line.select_one("span span").text == "red <b>"
    assert "out red <b> plain\n" in plain
    assert "out \x1b[0;1;31mred <b>\x1b[0m plain\n" in painted


def test_the_page_of_a_run_shows_its_command_without_any_script(reader, over):
    page = reader.open(f"/runs/{over.id}")

    command = page.select_one("#the-commands").text
    assert command.startswith("MY_TOKEN='…' /bin/sh -c ")
    assert "hunter2-and-more" not in str(page)


def test_files_that_match_are_kept_with_their_digests(reader, over):
    page = reader.open(f"/runs/{over.id}")
    link = page.select_one("a.name[download]")
    answer = reader.browser.get(link["href"])

    assert [(file["name"], file["bytes"]) for file in over.result["kept"]] == [("out/re port.html", 6)]
    assert (link.text, answer.text) == ("out/re port.html", "report")
    assert over.result["kept"][0]["blake3"] in page.text
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''re%20port.html"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    for number in ("0", "2", "-1", "1e3", "²", "9" * 40, "..%2f..%2fscript"):
        assert reader.browser.get(f"/runs/{over.id}/kept/{number}").status_code == 404


def test_a_page_of_long_lines_stays_small_and_is_read_back(world, reader, over):
    world.house.service.logs.write_all(over.id, [(over.created_at, "out", "x" * 8_000)] * 600)

    page = reader.open(f"/runs/{over.id}")
    first = int(page.select_one(".log li")["data-n"])
    before = reader.read(reader.browser.get(f"/runs/{over.id}/lines?before={first}"))

    assert len(str(page)) < 3_000_000
    assert int(before.select("li")[-1]["data-n"]) == first - 1


def test_a_command_is_made_and_changed_in_its_form(world, reader):
    form = reader.open("/jobs/new?kind=command").select_one("#job-form")
    typed = {"options.argv": "echo 'two words'", "options.env": "MY_TOKEN=hunter2-and-more\nOPEN=1"}
    made = reader.send(form, name="said", **typed)
    job_id = made.headers["location"].rpartition("/")[2]

    page = reader.open(f"/jobs/{job_id}/edit")
    shown = page.select_one('[name="options.env"]').text
    reader.send(page.select_one("#job-form"), name="said again")

    job = world.house.service.manager.job(job_id).job
    assert shown.split() == ["MY_TOKEN=••••••", "OPEN=1"]
    assert job.name == "said again"
    assert job.options["argv"] == ("echo", "two words")
    assert job.options["env"] == {"MY_TOKEN": "hunter2-and-more", "OPEN": "1"}
    assert "hunter2" not in reader.browser.get(f"/api/v1/jobs/{job_id}").text
    assert "hunter2" not in words(reader.open(f"/jobs/{job_id}"))


@pytest.mark.parametrize(
    ("repeat", "said"),
    [(False, "Stays paused until someone resumes it"), (True, "Goes on by itself at the next start")],
)
def test_a_page_says_what_becomes_of_a_command_that_is_interrupted(world, reader, repeat, said):
    draft = JobDraft(name="once", kind="command", options={"argv": ["/bin/true"], "repeat": repeat})
    job = world.house.service.manager.create(draft, asked_by="ada")

    safety = words(reader.open(f"/jobs/{job.id}").select_one("[aria-labelledby=safe]"))

    assert f"Interrupted {said}" in safety
    assert "verified" not in safety


def test_an_operator_is_refused_a_script_by_the_api(make_world):
    world = make_world(shell="on")
    world.house.accounts.add_user("oz", "a long enough password", Role.OPERATOR)
    user = world.house.accounts.authenticate("oz", "a long enough password", "127.0.0.1")
    headers = {"Authorization": f"Bearer {world.house.accounts.issue_token(user, name='test')}"}
    body = {"name": "it", "kind": "shell", "options": {"script": "true"}}

    refused = world.client.post("/api/v1/jobs", json=body, headers=headers)
    made = world.client.post("/api/v1/jobs", json=body, headers=world.bearer())

    assert (refused.status_code, made.status_code) == (422, 201)
    assert "Only admins" in refused.json()["detail"]
