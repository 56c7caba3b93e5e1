"""What is taken away, and what stays whatever happens meanwhile."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.clearing.orders import PREVIEW
from core.clearing.receipts import Became, Emptied, Moving, Receipts, receipt_path
from tests.core.clearing.world import QUARANTINE, RUN, World, files_in, record_of


def at(step: str, act: Callable[[], object], path: bytes = b"") -> Callable[[str, bytes], None]:
    """Return a listener that acts once, at that step of that file, or of the first one."""
    done: list[bool] = []

    def hear(now: str, of: bytes) -> None:
        if now == step and path in {b"", of} and not done:
            done.append(True)
            act()

    return hear


def stayed(world: World) -> list[str]:
    return [line.state for line in world.receipt() if isinstance(line, Became)]


def test_what_was_proved_is_set_aside_with_a_receipt_for_each_file(world: World):
    paths = world.put_some(5)
    before = files_in(world.source)

    deletion = world.delete()

    assert deletion.files == len(paths)
    assert deletion.trouble == ""
    assert files_in(world.source) == {}
    assert world.aside() == before
    receipts = [line for line in world.receipt() if isinstance(line, Moving)]
    assert sorted(line.name for line in receipts) == sorted(paths)
    assert {line.proved for line in receipts} == {"read back"}
    assert files_in(world.copy) == before


def test_a_receipt_also_lies_beside_the_copies(world: World):
    world.put_some()

    world.delete()

    copies = (world.copy / ".holdfast-receipts" / f"{RUN}.jsonl").read_bytes()
    assert copies == (world.data / "receipts" / f"{RUN}.jsonl").read_bytes()


def test_nothing_is_set_aside_where_none_shall_be(world: World):
    world.put_some()

    deletion = world.delete(world.preview(quarantine_days=0))

    assert deletion.files == 3
    assert files_in(world.source) == {}
    assert not (world.source / QUARANTINE).exists()
    assert set(stayed(world)) == {"gone"}


def test_a_file_that_came_after_the_proof_stays(world: World):
    world.put_some()
    preview = world.preview()
    (world.source / "year 0" / "new.jpg").write_bytes(b"never copied")

    world.delete(preview)

    assert files_in(world.source) == {b"year 0/new.jpg": b"never copied"}


@pytest.mark.parametrize("roots", [None, ()], ids=["a folder", "a remote"])
def test_a_file_that_came_between_the_proof_and_the_list_stays(world: World, roots):
    world.put_some()
    records = world.records()
    (world.source / "year 0" / "new.jpg").write_bytes(b"never copied")

    preview = world.preview(records, **({} if roots is None else {"roots": roots}))
    world.delete(preview)

    assert preview.files == 3
    assert files_in(world.source) == {b"year 0/new.jpg": b"never copied"}


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("content", "it was touched since it was proved"),
        ("time", "it changed since it was proved"),
        ("mode", "it was touched since it was proved"),
        ("another file", "another file is in its place"),
    ],
)
def test_a_file_that_changed_after_the_proof_stays_and_is_named(world: World, what: str, why: str):
    path = world.source / os.fsdecode(world.put("letter.txt", b"first words"))
    preview, info = world.preview(), path.stat()

    match what:
        case "content":
            path.write_bytes(b"other words")
            os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
        case "time":
            os.utime(path)
        case "mode":
            path.chmod(0o600)
        case "another file":
            shutil.copy2(path, path.with_suffix(".new"))
            path.with_suffix(".new").replace(path)
    deletion = world.delete(preview)

    assert path.exists()
    assert [(kept.path, kept.why) for kept in deletion.kept] == [("letter.txt", why)]
    assert deletion.files == 0
    assert not any(isinstance(line, Moving) for line in world.receipt())


@pytest.mark.parametrize(
    "what", ["flipped", "shorter", "missing", "a link to the source", "a link to an equal file", "a folder"]
)
def test_a_file_whose_copy_is_not_good_now_stays_and_is_named(world: World, what: str):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    preview, copy = world.preview(), world.copy / name

    match what:
        case "flipped":
            copy.write_bytes(b"first wards")
        case "shorter":
            copy.write_bytes(b"first")
        case "missing":
            copy.unlink()
        case "a link to the source":
            copy.unlink()
            copy.symlink_to(world.source / name)
        case "a link to an equal file":
            copy.rename(world.place / "equal")
            copy.symlink_to(world.place / "equal")
        case "a folder":
            copy.unlink()
            copy.mkdir()
    deletion = world.delete(preview)

    assert (world.source / name).read_bytes() == b"first words"
    assert deletion.kept_files == 1
    assert "copy" in deletion.kept[0].why


def test_a_pipe_is_no_copy_of_an_empty_file(world: World):
    name = os.fsdecode(world.put("empty", b""))
    preview = world.preview()
    (world.copy / name).unlink()
    os.mkfifo(world.copy / name)

    deletion = world.delete(preview)

    assert (world.source / name).exists()
    assert "not a file" in deletion.kept[0].why


def test_a_copy_that_is_the_file_itself_counts_for_nothing(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    (world.copy / name).unlink()
    os.link(world.source / name, world.copy / name)

    deletion = world.delete()

    assert (world.source / name).exists()
    assert "the file itself" in deletion.kept[0].why


@pytest.mark.parametrize("days", [0, 7])
def test_a_copy_that_goes_with_its_file_counts_for_nothing(world: World, days: int):
    names = [os.fsdecode(name) for name in world.put_some()]

    def hear(step: str, path: bytes) -> None:
        if (
            step == "moved"
        ):  # as where the destination is the source, mounted by a program that numbers files anew
            (world.copy / os.fsdecode(path)).unlink()

    deletion = world.delete(world.preview(quarantine_days=days), on_step=hear)

    assert (deletion.files, deletion.kept_files) == (0, len(names))
    assert "both are one" in deletion.kept[0].why
    assert all((world.source / name).exists() for name in names)


def test_a_file_that_somebody_writes_to_stays(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    preview = world.preview()

    with (world.source / name).open("ab"):
        deletion = world.delete(preview)

    assert (world.source / name).read_bytes() == b"first words"
    assert "open for writing" in deletion.kept[0].why
    assert not any(isinstance(line, Moving) for line in world.receipt())


def test_a_file_that_is_opened_for_writing_at_the_last_moment_is_put_back(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    opened: list[int] = []

    def begin_to_write() -> None:
        opened.append(os.open(world.source / name, os.O_WRONLY))

    deletion = world.delete(on_step=at("ready", begin_to_write))
    os.write(opened[0], b"FIRST")
    os.close(opened[0])

    assert (world.source / name).read_bytes() == b"FIRST words"
    assert deletion.files == 0
    assert "kept" in stayed(world)


def test_bytes_that_change_without_a_trace_at_the_last_moment_are_put_back(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    path = world.source / name

    def change() -> None:
        info = path.stat()
        path.write_bytes(b"other words")
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    deletion = world.delete(on_step=at("ready", change))

    assert path.read_bytes() == b"other words"
    assert deletion.files == 0


def test_a_victim_that_takes_the_place_of_a_file_at_the_last_moment_is_put_back(world: World):
    world.put_some()
    victim, path = world.place / "victim", world.source / "year 0/0.jpg"
    victim.write_bytes(b"only one there is")

    deletion = world.delete(on_step=at("ready", lambda: victim.replace(path), b"year 0/0.jpg"))

    assert path.read_bytes() == b"only one there is"
    assert deletion.files == 2
    assert [kept.path for kept in deletion.kept] == ["year 0/0.jpg"]


def test_a_victim_that_cannot_be_put_back_is_kept_aside_and_named(world: World):
    name = os.fsdecode(world.put("letter.txt"))
    victim, path = world.place / "victim", world.source / name
    victim.write_bytes(b"only one there is")
    preview = world.preview(quarantine_days=0)

    def hear(step: str, _path: bytes) -> None:
        if step == "ready":
            victim.replace(path)
        elif step == "moved":
            path.write_bytes(b"yet another one")

    deletion = world.delete(preview, on_step=hear)

    assert path.read_bytes() == b"yet another one"
    assert world.aside() == {name.encode(): b"only one there is"}
    assert "quarantine" in deletion.kept[0].why
    assert stayed(world) == ["astray"]


@pytest.mark.parametrize("step", ["checked", "receipted", "ready"])
def test_a_folder_that_becomes_a_link_to_elsewhere_leads_nowhere(world: World, step: str):
    world.put("photos/1.jpg", b"picture")
    victims = world.place / "victims"
    victims.mkdir()
    (victims / "1.jpg").write_bytes(b"only one there is")

    def swap() -> None:
        (world.source / "photos").rename(world.place / "moved away")
        (world.source / "photos").symlink_to(victims)

    deletion = world.delete(on_step=at(step, swap))

    assert (victims / "1.jpg").read_bytes() == b"only one there is"
    kept = world.place / "moved away" / "1.jpg"
    assert kept.exists() or world.aside() == {b"photos/1.jpg": b"picture"}
    assert deletion.trouble == ""


def test_links_fifos_sockets_and_folders_in_the_place_of_files_stay(world: World, monkeypatch):
    paths = [world.put(name) for name in ("link", "fifo", "socket", "folder")]
    preview = world.preview()
    for path in paths:
        (world.source / os.fsdecode(path)).unlink()
    (world.source / "link").symlink_to(world.copy / "link")
    os.mkfifo(world.source / "fifo")
    monkeypatch.chdir(world.source)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        (world.source / "folder").mkdir()

        deletion = world.delete(preview)

    assert deletion.files == 0
    assert {kept.why for kept in deletion.kept} == {"something else is in its place"}
    names = {path.name for path in world.source.iterdir()}
    assert {"fifo", "folder", "link", "socket"} <= names


def test_hostile_names_and_depths_are_taken_away_and_put_where_they_belong(world: World):
    names = [b"-rf", b"new\nline", b"\xff\xfe not utf-8", b"a" * 255, "ä".encode(), b"..dots", b" "]
    for name in names:
        world.put(name, b"content of " + name[:9])
    deep = b"/".join([b"d" * 200] * 18)
    world.put(deep + b"/file", b"deep down")
    before = files_in(world.source)

    deletion = world.delete()

    assert deletion.kept == ()
    assert deletion.files == len(before) == 8
    assert world.aside() == before


def test_sparse_files_and_files_without_any_mode_go_like_others(world: World):
    for folder in (world.source, world.copy):
        with (folder / "sparse").open("wb") as file:
            file.truncate(4 << 20)
    world.put("closed")
    (world.source / "closed").chmod(0)

    deletion = world.delete(world.preview([record_of(world.source, b"sparse")]))

    assert deletion.files == 1
    assert world.aside() == {b"sparse": bytes(4 << 20)}


def test_of_a_file_with_several_names_those_that_were_not_proved_stay(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    other = world.place / "other name"
    os.link(world.source / name, other)

    deletion = world.delete(world.preview(quarantine_days=0))

    assert deletion.files == 1
    assert other.read_bytes() == b"first words"


def test_all_names_of_one_file_go_when_all_of_them_were_proved(world: World):
    name = world.put("letter.txt", b"first words")
    world.put("another.txt", b"first words")
    (world.source / "another.txt").unlink()
    os.link(world.source / os.fsdecode(name), world.source / "another.txt")

    deletion = world.delete()

    assert deletion.files == 2
    assert files_in(world.source) == {}


def test_exactly_the_list_that_was_agreed_to_is_taken_away(world: World):
    world.put_some()
    preview = world.preview()
    world.put("more.jpg")
    world.preview()

    deletion = world.delete(preview)

    assert "not the one that was agreed to" in deletion.trouble
    assert len(files_in(world.source)) == 4


def test_a_list_that_was_tampered_with_is_not_carried_out(world: World):
    world.put_some()
    preview = world.preview()
    path = world.workspace / PREVIEW
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")

    deletion = world.delete(preview)

    assert deletion.trouble
    assert len(files_in(world.source)) == 3


def test_another_disk_in_the_place_of_the_source_is_not_touched(world: World):
    world.put_some()
    preview = world.preview()
    world.source.rename(world.place / "unplugged")
    shutil.copytree(world.place / "unplugged", world.source)

    deletion = world.delete(preview)

    assert "another folder or another disk" in deletion.trouble
    assert len(files_in(world.source)) == 3


def test_a_source_that_is_unplugged_meanwhile_ends_the_deletion(world: World):
    for number in range(70):
        world.put(f"{number:02}.jpg", b"%d" % number)

    def unplug() -> None:
        world.source.rename(world.place / "unplugged")
        world.source.mkdir()

    deletion = world.delete(on_step=at("settled", unplug, b"63.jpg"))

    assert "unplugged or replaced" in deletion.trouble
    assert len(files_in(world.place / "unplugged")) == 6


@pytest.mark.parametrize("missing", ["source", "destination", "job"])
def test_nothing_is_taken_away_without_the_marks_on_both_sides(world: World, missing: str):
    world.put_some()
    world.delete(world.preview([]))
    match missing:
        case "source":
            (world.source / ".holdfast-source").unlink()
        case "destination":
            (world.copy / ".holdfast-destination").unlink()
        case "job":
            (world.copy / ".holdfast-receipts" / "job-1").unlink()

    preview = world.preview()
    deletion = world.delete(preview, mark=False)

    assert not preview.marked
    assert "mark of this job is missing" in deletion.trouble
    assert len(files_in(world.source)) == 3


@pytest.mark.parametrize("how", ["same", "inside the source", "around the source", "by a link"])
def test_nothing_is_listed_where_both_sides_are_one(world: World, how: str):
    world.put_some()
    inner = world.source / "inner"
    inner.mkdir()
    link = world.place / "link"
    link.symlink_to(world.source)
    root = {
        "same": world.source,
        "inside the source": inner,
        "around the source": world.place,
        "by a link": link,
    }[how]

    preview = world.preview(roots=(str(root),))

    assert preview.trouble
    assert preview.files == 0


def test_nothing_is_listed_whose_copies_lie_in_our_own_data(world: World):
    world.put_some()
    (world.data / "copies").mkdir()

    preview = world.preview(roots=(str(world.data / "copies"),))

    assert "Holdfast's own data" in preview.trouble


def test_a_quarantine_that_is_not_ours_is_not_used(world: World):
    world.put_some()
    (world.place / "elsewhere").mkdir()
    (world.source / QUARANTINE).symlink_to(world.place / "elsewhere")

    deletion = world.delete()

    assert "quarantine" in deletion.trouble
    assert len(files_in(world.source)) == 3


def test_a_disk_without_room_for_receipts_keeps_every_file(world: World):
    world.put_some()
    preview = world.preview()

    deletion = world.delete(replace(preview, files=10**15))

    assert "no room for the receipts" in deletion.trouble
    assert len(files_in(world.source)) == 3


def test_a_folder_that_cannot_be_written_for_receipts_keeps_every_file(world: World):
    world.put_some()
    (world.data / "receipts").write_text("no folder")

    deletion = world.delete()

    assert deletion.trouble
    assert len(files_in(world.source)) == 3


def test_emptied_folders_stay_unless_the_job_says_otherwise(world: World):
    world.put("a/b/1.jpg")
    world.put("a/2.jpg")
    (world.source / "c").mkdir()

    world.delete()

    assert (world.source / "a" / "b").is_dir()
    assert (world.source / "c").is_dir()


def test_only_folders_that_were_emptied_by_this_are_removed(world: World):
    world.put("a/b/1.jpg")
    world.put("d/2.jpg")
    (world.source / "d" / "stays.txt").symlink_to("elsewhere")
    (world.source / "empty before").mkdir()

    deletion = world.delete(world.preview(remove_empty_folders=True))

    assert deletion.folders == 2
    assert [line.path for line in world.receipt() if isinstance(line, Emptied)] == ["a/b", "a"]
    assert not (world.source / "a").exists()
    assert (world.source / "d").is_dir()
    assert (world.source / "empty before").is_dir()


def test_a_remote_copy_is_trusted_for_the_proof_of_this_very_attempt(world: World):
    world.put_some()

    deletion = world.delete(world.preview(roots=()))

    assert deletion.files == 3
    assert {line.proved for line in world.receipt() if isinstance(line, Moving)} == {"proof"}


def test_files_on_another_file_system_stay(world: World):
    path = world.put("letter.txt")

    preview = world.preview([record_of(world.source, path, device=1)])

    assert (preview.files, preview.elsewhere) == (0, 1)


def test_a_file_of_ours_is_never_in_the_list(world: World):
    (world.source / QUARANTINE / "old").mkdir(parents=True)
    (world.source / QUARANTINE / "old" / "1.jpg").write_bytes(b"set aside")
    (world.source / ".holdfast-source").write_text("job-1\n")
    records = [
        record_of(world.source, path.encode()) for path in (f"{QUARANTINE}/old/1.jpg", ".holdfast-source")
    ]

    preview = world.preview(records)

    assert preview.files == 0


def test_the_next_attempt_says_what_became_of_files_that_a_crash_left_without_a_word(world: World):
    world.put_some()
    world.delete()
    path = receipt_path(world.data, RUN)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))

    world.put("more.jpg")
    world.delete()

    with Receipts(path) as receipts:
        assert receipts.open == {}
    assert stayed(world) == ["aside"] * 4


def test_what_two_runs_take_away_lies_apart(world: World, tmp_path: Path):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    world.delete()
    world.put(name, b"other words")

    deletion = world.delete()

    shelves = world.source / QUARANTINE / RUN
    assert deletion.files == 1
    assert (shelves / "attempt-1" / name).read_bytes() == b"first words"
    assert (shelves / "attempt-2" / name).read_bytes() == b"other words"
