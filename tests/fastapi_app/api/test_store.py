"""What is kept, as programs read it."""

from core.drafts import JobPatch
from core.people import Role
from core.storage.base import Problem


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
