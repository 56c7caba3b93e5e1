"""Imports as programs see them."""

import pytest

from core.people import Role

SECRET = "hunter2-and-more"


@pytest.fixture
def lines(world):
    source = world.options()["source"]
    return f"0 3 * * * RESTIC_PASSWORD={SECRET} restic -r {world.folder}/repository backup {source}\n"


def test_an_import_is_shown_and_made_over_http(world, browser, lines):
    shown = browser.post("/api/v1/imports", json={"source": "crontab", "text": lines})
    made = browser.post(f"/api/v1/imports/{shown.json()['hash']}/apply")
    again = browser.post(f"/api/v1/imports/{shown.json()['hash']}/apply", json={"enable": True})

    assert (shown.status_code, made.status_code, again.status_code) == (200, 201, 404)
    assert shown.json()["destinations"][0]["secrets"] == ["password"]
    assert shown.json()["jobs"][0]["cron"] == "0 3 * * *"
    assert SECRET not in shown.text + made.text + again.text
    (job_id,) = made.json()["jobs"]
    assert world.house.service.manager.job(job_id).job.enabled is False


def test_only_admins_import_over_http(people, lines):
    asked = {"source": "crontab", "text": lines}

    answers = {role: browser.post("/api/v1/imports", json=asked) for role, browser in people.items()}

    assert {role: answer.status_code for role, answer in answers.items()} == {
        Role.VIEWER: 403,
        Role.OPERATOR: 403,
        Role.ADMIN: 200,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"source": "shell", "text": "x"},
        {"source": "crontab"},
        {"source": "crontab", "text": "x", "files": {"a": 7}},
        {"source": "crontab", "text": "x", "run": True},
    ],
)
def test_a_mistaken_import_is_refused_in_words_without_its_text(browser, body):
    answer = browser.post("/api/v1/imports", json=body)

    assert answer.status_code == 422
    assert answer.json()["hint"]


def test_half_a_letter_in_an_import_is_refused_in_words(browser):
    half = b'{"source": "crontab", "text": "\\ud800"}'

    answer = browser.post("/api/v1/imports", content=half, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    assert answer.json()["hint"]
