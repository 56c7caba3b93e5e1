"""Jobs of which no row is left: what their definitions, and what speaks of their runs, still give."""

from pathlib import Path

import pytest

from core.storage.rows import Changes
from tests.builders import a_kept_job, a_kept_run
from tests.core.storage.books import ANA, BEN, CLEO, a_filled_store, books

LAST = "journal-3.yaml"
"""The segment after the newest snapshot."""


@pytest.fixture
def filled(folder):
    """A store that was left in peace."""
    a_filled_store(folder)


def kept_aside(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "quarantine").iterdir()]


@pytest.mark.parametrize("what", ["emptied", "gone"])
def test_when_all_generations_are_bad_the_definitions_still_give_the_jobs(filled, folder, what):
    with books(folder) as store:
        store.history.append([a_kept_run("older", BEN, number=4)])
    for path in (folder / "state").iterdir():
        path.write_bytes(b"") if what == "emptied" else path.unlink()

    with books(folder) as store:
        assert {job.id: (job.name, job.version) for job in store.rows.jobs.values()} == {
            ANA: ("ana", 1),
            BEN: ("ben", 1),
            CLEO: ("cleo", 1),
        }
        assert store.rows.latest_run(BEN) == a_kept_run("older", BEN, number=4)
        assert {problem.job_id for problem in store.told} >= {ANA, BEN, CLEO}
        assert store.placed.keys() == {ANA, BEN, CLEO}
        store.change(Changes(jobs=(a_kept_job(ANA, name="ana", version=2),)))
    with books(folder) as store:
        assert store.rows.jobs[ANA].version == 2


def test_a_row_that_is_lost_with_its_definition_hurt_goes_on_as_the_text_before(filled, folder):
    (definition,) = (folder / "jobs").rglob("ana-*.yaml")
    kept = folder / "backups" / "definitions" / "3f" / f"{ANA}.1.yaml"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(definition.read_bytes().replace(b"name: ana", b"name: ana before"))
    definition.write_bytes(b"\0" * 100)
    for path in (folder / "state").iterdir():
        path.unlink()

    with books(folder) as store:
        assert store.rows.jobs[ANA].name == "ana before"
        assert f"jobs/{definition.parent.name}/{definition.name}" in {problem.path for problem in store.told}
    assert definition.read_bytes() == b"\0" * 100


def test_a_job_that_was_deleted_does_not_come_back_from_its_definition(filled, folder):
    with books(folder) as store:
        store.change(Changes(gone_jobs=(CLEO,)))
    for path in (folder / "state").glob("rows-*"):
        path.write_bytes(b"")
    (folder / "state" / "journal-1.yaml").unlink()

    with books(folder) as store:
        assert store.rows.jobs.keys() == {ANA, BEN}
        assert {problem.job_id for problem in store.told} & {ANA, BEN, CLEO} == {ANA}


def test_a_deleted_job_takes_its_older_runs_with_it(folder):
    with books(folder) as store:
        runs = tuple(a_kept_run(f"r{number}", ANA, number=number) for number in (1, 2))
        store.change(Changes(jobs=(a_kept_job(ANA),), runs=runs))
        store.rows.put_away(runs[0])
        store.checkpoint()
        store.change(Changes(gone_jobs=(ANA,), gone_runs=("r1", "r2")))

    with books(folder) as store:
        assert not store.rows.jobs
        assert not store.rows.runs
        assert not store.rows.older
        assert not store.told


def test_runs_of_a_job_that_is_lost_are_named_and_kept(filled, folder):
    with books(folder) as store:
        store.change(Changes(runs=(a_kept_run("late", BEN),)))
    lost = (
        *(folder / "state").glob("rows-*"),
        *(folder / "jobs").rglob("ben-*"),
        *(folder / "state").glob("*-[12].yaml"),
    )
    for path in lost:
        path.unlink(missing_ok=True)

    with books(folder) as store:
        assert BEN not in store.rows.jobs
        (problem,) = (problem for problem in store.told if problem.job_id == BEN)
        assert problem.path == f"state/{LAST}"
        assert any(b'"late"' in piece for piece in kept_aside(folder))


def test_a_job_whose_creation_is_lost_comes_with_its_runs_from_its_definition(folder):
    with books(folder) as store:
        store.change(Changes(jobs=(a_kept_job(ANA),)))
        store.change(Changes(jobs=(a_kept_job(BEN, name="ben"),)))
        store.define(a_kept_job(BEN, name="ben"))
        store.change(Changes(runs=(a_kept_run("r", BEN),)))
    path = folder / "state" / "journal-1.yaml"
    path.write_bytes(path.read_bytes().replace(b'"ben"', b'"bXn"'))

    with books(folder) as store:
        assert store.rows.jobs[BEN].name == "ben"
        assert store.rows.latest_run(BEN) == a_kept_run("r", BEN)


def test_what_is_applied_late_undoes_nothing_that_came_after_it(folder):
    with books(folder) as store:
        store.change(Changes(jobs=(a_kept_job(ANA),)))
        store.change(Changes(jobs=(a_kept_job(BEN, name="ben"),)))
        store.define(a_kept_job(BEN, name="ben"))
        runs = (a_kept_run("a", ANA), a_kept_run("b1", BEN), a_kept_run("b2", BEN, number=2))
        store.change(Changes(jobs=(a_kept_job(ANA, version=2),), runs=runs))
        moved = tuple(a_kept_run(run.id, run.job_id, number=run.number, version=2) for run in runs)
        store.change(Changes(jobs=(a_kept_job(ANA, version=3),), runs=moved))
        store.change(Changes(runs=(a_kept_run("a", ANA, version=3),), gone_runs=("b1",)))
    path = folder / "state" / "journal-1.yaml"
    path.write_bytes(path.read_bytes().replace(b'"ben"', b'"bXn"'))

    with books(folder) as store:
        assert store.rows.jobs[ANA].version == 3
        assert {run.id: run.version for run in store.rows.runs.values()} == {"a": 3, "b2": 2}
        assert store.rows.jobs[BEN].name == "ben"


def test_changes_of_a_run_that_is_lost_are_named(folder):
    run = a_kept_run("r", ANA)
    with books(folder) as store:
        store.change(Changes(jobs=(a_kept_job(ANA),)))
        store.change(Changes(runs=(run,)))
        store.change(Changes(runs=(a_kept_run("r", ANA, version=2),)))
    path = folder / "state" / "journal-1.yaml"
    path.write_bytes(path.read_bytes().replace(b'"created_at"', b'"Created_at"', 3))

    with books(folder) as store:
        assert not store.rows.runs
        assert any(
            problem.job_id == ANA and "runs of this job" in problem.message for problem in store.told
        ) or (not store.rows.jobs)


def test_older_runs_whose_job_is_nowhere_are_named_and_stay(filled, folder):
    with books(folder) as store:
        store.history.append([a_kept_run("older", BEN)])
        path = store.folder.history_path(BEN)
    for lost in (*(folder / "state").iterdir(), *(folder / "jobs").rglob("*.yaml")):
        lost.unlink()

    with books(folder) as store:
        assert not store.rows.jobs
        assert [(problem.path, problem.job_id) for problem in store.told] == [(f"runs/77/{BEN}.yaml", BEN)]
    assert path.exists()


def test_a_hurt_definition_of_any_name_ends_no_start(filled, folder):
    (definition,) = (folder / "jobs").rglob("ana-*.yaml")
    definition.unlink()
    hurt = definition.with_name("a**[b.yaml")
    hurt.touch()
    for path in (folder / "state").iterdir():
        path.unlink()

    with books(folder) as store:
        assert store.rows.jobs.keys() == {BEN, CLEO}
        assert f"jobs/{hurt.parent.name}/{hurt.name}" in {problem.path for problem in store.told}


def test_a_lost_state_is_named_at_each_start_until_a_snapshot_has_the_jobs(filled, folder):
    with books(folder) as store:
        store.history.append([a_kept_run("older", BEN, number=4)])
    for path in (folder / "state").iterdir():
        path.unlink()

    for _ in range(2):
        with books(folder) as store:
            assert store.rows.latest_run(BEN) == a_kept_run("older", BEN, number=4)
            assert {problem.job_id for problem in store.told} >= {ANA, BEN, CLEO}
    with books(folder) as store:
        store.checkpoint()

    with books(folder) as store:
        assert store.rows.latest_run(BEN) == a_kept_run("older", BEN, number=4)
        assert store.rows.jobs.keys() == {ANA, BEN, CLEO}
        assert not store.told
