"""Jobs as programs see them."""

import pytest

from core.engines import ENGINES
from core.errors import StorageFull
from core.storage.base import Commitment
from core.storage.memory import MemoryStore
from core.storage.rows import Changes

JOBS = "/api/v1/jobs"
NOBODY = "3f0c8f9e-0000-4000-8000-000000000000"


class FullDisk(MemoryStore):
    """Has room until it is told that there is none."""

    full = False

    def submit(self, changes: Changes, note: object = None) -> Commitment:
        if self.full:
            self.fail_next(StorageFull("The change could not be kept: there is no room left on the disk."))
        return super().submit(changes, note)


@pytest.fixture
def program(world):
    """Asks with a token; returns the answer."""
    headers = world.bearer()

    def ask(method, path, **rest):
        return world.client.request(method, path, headers=headers | rest.pop("headers", {}), **rest)

    return ask


def test_a_job_is_created_shown_and_listed_as_json(world, program):
    entry = {
        "name": " photos ",
        "kind": "copy",
        "options": world.options(),
        "tags": ["home"],
        "priority": "high",
    }

    created = program("POST", JOBS, json=entry)
    job = created.json()
    shown, listed = program("GET", f"{JOBS}/{job['id']}"), program("GET", JOBS)

    assert (created.status_code, created.headers["location"]) == (201, f"{JOBS}/{job['id']}")
    assert job == shown.json() == listed.json()["items"][0]
    assert shown.headers["etag"] == '"1"'
    assert set(job) == {
        "id", "name", "kind", "options", "priority", "schedule", "after", "after_when", "after_failed", "retry",
        "timeout", "run_timeout", "expect", "groups", "on_interrupt", "tags", "owner", "enabled", "version",
        "created_at", "updated_at", "latest_run",
    }  # fmt: skip
    assert (job["name"], job["owner"], job["priority"], job["tags"]) == ("photos", "ada", "high", ["home"])
    assert (job["schedule"], job["after"], job["timeout"], job["expect"]) == (None, [], None, None)
    assert job["retry"] == {
        "max_attempts": 1, "backoff": "exponential", "wait": 30.0, "longest_wait": 3600.0, "jitter": False,
    }  # fmt: skip
    assert job["created_at"] == "2026-11-21T07:42:00Z"
    assert job["options"]["verify"] == "full"


def test_a_list_is_read_page_by_page_with_a_cursor(world, program):
    names = {world.a_job(f"job {number}").name for number in range(7)}

    seen, cursor = [], None
    while True:
        page = program(
            "GET", JOBS, params={"limit": 3, "sort": "name"} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [job["name"] for job in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert seen == sorted(names)
    assert page["total"] == 7


def test_a_list_of_long_names_is_read_to_its_end(world, program, browser):
    names = {world.a_job("\N{WHALE}" * 197 + f"{number:03}").name for number in range(55)}

    first = program("GET", JOBS, params={"sort": "name"}).json()
    second = program("GET", JOBS, params={"sort": "name", "cursor": first["next"]}).json()
    page = browser.get("/jobs", params={"sort": "name", "cursor": first["next"], "at": 50})

    assert {job["name"] for job in first["items"] + second["items"]} == names
    assert second["next"] is None
    assert page.status_code == 200


def test_a_list_is_narrowed_by_words_state_kind_and_tag(world, program):
    running, other = world.a_job("photos of ada"), world.a_job("mail")
    world.a_running_run(running)

    def named(**params):
        return {job["name"] for job in program("GET", JOBS, params=params).json()["items"]}

    assert named(q="ADA photos") == {running.name}
    assert named(state="running") == {running.name}
    assert named(state=["running", "never"]) == {running.name, other.name}
    assert named(kind="copy") == {running.name, other.name}
    assert named(tag="home") == set()


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "size"},
        {"cursor": "nonsense"},
        {"limit": 0},
        {"limit": 501},
        {"limit": "many"},
        {"state": ["a"] * 51},
        {"state": "bogus"},
        {"state": ["running", "bogus"]},
        {"kind": "nope"},
    ],
)
def test_a_list_that_makes_no_sense_is_refused_in_words(world, program, params):
    refused = program("GET", JOBS, params=params)

    assert refused.status_code == 422
    assert set(refused.json()["problems"]) == {next(iter(params))}


def test_a_change_must_name_the_version_it_changes(world, program):
    job = world.a_job()
    path = f"{JOBS}/{job.id}"
    program("PATCH", path, json={"version": 1, "name": "second"})

    without = program("PATCH", path, json={"name": "third"})
    old = program("PATCH", path, json={"name": "third", "version": 1})
    in_body = program("PATCH", path, json={"name": "third", "version": 2})
    in_header = program("PATCH", path, json={"enabled": False}, headers={"If-Match": '"3"'})

    assert (without.status_code, without.json()["code"]) == (428, "version-required")
    assert (old.status_code, old.json()["code"]) == (409, "version-conflict")
    assert (in_body.status_code, in_body.json()["name"]) == (200, "third")
    assert (in_header.json()["version"], in_header.json()["enabled"]) == (4, False)


UNREADABLE = [
    "garbage",
    "",
    '""',
    '"1" "2"',
    '"1", x',
    '*, "1"',
    '"0"',
    '"-1"',
    '"1.0"',
    '"99999999999999999"',
]


@pytest.mark.parametrize("if_match", UNREADABLE)
def test_an_if_match_that_cannot_be_read_changes_and_deletes_nothing(world, program, if_match):
    job = world.a_job()
    path, headers = f"{JOBS}/{job.id}", {"If-Match": if_match}

    answers = [
        program("DELETE", path, headers=headers),
        program("PATCH", path, json={"name": "x"}, headers=headers),
        program("PATCH", path, json={"name": "x", "version": 1}, headers=headers),
    ]

    for refused in answers:
        assert (refused.status_code, set(refused.json()["problems"])) == (422, {"If-Match"})
    assert world.house.service.manager.job(job.id).job == job


@pytest.mark.parametrize(
    ("if_match", "status"),
    [('"2"', 200), ("2", 200), ('W/"2"', 200), ("*", 200), ('"1", "2"', 200), ('"2","7"', 200), ('"1"', 409), ('"1","3"', 409)],
)  # fmt: skip
def test_an_if_match_holds_for_changing_and_deleting_alike(world, program, if_match, status):
    job = world.a_job()
    path, headers = f"{JOBS}/{job.id}", {"If-Match": if_match}
    program("PATCH", path, json={"version": 1, "name": "second"})

    changed = program("PATCH", path, json={"name": "third"}, headers=headers)
    other = world.a_job("other")
    program("PATCH", f"{JOBS}/{other.id}", json={"version": 1, "name": "second"})
    deleted = program("DELETE", f"{JOBS}/{other.id}", headers=headers)

    assert changed.status_code == status
    assert deleted.status_code == {200: 204, 409: 409}[status]


def test_a_body_and_an_if_match_that_differ_are_refused(world, program):
    path = f"{JOBS}/{world.a_job().id}"

    differing = program("PATCH", path, json={"name": "x", "version": 1}, headers={"If-Match": '"2"'})
    agreeing = program("PATCH", path, json={"name": "y", "version": 1}, headers={"If-Match": '"1"'})
    with_any = program("PATCH", path, json={"name": "z", "version": 1}, headers={"If-Match": "*"})

    assert (differing.status_code, set(differing.json()["problems"])) == (422, {"version"})
    assert agreeing.json()["name"] == "y"
    assert with_any.status_code == 409


@pytest.mark.parametrize(
    "change",
    [
        {"version": True}, {"version": "1"}, {"version": 1.0}, {"version": 0}, {"enabled": "yes"}, {"enabled": 1},
        {"name": None}, {"options": None}, {"priority": None}, {"on_interrupt": None}, {"tags": None}, {"enabled": None},
    ],
)  # fmt: skip
def test_a_change_of_the_wrong_type_or_to_null_is_refused_at_its_field(world, program, change):
    job = world.a_job()

    refused = program("PATCH", f"{JOBS}/{job.id}", json={"version": 1, "name": "x"} | change)

    assert (refused.status_code, set(refused.json()["problems"])) == (422, set(change))
    assert world.house.service.manager.job(job.id).job == job


def test_a_change_that_changes_nothing_raises_no_version(world, program):
    job = world.a_job()
    path = f"{JOBS}/{job.id}"

    empty = program("PATCH", path, json={"version": 1})
    same = program("PATCH", path, json={"version": 1, "name": job.name, "tags": []})
    old = program("PATCH", path, json={"version": 7})

    assert (empty.json()["version"], same.json()["version"]) == (1, 1)
    assert empty.json()["updated_at"] == same.json()["updated_at"] == "2026-11-21T07:42:00Z"
    assert old.status_code == 409


def test_the_version_comes_as_an_etag_with_every_answer_that_shows_the_job(world, program):
    created = program("POST", JOBS, json={"name": "a", "kind": "copy", "options": world.options()})
    path = created.headers["location"]
    changed = program("PATCH", path, json={"name": "b"}, headers={"If-Match": created.headers["etag"]})
    again = program("PATCH", path, json={"name": "c"}, headers={"If-Match": changed.headers["etag"]})

    assert [answer.headers["etag"] for answer in (created, changed, again)] == ['"1"', '"2"', '"3"']
    assert program("GET", path).headers["etag"] == '"3"'


def test_what_is_not_named_in_a_change_stays(world, program):
    job = world.a_job()

    changed = program("PATCH", f"{JOBS}/{job.id}", json={"version": 1, "tags": ["a"]}).json()

    assert (changed["name"], changed["tags"], changed["options"]["source"]) == (
        job.name,
        ["a"],
        job.options["source"],
    )


def test_a_job_that_has_a_run_is_not_deleted(world, program):
    job = world.a_job()
    run = world.house.service.manager.start(job.id)
    path = f"{JOBS}/{job.id}"

    refused = program("DELETE", path)
    program("POST", f"/api/v1/runs/{run.id}/cancel")
    deleted = program("DELETE", path)

    assert (refused.status_code, refused.json()["code"]) == (409, "wrong-state")
    assert "Cancel" in refused.json()["hint"]
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert program("GET", path).status_code == 404


TERMS = {
    "after_when": "any_ended",
    "after_failed": "run",
    "retry": {"max_attempts": 5, "backoff": "fibonacci", "wait": 2.5, "longest_wait": 60.0, "jitter": True},
    "timeout": 600.0,
    "run_timeout": 3600.0,
    "expect": {"every": 93600.0, "grace": 7200.0, "ping": "https://example.org/ping"},
    "groups": ["to nas-02"],
}


def test_a_program_says_how_a_job_is_carried_through(world, program):
    first = world.a_job("first")
    entry = {"name": "photos", "kind": "copy", "options": world.options(), "after": [first.id]} | TERMS

    job = program("POST", JOBS, json=entry).json()
    taken_back = {
        "after": [],
        "retry": None,
        "timeout": None,
        "run_timeout": None,
        "expect": None,
        "groups": [],
    }
    changed = program("PATCH", f"{JOBS}/{job['id']}", json={"version": 1} | taken_back).json()

    assert {name: job[name] for name in TERMS} == TERMS
    assert job["after"] == [first.id]
    assert (changed["retry"]["max_attempts"], changed["timeout"], changed["expect"]) == (1, None, None)
    assert (changed["after"], changed["groups"], changed["after_when"]) == ([], [], "any_ended")


@pytest.mark.parametrize(
    ("extra", "place"),
    [
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts"),
        ({"retry": {"max_attempts": True}}, "retry.max_attempts"),
        ({"retry": {"max_attempts": 101}}, "retry.max_attempts"),
        ({"retry": {"backoff": "quadratic"}}, "retry.backoff"),
        ({"retry": {"wait": -1}}, "retry.wait"),
        ({"retry": {"wait": "30"}}, "retry.wait"),
        ({"retry": {"wait": 1e300}}, "retry.wait"),
        ({"retry": {"wait": 60, "longest_wait": 30}}, "retry.wait"),
        ({"retry": {"colour": "red"}}, "retry.colour"),
        ({"retry": 3}, "retry"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "60"}, "timeout"),
        ({"timeout": 60, "run_timeout": 30}, "run_timeout"),
        ({"expect": {"every": 0}}, "expect.every"),
        ({"expect": {"every": 3600, "ping": "file:///etc/passwd"}}, "expect.ping"),
        ({"expect": {}}, "expect.every"),
        ({"groups": ["a,b"]}, "groups"),
        ({"groups": "a"}, "groups"),
        ({"after": None}, "after"),
        ({"after_when": "sometimes"}, "after_when"),
    ],
)
def test_terms_that_make_no_sense_are_refused_at_their_field(world, program, extra, place):
    entry = {"name": "photos", "kind": "copy", "options": world.options()}

    refused = program("POST", JOBS, json=entry | extra)

    assert refused.status_code == 422
    assert set(refused.json()["problems"]) == {place}


@pytest.mark.parametrize(
    "extra", [{"owner": "eve"}, {"id": NOBODY}, {"version": 7}, {"state": "completed"}, {"x": 1}]
)
def test_nobody_sets_what_is_not_theirs(world, program, extra):
    entry = {"name": "photos", "kind": "copy", "options": world.options()}

    refused = program("POST", JOBS, json=entry | extra)

    assert refused.json()["problems"] == {next(iter(extra)): "There is no such field."}


def test_wrong_options_are_named_by_their_places(world, program):
    entry = {"name": "", "kind": "copy", "options": world.options() | {"verify": "maybe", "speed": 3}}

    refused = program("POST", JOBS, json=entry)

    assert refused.status_code == 422
    assert set(refused.json()["problems"]) == {"name", "options.verify", "options.speed"}


def test_an_unknown_kind_is_refused_with_those_there_are(world, program):
    refused = program("POST", JOBS, json={"name": "", "kind": "teleport"})

    assert refused.status_code == 422
    assert (
        refused.json()["problems"]["kind"]
        == f"There is no kind 'teleport'. The kinds are: {', '.join(ENGINES)}."
    )
    assert set(refused.json()["problems"]) == {"kind", "name"}


def test_starting_a_job_answers_202_with_its_run(world, program):
    job = world.a_job()

    started = program("POST", f"{JOBS}/{job.id}/runs")
    again = program("POST", f"{JOBS}/{job.id}/runs")

    run = started.json()
    assert started.status_code == 202
    assert (run["state"], run["trigger"], run["asked_by"], run["job_id"]) == ("queued", "api", "ada", job.id)
    assert set(run["progress"]) == {
        "percent",
        "done",
        "total",
        "unit",
        "rate",
        "eta_seconds",
        "stage",
        "message",
    }
    assert (again.status_code, again.json()["code"]) == (409, "already-running")


def test_pausing_by_the_job_acts_on_its_present_run(world, program):
    job, idle = world.a_job(), world.a_job("idle")
    run = world.a_running_run(job)
    manager = world.house.service.manager

    pausing = program("POST", f"{JOBS}/{job.id}/pause")
    manager.stopped(run.id, run.attempt)
    resumed = program("POST", f"{JOBS}/{job.id}/resume")
    cancelled = program("POST", f"{JOBS}/{job.id}/cancel")

    states = [answer.json()["state"] for answer in (pausing, resumed, cancelled)]
    assert states == ["pausing", "queued", "cancelled"]
    for verb in ("pause", "resume", "cancel"):
        refused = program("POST", f"{JOBS}/{idle.id}/{verb}")
        assert (refused.status_code, refused.json()["code"]) == (409, "wrong-state")
        assert "'idle' has no run at present" in refused.json()["detail"]


def test_the_runs_of_a_job_are_listed_from_the_newest(world, program):
    job = world.a_job()
    for _ in range(5):
        program("POST", f"{JOBS}/{job.id}/runs")
        program("POST", f"{JOBS}/{job.id}/cancel")

    first = program("GET", f"{JOBS}/{job.id}/runs", params={"limit": 3}).json()
    second = program("GET", f"{JOBS}/{job.id}/runs", params={"limit": 3, "cursor": first["next"]}).json()

    assert [run["number"] for run in first["items"] + second["items"]] == [5, 4, 3, 2, 1]
    assert (first["total"], second["next"]) == (5, None)


def test_a_full_disk_is_said_in_words_and_costs_nothing_acknowledged(make_world):
    disk = FullDisk()
    world = make_world(store=disk)
    kept, program = world.a_job(), world.bearer()
    disk.full = True

    entry = {"name": "more", "kind": "copy", "options": world.options()}
    refused = world.client.post(JOBS, json=entry, headers=program)

    assert (refused.status_code, refused.json()["code"]) == (507, "storage-full")
    assert "Free some space" in refused.json()["hint"]
    listed = world.client.get(JOBS, headers=program).json()
    assert [job["id"] for job in listed["items"]] == [kept.id]
    disk.full = False
    assert world.client.post(JOBS, json=entry, headers=program).status_code == 201
