"""Opening a store to which anything has happened: what is there, and what is said of the rest."""

import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from core.errors import StoreUnreadable
from core.storage.folder import StoreFolder
from core.storage.journal import Journal
from core.storage.opening import read_state
from core.storage.reach import tell_reach
from core.storage.rows import Changes
from core.storage.shards import shard_of
from tests.builders import a_kept_job, a_kept_run
from tests.core.storage.books import ANA, BEN, CLEO, Books, a_filled_store, books, kept, state_of
from tests.doubles import SettableClock

LAST = "journal-3.yaml"
TAKEN_AWAY_AT_LAST = "register letter/a1"
"""The segment after the newest snapshot: what it says stands nowhere else."""


def swapped(text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    return b"".join([*lines[:2], *reversed(lines[2:])])


WOUNDS = {
    "emptied": lambda text: b"",
    "filled with zeros": lambda text: b"\0" * len(text),
    "cut in half": lambda text: text[: len(text) // 2],
    "cut in a word": lambda text: text[:-20],
    "cut at the end of a line": lambda text: b"".join(text.splitlines(keepends=True)[:-2]),
    "binary": lambda text: bytes(range(256)) * 8,
    "compressed": lambda text: b"\x1f\x8b\x08\x00" + text[7:],
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "another YAML": lambda text: b"jobs: 5\n",
    "a wrong type": lambda text: re.sub(rb'"(n|rows|jobs)":', rb'"\1":[],"x":', text),
    "one bad line among good ones": lambda text: (
        re.sub(rb'"name":"(\w)', rb'"name":"\1x', text, count=1)
        if b'"name"' in text
        else text.replace(b'"kind"', b'"kin"')
    ),
    "a flipped bit": lambda text: text[:-40] + bytes([text[-40] ^ 4]) + text[-39:],
    "twice over": lambda text: text + text[:-1],
    "lines in another order": swapped,
    "of another store": lambda text: re.sub(rb"# [0-9a-f]{8}", b"# 0a1b2c3d", text),
    "zeros in the middle": lambda text: text[:150] + b"\0" * 64 + text[214:],
}


@pytest.fixture
def filled(folder):
    """A store that was left in peace; returns what it has."""
    a_filled_store(folder)
    with books(folder) as store:
        assert not store.told
        whole = state_of(store)
        tell_reach(folder / "state", store.folder.store_id, store.journal.n)
    assert len(list((folder / "state").glob("journal-*"))) == 3
    return whole


def state_files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "state").iterdir())


def kept_aside(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "quarantine").iterdir()]


def is_only_behind(store: Books, whole: dict[str, object]) -> bool:
    """Tell whether every job is there, as it is or as it was before the last segment."""
    return {job.name for job in store.rows.jobs.values()} == {"ana", "ben", "cleo"} and all(
        job in (whole[job.id], a_kept_job(job.id, name=job.name)) for job in store.rows.jobs.values()
    )


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_wound_in_a_snapshot_heals_and_is_named_and_kept(filled, folder, wound):
    for name in state_files(folder):
        if not name.startswith(("rows", "checkpoint")) or not name.endswith("-2.yaml"):
            continue
        copy = folder.with_name("copy")
        shutil.copytree(folder, copy)
        whole = (copy / "state" / name).read_bytes()
        hurt = WOUNDS[wound](whole)
        (copy / "state" / name).write_bytes(hurt)

        with books(copy) as store:
            assert state_of(store) == filled
            assert {problem.path for problem in store.told} == ({f"state/{name}"} if hurt != whole else set())
            if hurt not in {b"", whole} and wound != "cut at the end of a line":
                assert any(problem.kept for problem in store.told)
                assert kept_aside(copy)
        with books(copy) as store:
            store.checkpoint()
            store.checkpoint()
        with books(copy) as store:
            assert state_of(store) == filled
            assert not store.told
        shutil.rmtree(copy)


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_wound_in_the_journal_costs_what_it_hit_and_is_named_and_kept(filled, folder, wound):
    path = folder / "state" / LAST
    hurt = WOUNDS[wound](path.read_bytes())
    path.write_bytes(hurt)

    with books(folder) as store:
        assert is_only_behind(store, filled)
        assert state_of(store) == filled or store.told
        assert {problem.path.rpartition("/")[2] for problem in store.told} <= {LAST, "state"}
        n = store.journal.n
        assert n >= 6
        store.change(Changes(jobs=(a_kept_job(CLEO, name="cleo", version=9),)))
    with books(folder) as store:
        assert store.rows.jobs[CLEO].version == 9
        assert store.journal.n == n + 1
        store.checkpoint()
        store.checkpoint()
    with books(folder) as store:
        assert store.rows.jobs[CLEO].version == 9
        assert not store.told


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_wound_in_what_no_start_needs_costs_nothing(filled, folder, wound):
    for name in ("journal-1.yaml", "journal-2.yaml", "checkpoint-1.yaml", f"rows-{shard_of(ANA)}-1.yaml"):
        path = folder / "state" / name
        path.write_bytes(WOUNDS[wound](path.read_bytes()))

    with books(folder) as store:
        assert state_of(store) == filled


def test_every_file_of_the_state_can_be_gone_but_the_last_segment(filled, folder):
    for name in state_files(folder):
        if name in {LAST, "reach.yaml"}:
            continue
        away = folder.with_name(name)
        (folder / "state" / name).rename(away)

        state = read_state(StoreFolder(folder, SettableClock()))
        assert state_of(state) == filled
        away.rename(folder / "state" / name)


def test_one_bad_row_costs_no_other_when_all_generations_are_hurt(folder):
    with books(folder) as store:
        ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(300)]
        store.change(Changes(jobs=tuple(a_kept_job(job_id, name=f"job {job_id[:8]}") for job_id in ids)))
        store.checkpoint()
        store.checkpoint()
        together = [job_id for job_id in ids if shard_of(job_id) == shard_of(ids[0])]
    for generation in (1, 2):
        path = folder / "state" / f"rows-{shard_of(ids[0])}-{generation}.yaml"
        path.write_bytes(path.read_bytes().replace(b"job 00000000", b"job 00000O00"))
    (folder / "state" / "journal-1.yaml").unlink()

    with books(folder) as store:
        assert len(together) > 1
        assert store.rows.jobs.keys() == set(ids) - {ids[0]}
        hurt = [problem for problem in store.told if problem.path.startswith("state/rows")]
        assert len(hurt) == 2
        assert all(problem.line and problem.kept for problem in hurt)


def test_rows_of_two_hurt_generations_make_up_for_one_another(folder):
    with books(folder) as store:
        ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(300)]
        ids = [job_id for job_id in ids if shard_of(job_id) == shard_of(ids[0])]
        store.change(Changes(jobs=tuple(a_kept_job(job_id) for job_id in ids)))
        store.checkpoint()
        store.change(Changes(jobs=(a_kept_job(ids[0], version=2), a_kept_job(ids[1], version=2))))
        store.checkpoint()
    for generation, job_id in ((2, ids[0]), (1, ids[1])):
        path = folder / "state" / f"rows-{shard_of(job_id)}-{generation}.yaml"
        path.write_bytes(path.read_bytes().replace(job_id[:8].encode(), b"ffffffff"))

    with books(folder) as store:
        assert {job.id: job.version for job in store.rows.jobs.values()} == dict.fromkeys(ids, 1) | {
            ids[0]: 2,
            ids[1]: 2,
        }
        assert len(store.told) == 2


def test_a_journal_that_ends_too_early_is_named_though_nothing_is_lost(filled, folder):
    with books(folder) as store:
        store.checkpoint()
        before = state_of(store)
    for path in (folder / "state").glob("journal-*"):
        path.unlink()

    with books(folder) as store:
        assert state_of(store) == before
        (problem,) = store.told
        assert "Nothing is lost" in problem.message
        assert store.journal.n == 6


def test_half_a_journal_is_named_where_a_moment_ago_there_was_more(filled, folder):
    path = folder / "state" / LAST
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))

    with books(folder) as store:
        (problem,) = store.told
        assert "Record 6 is missing" in problem.message
        assert store.change(Changes(gone_runs=("x",))) == 7


def test_what_a_killed_process_left_half_written_says_nothing(filled, folder):
    with (folder / "state" / LAST).open("ab") as file:
        file.write(b'--- {"n":7,"t":1,"gone_jobs":["')

    with books(folder) as store:
        assert state_of(store) == filled
        assert not store.told
        assert store.change(Changes(gone_runs=("x",))) == 7
    with books(folder) as store:
        assert not store.told
        assert store.journal.n == 7


def test_a_journal_that_was_not_closed_is_written_anew_before_it_goes_on(folder):
    store = Books(folder)
    store.change(Changes(jobs=(a_kept_job(ANA),)))
    store.crash()

    with books(folder) as store:
        assert store.journal.segment == 2
        store.change(Changes(jobs=(a_kept_job(ANA, version=2),)))
    (folder / "state" / "journal-1.yaml").unlink()
    with books(folder) as store:
        assert store.rows.jobs[ANA].version == 2
        assert not store.told
        assert store.journal.segment == 2


def test_disorder_in_the_journal_is_gone_once_it_was_named(filled, folder):
    path = folder / "state" / LAST
    path.write_bytes(swapped(path.read_bytes()))

    with books(folder) as store:
        assert state_of(store) == filled
        assert "wrong order" in store.told[0].message
    with books(folder) as store:
        assert state_of(store) == filled
        assert not store.told


def test_where_others_have_the_folder_open_nothing_is_changed(folder):
    first = Books(folder)
    first.change(Changes(jobs=(a_kept_job(ANA),)))
    with (folder / "state" / "journal-1.yaml").open("ab") as file:
        file.write(b"--- {")
    before = (folder / "state" / "journal-1.yaml").read_bytes()
    second = StoreFolder(folder, SettableClock())
    second.take(at_work=False)

    with second.alone() as alone:
        state = read_state(second)

    assert not alone
    assert state.rows.jobs.keys() == {ANA}
    assert (folder / "state" / "journal-1.yaml").read_bytes() == before
    second.release()
    first.crash()


def test_a_look_at_a_folder_changes_nothing_in_it(filled, folder, files):
    (folder / "state" / "checkpoint-2.yaml").write_bytes(b"jobs: 5\n")
    before = files()

    state = read_state(StoreFolder(folder, SettableClock()))

    assert state.problems
    assert files() == before


def test_what_is_no_file_in_the_state_is_named_and_does_not_stop_the_start(filled, folder):
    for name, make in {
        "checkpoint-2.yaml": lambda path: path.mkdir(),
        f"rows-{shard_of(ANA)}-2.yaml": os.mkfifo,
        "journal-2.yaml": lambda path: path.symlink_to("/dev/zero"),
    }.items():
        path = folder / "state" / name
        path.unlink()
        make(path)

    with books(folder) as store:
        assert state_of(store) == filled
        assert "state/checkpoint-2.yaml" in {problem.path for problem in store.told}


def test_a_state_that_is_closed_to_us_is_refused_in_words(filled, folder):
    shutil.rmtree(folder / "state")
    (folder / "state").write_text("in the way")

    with pytest.raises(StoreUnreadable, match="state"):
        read_state(StoreFolder(folder, SettableClock()))


def test_what_a_crash_kept_from_the_definitions_is_handed_on(folder):
    with books(folder) as store:
        job = a_kept_job(ANA, name="ana")
        store.change(Changes(jobs=(job, a_kept_job(BEN, name="ben"))))
        store.define(job)
        place = store.placed[ANA]
        store.define(a_kept_job(BEN, name="ben"))
        store.checkpoint()
    store = Books(folder)
    store.change(Changes(jobs=(a_kept_job(ANA, name="anna", version=2),)))
    gone = store.placed[BEN]
    store.change(Changes(gone_jobs=(BEN,)))
    store.crash()

    with books(folder) as store:
        assert store.placed[ANA].behind
        assert store.placed[ANA].crc == place.crc
        assert [job.name for job in store.found.before[ANA]] == ["ana"]
        assert store.found.gone == {BEN: gone}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_any_wound_in_the_state_heals_or_is_named(filled, folder, data):
    victim = folder / "state" / data.draw(some.sampled_from(state_files(folder)))
    whole = victim.read_bytes()
    start = data.draw(some.integers(0, len(whole) - 1))
    end = data.draw(
        some.integers(start, min(len(whole), start + data.draw(some.sampled_from([1, 40, 4_000]))))
    )
    victim.write_bytes(whole[:start] + data.draw(some.binary(max_size=8)) + whole[end:])
    assume(victim.read_bytes() != whole)

    try:
        state = read_state(StoreFolder(folder, SettableClock()))
    finally:
        victim.write_bytes(whole)

    found = state_of(state)
    assert found == filled or (victim.name == LAST and state.problems)
    assert found.keys() - {TAKEN_AWAY_AT_LAST} == filled.keys()


def test_rows_of_the_only_generation_that_are_lost_come_from_the_journal(folder):
    with books(folder) as store:
        store.change(Changes(jobs=(a_kept_job(ANA), a_kept_job(BEN)), runs=(a_kept_run("r", ANA),)))
        store.change(Changes(jobs=(a_kept_job(ANA, version=2),)))
        store.checkpoint()
        whole = state_of(store)
    path = folder / "state" / f"rows-{shard_of(ANA)}-1.yaml"
    path.write_bytes(path.read_bytes().replace(ANA.encode(), BEN.encode()))

    with books(folder) as store:
        assert state_of(store) == whole
        assert {problem.path for problem in store.told} == {f"state/{path.name}"}


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"12345\n", b"\xff\xfe"])
def test_locks_that_were_left_behind_hold_nobody_up(filled, folder, content):
    for name in ("server.lock", "users.lock", "door.lock", "commit.lock", "server.yaml"):
        (folder / "locks" / name).write_bytes(content)

    with books(folder) as store:
        assert state_of(store) == filled
        assert not store.told


def test_what_others_go_on_with_while_a_store_is_read_is_no_damage_and_is_followed(
    filled, folder, monkeypatch
):
    with books(folder) as worker:
        read_bytes = Path.read_bytes
        before = worker.journal.n

        def read_while_the_worker_goes_on(path):
            content = read_bytes(path)
            if path.name == LAST:
                worker.change(Changes(jobs=(a_kept_job(CLEO, name="cleo", version=3),)))
                worker.checkpoint()
                worker.change(Changes(jobs=(a_kept_job(BEN, name="ben", version=3),)))
                tell_reach(folder / "state", worker.folder.store_id, worker.journal.n)
            return content

        monkeypatch.setattr(Path, "read_bytes", read_while_the_worker_goes_on)
        seen = read_state(worker.folder)
        visitor = Journal(
            folder / "state",
            worker.folder.lock_path("commit"),
            worker.folder.store_id,
            segment=seen.segment,
            length=seen.length,
            n=seen.n,
            t=seen.t,
        )
        followed = visitor.others()
        visitor.close()

    assert not seen.problems
    assert [record.n for record in followed] == [before + 1, before + 2]


def test_a_journal_that_nobody_closed_is_begun_anew_once_however_many_look_at_it(filled, folder):
    store = Books(folder)
    store.change(Changes(jobs=(a_kept_job(CLEO, name="cleo", version=3),)))
    store.crash()

    for _ in range(3):
        with books(folder) as looking:
            assert looking.rows.jobs[CLEO].version == 3
            assert not looking.told

    assert len(list((folder / "state").glob("journal-*"))) == 4


def test_registers_that_are_hurt_come_from_the_generation_before_and_the_journal(filled, folder):
    path = folder / "state" / "registers-2.yaml"
    path.write_bytes(path.read_bytes().replace(b'"slots":2', b'"slots":9'))

    with books(folder) as store:
        assert state_of(store) == filled
        (problem,) = store.told
        assert (problem.path, problem.line) == ("state/registers-2.yaml", 3)
        assert "Nothing of it is lost" in problem.message
        assert problem.kept is not None
        assert b'"slots":9' in (folder / problem.kept).read_bytes()
    with books(folder) as store:
        store.checkpoint()
        store.checkpoint()
    with books(folder) as store:
        assert state_of(store) == filled
        assert store.told == []


def test_registers_that_no_generation_has_whole_cost_no_job_and_are_named(filled, folder):
    for number in (1, 2):
        path = folder / "state" / f"registers-{number}.yaml"
        path.write_bytes(path.read_bytes().replace(b'"slots":2', b'"slots":9'))
    (folder / "state" / "journal-1.yaml").unlink()

    with books(folder) as store:
        assert state_of(store) == filled
        said = [problem.message for problem in store.told if problem.path.startswith("state/registers")]
        assert len(said) == 2
        assert all("dead letters" in message for message in said)


def test_registers_that_did_not_change_are_not_written_again(folder):
    with books(folder) as store:
        store.change(Changes(registers=(kept("queue", slots=2),)))
        for version in (1, 2, 3):
            store.checkpoint()
            store.change(Changes(jobs=(a_kept_job(ANA, version=version),)))
        store.checkpoint()
        newest = store.snapshots.newest

    assert newest is not None
    assert newest.registers is not None
    assert newest.registers[0] == "registers-2.yaml"
    with books(folder) as store:
        assert store.rows.registers == {"queue": {"slots": 2}}
        assert store.told == []
