"""What is kept, as programs read it."""

from pathlib import Path
from urllib.parse import quote

import pytest

from core.drafts import JobPatch
from core.people import Role
from core.storage.base import Problem
from core.storage.unpacking import entries_of
from tests.fastapi_app.conftest import PASSWORD


def test_a_program_reads_what_is_kept(world, people):
    job = world.a_job()
    world.a_running_run(job)
    (world.folder / "data" / "jobs").mkdir(parents=True)
    (world.folder / "data" / "jobs" / "a.yaml").write_text("id: 1\n")
    problem = Problem(path="jobs/3f/a.yaml", message="No such kind.", line=3, column=7, job_id=job.id)
    world.house.service.manager.note_mistake(job.id, problem)

    answer = people[Role.VIEWER].get("/api/v1/store")

    store = answer.json()
    assert answer.status_code == 200
    assert (store["jobs"], store["runs"], store["older_runs"], store["whole"]) == (1, 1, 0, True)
    assert store["parts"]["definitions"]["files"] == 1
    assert store["bytes"] == sum(part["bytes"] for part in store["parts"].values())
    assert store["room"]["total"] > store["room"]["free"] > 0
    assert store["keeping"] == {"runs": 50, "days": 400, "logs_days": 400, "logs_bytes": 2_000_000_000}
    assert store["outlook"] == {"runs": 0, "logs": 0, "log_bytes": 0, "whole": True}
    assert store["problems"] == [
        {
            "path": "jobs/3f/a.yaml",
            "line": 3,
            "column": 7,
            "message": "No such kind.",
            "job_id": job.id,
            "kept": None,
        }
    ]
    assert (store["quarantine"], store["troubles"]) == ([], [])


def test_a_stranger_reads_nothing_of_it(world):
    assert world.client.get("/api/v1/store").status_code == 401


def test_a_program_learns_both_versions_of_a_conflict(world):
    job = world.a_job("photos")
    manager = world.house.service.manager
    manager.edit(job.id, JobPatch(name="family"), version=1)
    manager.edit(job.id, JobPatch(name="holidays"), version=2)

    change = {"version": 1, "name": "mine"}
    answer = world.client.patch(f"/api/v1/jobs/{job.id}", json=change, headers=world.bearer())

    assert (answer.status_code, answer.json()["code"]) == (409, "version-conflict")
    assert answer.json()["versions"] == {"expected": 1, "actual": 3}
    assert manager.job(job.id).job.name == "holidays"


def test_an_admin_backs_the_store_up_and_compacts_it(make_world):
    world = make_world()
    world.a_job()

    made = world.client.post("/api/v1/store/backup?with_logs=true", headers=world.bearer())
    freed = world.client.post("/api/v1/store/compact", headers=world.bearer())

    assert (made.status_code, freed.status_code) == (201, 200)
    assert (made.json()["jobs"], made.json()["runs"]) == (1, 0)
    assert entries_of(Path(made.json()["path"]))
    assert freed.json()["after"] > 0
    assert world.client.get("/api/v1/store", headers=world.bearer()).json()["backup"]["verified_at"]


def test_only_an_admin_backs_the_store_up_and_compacts_it(people):
    answers = {
        (role, what): people[role].post(f"/api/v1/store/{what}").status_code
        for role in (Role.VIEWER, Role.OPERATOR)
        for what in ("backup", "compact")
    }

    assert set(answers.values()) == {403}


def test_nobody_from_the_network_says_where_a_backup_goes(make_world):
    world = make_world()
    world.house.accounts.add_user("cli", PASSWORD, Role.ADMIN)
    place = world.folder / "taken.tar.zst"
    asking = f"/api/v1/store/backup?into={quote(str(place))}"

    answers = [
        world.client.post(asking, headers=world.bearer("cli")),
        world.signed_in("cli").post(asking),
        world.signed_in().post(f"/store/backup?into={quote(str(place))}"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 303]
    assert answers[0].json()["code"] == "only-here"
    assert not place.exists()


@pytest.mark.parametrize("place", ["own.tar.zst", "", "/tmp/a%00b", "../own.tar.zst"])
def test_a_command_names_a_place_in_full(make_world, place):
    world = make_world()
    key = world.house.accounts.open_door()

    answer = world.client.post(
        "/api/v1/store/backup", params={"into": place}, headers={"Authorization": f"Bearer {key}"}
    )

    assert answer.status_code == 422
    assert "no path in full" in answer.json()["detail"]


def test_a_store_in_memory_has_nothing_to_back_up(people):
    answer = people[Role.ADMIN].post("/api/v1/store/backup")

    assert answer.status_code == 503
    assert "in memory" in answer.json()["detail"]
