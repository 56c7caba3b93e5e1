"""What happened and who asked for what, as programs read it."""

import csv
import io

import pytest

from core.people import Role

HOSTILE = "=1+1 \u202egpj"


@pytest.fixture
def busy(world, browser):
    """A world in which ada made and started a job, and everything was told."""
    job = world.a_job(HOSTILE.strip("\u202e"))
    world.a_running_run(job)
    answer = browser.post("/api/v1/jobs/{}/runs".format("nowhere"))
    assert answer.status_code == 404
    world.house.service.clerk.follow()
    return job


def test_a_program_reads_what_happened_and_goes_on_from_there(busy, people):
    viewer = people[Role.VIEWER]

    newest = viewer.get("/api/v1/events").json()
    first = viewer.get("/api/v1/events?after=0&limit=2").json()
    rest = viewer.get(f"/api/v1/events?after={first['next']}").json()

    kinds = [item["kind"] for item in first["items"] + rest["items"]]
    assert kinds == ["job.created", "run.queued", "run.running"]
    assert [item["kind"] for item in newest["items"]] == kinds[::-1]
    assert (newest["next"], rest["next"]) == (None, None)
    assert first["items"][0]["name"] == busy.name


def test_events_are_filtered_by_what_is_asked_for(busy, people):
    viewer = people[Role.VIEWER]

    def found(words):
        return [item["kind"] for item in viewer.get(f"/api/v1/events?{words}").json()["items"]]

    assert found("state=running") == ["run.running"]
    assert found(f"job={busy.id}&kind=job") == ["job.created"]
    assert found("q=in+line") == ["run.queued"]
    assert found("person=nobody") == []


@pytest.mark.parametrize(
    "words",
    [
        "limit=0",
        "limit=501",
        "after=-1",
        "after=x",
        "format=xml",
        "since=soon",
        "q=" + "x" * 201,
        "since=0001-01-01T00:00:00%2B14:00",
        "until=9999-12-31T23:59:59-14:00",
    ],
)
def test_a_question_about_events_that_makes_no_sense_is_refused_in_words(busy, people, words):
    answer = people[Role.VIEWER].get(f"/api/v1/events?{words}")

    assert answer.status_code == 422
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "kind"), [("csv", "text/csv"), ("json", "application/json"), ("txt", "text/plain")]
)
def test_events_are_handed_out_as_a_file(busy, people, name, kind):
    answer = people[Role.VIEWER].get(f"/api/v1/events?format={name}&after=0")

    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["content-disposition"] == f'attachment; filename="events.{name}"'
    if name == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert len(rows) == 3
        assert rows[0]["name"].startswith("'=1+1")
    else:
        assert len(answer.text.splitlines()) >= 3


def test_the_audit_is_for_admins(busy, people):
    for role in (Role.VIEWER, Role.OPERATOR):
        for path in ("/api/v1/audit", "/api/v1/audit/verify"):
            assert people[role].get(path).status_code == 403
    assert people[Role.ADMIN].get("/api/v1/audit").status_code == 200


def test_signing_in_and_out_and_what_was_denied_is_in_the_audit(world, people, clock):
    service = world.house.service
    csrf = {"Origin": "http://127.0.0.1:8080"}
    world.client.post("/login", data={"username": "ada", "password": "wrong"}, headers=csrf)
    world.client.post("/api/v1/auth/token", json={"username": "ada", "password": "wrong"})
    browser = world.signed_in()
    browser.post("/logout")
    for _ in range(3):
        assert people[Role.VIEWER].post("/store/compact").status_code == 403

    found = world.signed_in().get("/api/v1/audit").json()["items"]

    said = [(item["kind"], item["by"]) for item in reversed(found)]
    assert said[:3] == [("login.failed", ""), ("login.failed", ""), ("logout", "ada")]
    assert [kind for kind, _ in said].count("denied") == 1
    assert "ada" not in "".join(item["words"] for item in found)
    verified = world.signed_in().get("/api/v1/audit/verify").json()
    assert (verified["whole"], verified["lines"]) == (True, len(found))
    assert verified["head"] == found[0]["hash"]
    assert service.audit.verify().whole


def test_a_program_is_told_what_was_altered_in_the_audit(world, people):
    world.house.service.audit.note("login", "Signed in.", by="ada")
    (path,) = (world.folder / "data" / "audit").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"ada", b"eve", 1))

    verified = people[Role.ADMIN].get("/api/v1/audit/verify").json()

    assert verified["whole"] is False
    assert verified["flaws"][0]["line"] == 1
    assert "altered" in verified["flaws"][0]["message"]
