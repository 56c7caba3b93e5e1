"""The store itself in one file: consistent, proven, and restored into nothing else's place."""

import errno
import hashlib
import io
import os
import shutil
import stat
import tarfile
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import zstandard

from core.errors import Refused, StorageFull, StoreUnreadable
from core.storage import archive as form
from core.storage.archive import BadArchive, Facts
from core.storage.folder import StoreFolder
from core.storage.marker import FORMAT
from core.storage.opening import read_state
from core.storage.own_backup import at_rest, take_backup
from core.storage.restoring import restore
from core.storage.rows import Changes
from core.storage.unpacking import entries_of, facts_of
from tests.builders import a_kept_job, a_kept_run
from tests.core.storage.kills import killed_everywhere
from tests.doubles import FileStore, SettableClock

RUN = "91bb0000-0000-4000-8000-000000000003"


def an_id(number: int) -> str:
    return f"3f2a1b4c-0000-4000-8000-{number:012}"


@pytest.fixture
def store(folder):
    """A store that is open, with a few jobs in it, and what lies beside them."""
    store = FileStore(folder)
    store.open()
    for number in range(3):
        store.commit(Changes(jobs=(a_kept_job(an_id(number), name=f"job {number}"),)))
    store.commit(Changes(runs=(a_kept_run(RUN, an_id(0)),)))
    store.write_definitions()
    for name, text in {"auth/users.yaml": "users: []\n", "logs/91/x.log": "a line\n"}.items():
        (folder / name).parent.mkdir(parents=True, mode=0o700)
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    yield store
    store.close()


@pytest.fixture
def archive(store, tmp_path):
    """A backup of that store."""
    target = tmp_path / "own.tar.zst"
    take_backup(store.files.source, target, SettableClock())
    return target


def state_of(folder: Path) -> tuple[int, dict[str, Any], dict[str, Any]]:
    found = read_state(StoreFolder(folder, SettableClock()))
    assert found.problems == ()
    return found.n, found.rows.jobs, found.rows.runs


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_backup_is_restored_into_an_empty_folder_with_everything_in_it(store, archive, folder, tmp_path):
    facts = restore(archive, tmp_path / "restored")

    restored = tmp_path / "restored"
    assert (facts.number, facts.jobs, facts.runs) == (4, 3, 1)
    assert state_of(restored) == state_of(folder)
    assert files_in(restored / "jobs") == files_in(folder / "jobs")
    assert files_in(restored / "auth") == files_in(folder / "auth")
    assert not (restored / "logs").exists()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (restored, *restored.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_a_restored_store_goes_on_where_the_backup_ended(archive, tmp_path):
    restore(archive, tmp_path / "restored")

    restored = FileStore(tmp_path / "restored")
    contents = restored.open()
    number = restored.commit(Changes(jobs=(a_kept_job(an_id(9)),)))
    restored.close()

    assert (contents.problems, number) == ((), 5)


def test_logs_are_in_a_backup_when_they_are_asked_for(store, tmp_path):
    take_backup(store.files.source, tmp_path / "own.tar.zst", SettableClock(), with_logs=True)

    restore(tmp_path / "own.tar.zst", tmp_path / "restored")

    assert (tmp_path / "restored" / "logs" / "91" / "x.log").read_text() == "a line\n"


def test_a_backup_of_a_store_that_nobody_has_open_is_the_same(store, folder, tmp_path):
    store.close()
    held = StoreFolder(folder, SettableClock())
    held.take()
    taken = take_backup(at_rest(held), tmp_path / "own.tar.zst", SettableClock())
    held.release()

    restore(tmp_path / "own.tar.zst", tmp_path / "restored")

    assert (taken.number, taken.jobs, taken.runs) == (4, 3, 1)
    assert state_of(tmp_path / "restored") == state_of(folder)


def test_a_backup_taken_while_eight_threads_write_is_the_state_of_one_moment(store, tmp_path):
    kept: dict[int, tuple[str, int]] = {}
    stop = threading.Event()

    def write(thread: int) -> None:
        version = 0
        while not stop.is_set():
            version += 1
            job = a_kept_job(an_id(100 + thread), version=version)
            kept[store.commit(Changes(jobs=(job,)))] = job.id, version

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    taken = []
    for number in range(3):
        while len(kept) < 40 * (number + 1):
            pass
        taken.append(take_backup(store.files.source, tmp_path / f"{number}.tar.zst", SettableClock()))
    stop.set()
    for thread in threads:
        thread.join()

    for number, backup in enumerate(taken):
        restore(tmp_path / f"{number}.tar.zst", tmp_path / f"restored {number}")
        n, jobs, _ = state_of(tmp_path / f"restored {number}")
        latest = {job_id: version for n, (job_id, version) in sorted(kept.items()) if n <= backup.number}
        assert n == backup.number
        assert {job_id: job.version for job_id, job in jobs.items() if job_id >= an_id(100)} == latest


def test_any_flipped_bit_in_a_backup_is_found(archive):
    whole = archive.read_bytes()
    places = [*range(0, len(whole), 11), *range(len(whole) - 400, len(whole))]

    unnoticed = []
    for place in places:
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            entries_of(archive)
        except BadArchive:
            continue
        unnoticed.append(place)

    assert unnoticed == []


@pytest.mark.parametrize("length", [0, 1, 100, -1, -40, -500])
def test_a_backup_that_was_cut_is_found(archive, length):
    archive.write_bytes(archive.read_bytes()[:length])

    with pytest.raises(BadArchive):
        entries_of(archive)


def test_a_backup_with_something_behind_it_is_found(archive):
    archive.write_bytes(archive.read_bytes() + b"more")

    with pytest.raises(BadArchive):
        entries_of(archive)


def test_nothing_is_restored_over_anything(archive, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "letter.txt").write_text("dear")

    with pytest.raises(Refused) as refused:
        restore(archive, taken)

    assert "letter.txt" in str(refused.value)
    assert files_in(taken) == {"letter.txt": b"dear"}


def test_two_who_restore_into_one_folder_do_not_hurt_each_other(archive, tmp_path):
    folder, refused = tmp_path / "restored", []

    def a_second_one(_done, _total):
        with pytest.raises(Refused) as trouble:
            restore(archive, folder)
        refused.append(str(trouble.value))

    restore(archive, folder, a_second_one)

    assert set(refused) == {f"Somebody else is restoring into {folder} at this moment."}
    assert len(state_of(folder)[1]) == 3


def test_a_damaged_backup_is_not_restored_and_leaves_nothing(archive, tmp_path):
    whole = archive.read_bytes()
    archive.write_bytes(whole[:300] + b"x" + whole[301:])

    with pytest.raises(BadArchive):
        restore(archive, tmp_path / "restored")

    assert not (tmp_path / "restored").exists()


def test_a_backup_of_a_newer_holdfast_is_refused_in_plain_words(tmp_path):
    newer = crafted(tmp_path, [("store.yaml", b"")], Facts(kind="own-state", format=FORMAT + 1, store="x"))

    with pytest.raises(StoreUnreadable) as refused:
        restore(newer, tmp_path / "restored")

    assert "newer Holdfast" in str(refused.value)


# --- Archives that nobody of us made --------------------------------------------------------------


def crafted(tmp_path: Path, members: list[Any], facts: Facts | None = None, *, honest: bool = True) -> Path:
    """Return an archive as somebody may have made it who knows how ours are made."""
    buffer = io.BytesIO()
    entries = []
    for member, content in members:
        info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
        info.size = len(content) if info.isreg() else 0
        buffer.write(info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512))
        entries.append(
            {"name": info.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        )
    manifest = msgspec.json.encode(entries)
    info = tarfile.TarInfo("MANIFEST.json")
    info.size = len(manifest)
    buffer.write(info.tobuf(tarfile.GNU_FORMAT) + manifest + bytes(-len(manifest) % 512) + bytes(1024))
    total = sum(len(content) for _, content in members) if honest else 10
    facts = facts or Facts(kind="own-state", format=FORMAT, store="x", files=len(members), bytes=total)
    text = msgspec.json.encode(facts)
    body = zstandard.ZstdCompressor().compress(buffer.getvalue())
    body += form.FRAME.pack(form.SKIPPED, len(text) + form.TAIL.size) + text
    path = tmp_path / "crafted.tar.zst"
    path.write_bytes(body + form.TAIL.pack(hashlib.sha256(body).digest(), len(text)))
    return path


def a_link(kind: bytes, name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HOSTILE: dict[str, list[Any]] = {
    "a way up": [("../outside", b"x")],
    "a way up in the middle": [("jobs/../../outside", b"x")],
    "the root of the disk": [("/tmp/outside", b"x")],
    "a way that stays": [("./jobs/a.yaml", b"x")],
    "a backslash": [("jobs\\..\\a.yaml", b"x")],
    "a place of none of ours": [("locks/server.lock", b"x")],
    "a marker that is a folder": [("store.yaml/a", b"x")],
    "a symbolic link": [(a_link(tarfile.SYMTYPE, "jobs/a.yaml", "/etc/passwd"), b"")],
    "a hard link": [(a_link(tarfile.LNKTYPE, "jobs/a.yaml", "store.yaml"), b"")],
    "a device": [(a_link(tarfile.CHRTYPE, "jobs/a.yaml", ""), b"")],
    "a pipe": [(a_link(tarfile.FIFOTYPE, "jobs/a.yaml", ""), b"")],
    "a folder": [(a_link(tarfile.DIRTYPE, "jobs", ""), b"")],
    "a header of another kind": [(a_link(tarfile.XHDTYPE, "jobs/a.yaml", ""), b"")],
    "a name that is too long": [("jobs/" + "a" * 5_000, b"x")],
    "the same file twice": [("jobs/a.yaml", b"x"), ("jobs/a.yaml", b"y")],
    "a file below a file": [("jobs/a.yaml", b"x"), ("jobs/a.yaml/b", b"y")],
    "no store": [("jobs/a.yaml", b"x")],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_and_touches_nothing(what, tmp_path):
    hostile = crafted(tmp_path, HOSTILE[what])
    before = files_in(tmp_path)

    with pytest.raises(BadArchive):
        restore(hostile, tmp_path / "restored")

    assert files_in(tmp_path) == before
    assert not (tmp_path / "restored").exists()


def test_an_archive_that_holds_more_than_it_says_is_refused(tmp_path):
    bomb = crafted(tmp_path, [("jobs/a.yaml", bytes(50_000_000))], honest=False)

    with pytest.raises(BadArchive) as refused:
        restore(bomb, tmp_path / "restored")

    assert "more than it says" in str(refused.value)
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("t", [-1, 10**18, 2**70])
def test_an_archive_of_a_time_that_there_is_not_is_refused(t, tmp_path):
    odd = crafted(tmp_path, [], Facts(kind="own-state", format=FORMAT, store="x", t=t, taken=t))

    with pytest.raises(BadArchive) as refused:
        facts_of(odd)

    assert "a time that there is not" in str(refused.value)


def test_a_link_to_an_archive_is_named_as_one(archive, tmp_path):
    (tmp_path / "latest").symlink_to(archive)

    with pytest.raises(BadArchive) as refused:
        restore(tmp_path / "latest", tmp_path / "restored")

    assert str(refused.value).endswith("latest is a link.")


def test_an_archive_that_does_not_fit_on_the_disk_is_refused_before_it_is_unpacked(tmp_path):
    facts = Facts(kind="own-state", format=FORMAT, store="x", files=1, bytes=2**60)
    large = crafted(tmp_path, [("jobs/a.yaml", b"x")], facts)

    with pytest.raises(StorageFull):
        restore(large, tmp_path / "restored")

    assert not (tmp_path / "restored").exists()


# --- Trouble --------------------------------------------------------------------------------------


def test_a_full_disk_leaves_no_half_backup(store, tmp_path, disk):
    disk.fail_at(0, errno.ENOSPC, only="fsync", again=True)

    with pytest.raises(StorageFull):
        take_backup(store.files.source, tmp_path / "own.tar.zst", SettableClock())
    disk.heal()

    assert not list(tmp_path.glob("*.tar.zst"))
    assert not list(tmp_path.glob(".*"))
    assert take_backup(store.files.source, tmp_path / "own.tar.zst", SettableClock()).jobs == 3


def test_a_full_disk_leaves_no_half_restored_store(archive, tmp_path, disk):
    disk.fail_at(5, errno.ENOSPC, only="write", again=True)

    with pytest.raises(StorageFull):
        restore(archive, tmp_path / "restored")
    disk.heal()

    assert not (tmp_path / "restored").exists()
    assert restore(archive, tmp_path / "restored").jobs == 3


@pytest.fixture
def only_free(monkeypatch):
    """Let the system say that so many bytes are free."""
    return lambda free: monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


def test_a_backup_takes_no_more_room_to_be_opened_than_what_is_looked_at(store, folder, tmp_path, only_free):
    (folder / "logs" / "91" / "x.log").write_bytes(bytes(5_000_000))
    only_free(64_000_000 + 1_000_000)

    taken = take_backup(store.files.source, tmp_path / "own.tar.zst", SettableClock(), with_logs=True)
    with pytest.raises(StorageFull):
        restore(tmp_path / "own.tar.zst", tmp_path / "restored")

    assert taken.bytes > 5_000_000


def test_a_backup_that_there_is_no_room_to_open_says_so(store, tmp_path, only_free):
    only_free(4_000_000)

    with pytest.raises(StorageFull) as refused:
        take_backup(store.files.source, tmp_path / "own.tar.zst", SettableClock())

    assert "opened to see that it is whole" in str(refused.value)
    assert "of the 4,000,000 that are free, 64,000,000 are left alone" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir() if "own" in path.name] == []


def test_what_a_person_left_among_the_definitions_does_not_stop_a_backup(store, folder, tmp_path):
    (folder / "jobs" / os.fsdecode(b"\xff.yaml")).write_text("odd")
    (folder / "jobs" / "link.yaml").symlink_to("/etc/passwd")
    (folder / "jobs" / "nowhere.yaml").symlink_to("/nowhere")
    os.mkfifo(folder / "jobs" / "pipe.yaml")

    taken = take_backup(store.files.source, tmp_path / "own.tar.zst", SettableClock())

    names = [entry.name for entry in entries_of(tmp_path / "own.tar.zst")]
    assert taken.jobs == 3
    assert len([name for name in names if name.startswith("jobs/")]) == 3


@pytest.mark.faults
def test_a_kill_while_a_backup_is_made_leaves_the_store_and_no_rest(store, folder, tmp_path):
    store.close()
    before = files_in(folder)

    told = killed_everywhere("backup", folder, tmp_path, most=60)

    assert told["kills"] >= 40
    assert told["wrong"] == []
    assert {name: text for name, text in files_in(folder).items() if name in before} == before


@pytest.mark.faults
def test_a_kill_while_a_backup_is_restored_leaves_no_half_store(archive, tmp_path):
    told = killed_everywhere("restore", archive, tmp_path, most=60)

    assert told["kills"] >= 40
    assert told["wrong"] == []


def test_what_an_archive_is_can_be_told_without_reading_it(archive):
    facts = facts_of(archive)

    assert (facts.kind, facts.number, facts.jobs, facts.runs) == ("own-state", 4, 3, 1)


def test_other_tools_read_an_archive(archive):
    with (
        archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        names = [member.name for member in tar]

    assert names[0] == "store.yaml"
    assert names[-1] == "MANIFEST.json"
