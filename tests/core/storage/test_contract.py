"""What every store promises, over all of them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from core.errors import InvalidOptions, StorageFailed, StorageFull, StoreInUse
from core.models import (
    Attempt,
    Ending,
    Failure,
    Job,
    OnInterrupt,
    Priority,
    Progress,
    Run,
    frozen,
)
from core.states import RunState
from core.storage.base import Contents
from core.storage.memory import MemoryStore
from core.storage.rows import Changes, Rows
from tests.builders import WHEN, a_kept_job, a_kept_run
from tests.doubles import Held, UsedStore

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
TWO = "3f2a9999-0000-4000-8000-000000000002"
RUN = "77aa0000-0000-4000-8000-000000000001"

NASTY = {
    "text": [
        "yes",
        "014",
        "2026-11-21",
        "a: b",
        "line\nbreak",
        "\x1b[31m",
        "\x85\u2028\ufeff\u202e",
        "日本",
        "\0",
        "",
    ],
    "numbers": [0, -1, 2**64 - 1, 1.5, 1e300, 1e-300, True, None],
    "": {"nested": {"deep": [[], {}, [[1]]]}},
    "yes": 1,
}


NOTHING = Held(Contents(rows=Rows()))


def by_id(contents):
    kept: tuple[Job | Run, ...] = (*contents.jobs, *contents.runs)
    return {value.id: value for value in kept}


def test_a_new_store_is_empty(place):
    _, contents = place.open()

    assert contents == NOTHING


def test_what_was_saved_is_there_after_a_restart(place):
    store, _ = place.open()
    job = a_kept_job(
        ONE,
        options=frozen(NASTY),
        tags=("a", "no"),
        priority=Priority.HIGH,
        on_interrupt=OnInterrupt.FAIL,
        owner="ana",
    )
    run = a_kept_run(
        RUN,
        ONE,
        state=RunState.FAILED,
        attempt=1,
        attempts=(Attempt(number=1, worker="w", started_at=WHEN, ended_at=WHEN, ending=Ending.FAILED),),
        progress=Progress(
            stage="copy", percent=64.5, done=7, total=9, rate=1.5, eta_seconds=3.0, message="x\ny"
        ),
        checkpoint=frozen(NASTY),
        result=frozen(NASTY),
        error=Failure(code="engine-failed", message="It broke.", transient=True),
        warnings=("no", "1e3"),
        due_at=WHEN,
    )

    store.commit(Changes(jobs=(job,), runs=(run,)))
    _, contents = place.open()

    assert (contents.jobs, contents.runs, contents.problems) == ((job,), (run,), ())
    with pytest.raises(TypeError):
        contents.jobs[0].options["text"] = 1


def test_a_change_replaces_what_was_there(place):
    store, _ = place.open()
    job = a_kept_job(ONE, name="photos")
    store.commit(Changes(jobs=(job,)))

    for version in range(2, 9):
        store.commit(Changes(jobs=(msgspec.structs.replace(job, name=f"photos {version}", version=version),)))
    _, contents = place.open()

    assert [(job.name, job.version) for job in contents.jobs] == [("photos 8", 8)]


def test_a_deleted_job_is_gone_with_its_runs(place):
    store, _ = place.open()
    store.commit(Changes(jobs=(a_kept_job(ONE), a_kept_job(TWO)), runs=(a_kept_run(RUN, ONE),)))

    store.commit(Changes(gone_jobs=(ONE,), gone_runs=(RUN,)))
    _, contents = place.open()

    assert set(by_id(contents)) == {TWO}
    assert not contents.problems


def test_what_is_gone_may_go_again_and_come_back(place):
    store, _ = place.open()
    store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(a_kept_run(RUN, ONE),)))

    for _ in range(2):
        store.commit(Changes(gone_jobs=(ONE,), gone_runs=(RUN,)))
    store.commit(Changes(jobs=(a_kept_job(ONE, name="back"),)))
    _, contents = place.open()

    assert [job.name for job in contents.jobs] == ["back"]


def test_progress_that_need_not_survive_is_kept_over_a_restart(place):
    store, _ = place.open()
    store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(a_kept_run(RUN, ONE),)))

    for version in range(2, 6):
        store.hand_in(Changes(runs=(a_kept_run(RUN, ONE, version=version),)))
    _, contents = place.open()

    assert by_id(contents)[RUN].version == 5


def test_many_threads_save_at_once(place):
    store, _ = place.open()
    ids = [f"{number:08x}-0000-4000-8000-{number:012x}" for number in range(24)]

    def save(job_id):
        for version in range(1, 6):
            job = a_kept_job(job_id, name=f"job {version}", version=version)
            store.commit(Changes(jobs=(job,), runs=(a_kept_run(f"r{job_id}"[:36], job_id, version=version),)))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(save, ids))
    _, contents = place.open()

    assert {job.id: job.version for job in contents.jobs} == dict.fromkeys(ids, 5)
    assert len(contents.runs) == 24
    assert not contents.problems


def test_threads_that_change_the_same_things_do_not_wait_for_each_other_for_ever(place):
    store, _ = place.open()
    jobs = [a_kept_job(ONE), a_kept_job(TWO)]

    def save(turn):
        store.commit(Changes(jobs=tuple(jobs if turn % 2 else reversed(jobs))))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(save, range(40)))
    _, contents = place.open()

    assert set(by_id(contents)) == {ONE, TWO}


def test_a_change_that_could_not_be_saved_did_not_happen(place):
    store, _ = place.open()
    store.commit(Changes(jobs=(a_kept_job(ONE, name="before"),), runs=(a_kept_run(RUN, ONE),)))
    _, before = place.open()
    store, _ = place.open()

    place.fail()
    with pytest.raises(StorageFailed):
        store.commit(Changes(jobs=(a_kept_job(ONE, name="after"), a_kept_job(TWO)), gone_runs=(RUN,)))
    place.heal()
    _, after = place.open()

    assert after == before


def test_saving_works_again_once_the_trouble_is_over(place):
    store, _ = place.open()
    place.fail()
    with pytest.raises(StorageFailed):
        store.commit(Changes(jobs=(a_kept_job(ONE),)))

    place.heal()
    store.commit(Changes(jobs=(a_kept_job(ONE, name="at last"),)))
    _, contents = place.open()

    assert [job.name for job in contents.jobs] == ["at last"]


def test_trouble_shows_before_anything_is_saved(place):
    store, _ = place.open()
    store.check_writable()

    place.fail()

    with pytest.raises(StorageFailed):
        store.check_writable()


def test_a_store_that_is_held_is_not_opened_again(place):
    store, _ = place.open()

    with pytest.raises(StoreInUse) as refused:
        place.another().open()
    with pytest.raises(StoreInUse):
        store.open()

    assert "--data" in refused.value.hint


def test_a_closed_store_saves_nothing(place):
    store, _ = place.open()
    store.close()
    store.close()

    with pytest.raises(StorageFailed):
        store.commit(Changes(jobs=(a_kept_job(ONE),)))
    with pytest.raises(StorageFailed):
        store.check_writable()
    _, contents = place.open()

    assert contents == NOTHING


@pytest.mark.parametrize("half", ["\ud800", "caf\udce9"])
def test_a_text_with_half_a_character_is_refused_in_words(place, half):
    store, _ = place.open()

    with pytest.raises(InvalidOptions) as refused:
        store.commit(Changes(jobs=(a_kept_job(TWO), a_kept_job(ONE, options=frozen({"source": half})))))
    _, contents = place.open()

    assert "half a character" in str(refused.value)
    assert contents == NOTHING


def test_options_nested_without_end_are_refused_in_words(place):
    store, _ = place.open()
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(InvalidOptions, match="deep"):
        store.commit(Changes(jobs=(a_kept_job(ONE, options={"deep": deep}),)))


def test_what_was_handed_in_can_change_without_changing_what_is_kept(place):
    store, _ = place.open()
    options = {"source": "/a"}
    store.commit(Changes(jobs=(a_kept_job(ONE, options=options),)))

    options["source"] = "/b"
    _, contents = place.open()

    assert contents.jobs[0].options["source"] == "/a"


def test_closing_waits_for_the_changes_under_way(place):
    store, _ = place.open()
    begun = threading.Event()
    kept = []

    def save():
        for version in range(1, 50):
            try:
                store.commit(Changes(jobs=(a_kept_job(ONE, version=version),)))
            except StorageFailed:
                return
            kept.append(version)
            begun.set()

    saving = threading.Thread(target=save)
    saving.start()
    begun.wait(10)
    store.close()
    saving.join()
    _, contents = place.open()

    assert contents.jobs[0].version == kept[-1]


def test_a_memory_store_fails_as_it_is_told():
    memory = MemoryStore()
    store = UsedStore(memory)
    store.open()

    memory.fail_next(StorageFull("No room."), times=2)

    for _ in range(2):
        with pytest.raises(StorageFull):
            store.commit(Changes(jobs=(a_kept_job(ONE),)))
    store.commit(Changes(jobs=(a_kept_job(ONE),)))
