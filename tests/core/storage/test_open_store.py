"""An open store after damage: what it does by itself."""

from core.storage.rows import Changes
from tests.builders import a_kept_job
from tests.core.storage.books import ANA, CLEO, a_filled_store


def test_damage_is_healed_by_a_new_generation_and_named_no_more(opened, folder):
    a_filled_store(folder)
    for path in (folder / "state").glob("rows-*-2.yaml"):
        path.write_bytes(b"jobs: 5\n")
    store, held = opened()
    assert held.problems

    store.files._open()._checkpoint_when_due()
    _, again = opened()

    assert not again.problems
    assert {job.id: job for job in again.jobs} == {job.id: job for job in held.jobs}


def test_no_generation_is_written_over_a_segment_that_cannot_be_read(opened, folder):
    a_filled_store(folder)
    path = folder / "state" / "journal-3.yaml"
    path.rename(folder / "away")
    path.mkdir()
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ANA, name="anna", version=2),)))

    store.files._open()._checkpoint_when_due()
    store.close()
    path.rmdir()
    (folder / "away").rename(path)
    _, held = opened()

    assert {job.id: job.version for job in held.jobs}[CLEO] == 2
    assert not (folder / "state" / "checkpoint-3.yaml").exists()


def test_a_store_tells_outside_of_its_journal_how_far_it_goes(opened, folder):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ANA),)))
    store.commit(Changes(jobs=(a_kept_job(ANA, version=2),)))
    store.close()
    (journal,) = (folder / "state").glob("journal-*")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]))

    _, held = opened()

    assert [job.version for job in held.jobs] == [1]
    assert any("Record 2 is missing" in problem.message for problem in held.problems)
