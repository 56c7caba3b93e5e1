"""Schedules as programs see them; the clock of these tests stands at 2026-11-21 07:42 UTC."""

import pytest

JOBS, SCHEDULES = "/api/v1/jobs", "/api/v1/schedules"
NIGHTLY = {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}
FIRST, SECOND = "2026-11-22T01:30:00Z", "2026-11-23T01:30:00Z"


@pytest.fixture
def program(world):
    """Asks with a token; returns the answer."""
    headers = world.bearer()

    def ask(method, path, **rest):
        return world.client.request(method, path, headers=headers, **rest)

    return ask


@pytest.fixture
def nightly(world, program):
    """Make a job that is due each night; returns it as JSON says it."""

    def make(name="photos", **schedule):
        entry = {"name": name, "kind": "copy", "options": world.options(), "schedule": NIGHTLY | schedule}
        return program("POST", JOBS, json=entry).json()

    return make


def test_a_job_is_created_with_its_schedule_and_changed_to_another(program, nightly):
    window = {"start": "22:00", "end": "06:00", "days": [4, 5]}

    job = nightly(missed="all", overlap="queue", jitter=300, blackout=[window])
    changed = program("PATCH", f"{JOBS}/{job['id']}", json={"version": 1, "schedule": {"every": 900}}).json()
    taken = program("PATCH", f"{JOBS}/{job['id']}", json={"version": 2, "schedule": None}).json()

    assert job["schedule"] == NIGHTLY | {
        "every": None, "at": None, "on_start": False, "missed": "all", "overlap": "queue", "jitter": 300.0,
        "blackout": [window],
    }  # fmt: skip
    assert (changed["schedule"]["cron"], changed["schedule"]["every"]) == ("", 900.0)
    assert taken["schedule"] is None


def test_what_a_job_says_of_its_schedule_can_be_sent_back(program, nightly):
    job = nightly(jitter=60)

    same = program("PATCH", f"{JOBS}/{job['id']}", json={"version": 1, "schedule": job["schedule"]})

    assert (same.status_code, same.json()["version"]) == (200, 1)


@pytest.mark.parametrize(
    ("schedule", "field", "words"),
    [
        ({"cron": "0 0 31 2 *"}, "schedule.cron", "never comes"),
        ({"cron": "@daily", "timezone": "berlin"}, "schedule.timezone", "Europe/Berlin"),
        ({"cron": "@daily", "every": 60}, "schedule.every", "either cron or every"),
        ({}, "schedule.cron", "Say when"),
        ({"every": 60, "blackout": [{"start": "7", "end": "8"}]}, "schedule.blackout", "'7'"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_at_both_doors(program, world, schedule, field, words):
    entry = {"name": "photos", "kind": "copy", "options": world.options(), "schedule": schedule}

    created = program("POST", JOBS, json=entry)
    shown = program("POST", f"{SCHEDULES}/preview", json={"schedule": schedule})

    for answer in (created, shown):
        assert answer.status_code == 422
        assert words in answer.json()["problems"][field]


@pytest.mark.parametrize(
    "schedule",
    [
        {"every": 0},
        {"every": "soon"},
        {"at": "2026-12-24T18:00:00"},
        {"cron": 5},
        {"weekly": True},
        {"jitter": -1},
    ],
)
def test_a_schedule_that_is_none_is_refused(program, schedule):
    assert program("POST", f"{SCHEDULES}/preview", json={"schedule": schedule}).status_code == 422


def test_a_schedule_is_shown_before_it_is_kept(program):
    seen = program("POST", f"{SCHEDULES}/preview", json={"schedule": NIGHTLY}).json()

    assert seen["words"] == "every day at 02:30 (Europe/Berlin)"
    assert (len(seen["due"]), seen["due"][:2]) == (10, [FIRST, SECOND])
    assert "On 28 March 2027 02:30 does not exist" in seen["notes"][0]


def test_jobs_are_listed_by_when_they_are_due_next(program, nightly):
    nightly("later", cron="0 5 * * *")
    job = nightly("sooner")
    nightly("never again", cron="", at="2020-01-01T00:00:00Z")

    listed = program("GET", SCHEDULES).json()

    assert [item["job"] for item in listed["items"]] == ["sooner", "later", "never again"]
    assert listed["total"] == 3
    assert (listed["items"][0]["job_id"], listed["items"][0]["next_at"]) == (job["id"], FIRST)
    assert listed["items"][0]["words"] == "every day at 02:30 (Europe/Berlin)"


def test_the_next_due_time_is_left_out_and_kept_after_all(program, nightly):
    address = f"{JOBS}/{nightly()['id']}/schedule"

    wrong = program("POST", f"{address}/skip", json={"due_at": SECOND})
    skipped = program("POST", f"{address}/skip", json={"due_at": FIRST}).json()
    kept = program("DELETE", f"{address}/skip").json()

    assert wrong.status_code == 409
    assert (skipped["skip"], skipped["next_at"]) == (FIRST, SECOND)
    assert (kept["skip"], kept["next_at"]) == (None, FIRST)


def test_a_job_without_a_schedule_says_so(program, world):
    answer = program("GET", f"{JOBS}/{world.a_job().id}/schedule")

    assert answer.status_code == 409
    assert "has no schedule" in answer.json()["detail"]
