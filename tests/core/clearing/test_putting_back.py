"""What comes back, and what is never written over."""

import os
import shutil

import pytest

from core.clearing.accounts import account_of
from core.clearing.emptying import empty
from core.clearing.putting_back import put_back
from core.clearing.receipts import Receipts, receipt_path
from tests.core.clearing.world import QUARANTINE, RUN, World, files_in


def test_everything_comes_back_as_it_was(world: World):
    world.put_some(5)
    world.put(b"odd \xff\n")
    before = files_in(world.source)
    times = {path: os.lstat(os.fsencode(world.source) + b"/" + path).st_mtime_ns for path in before}
    world.delete()

    handled = put_back(world.data, RUN)

    assert (handled.files, handled.kept_files, handled.left, handled.trouble) == (6, 0, False, "")
    assert files_in(world.source) == before
    assert {path: os.lstat(os.fsencode(world.source) + b"/" + path).st_mtime_ns for path in before} == times
    assert not (world.source / QUARANTINE).exists()


def test_a_file_that_is_there_again_is_not_written_over(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    world.put("other.txt")
    world.delete()
    (world.source / name).write_bytes(b"a new letter")

    handled = put_back(world.data, RUN)

    assert (world.source / name).read_bytes() == b"a new letter"
    assert (world.source / "other.txt").exists()
    assert [kept.path for kept in handled.kept] == ["letter.txt"]
    assert world.aside() == {b"letter.txt": b"first words"}


def test_folders_that_were_removed_are_made_again_with_their_modes(world: World):
    world.put("a/b/1.jpg")
    (world.source / "a").chmod(0o751)
    (world.source / "a" / "b").chmod(0o710)
    world.delete(world.preview(remove_empty_folders=True))

    put_back(world.data, RUN)

    assert (world.source / "a" / "b" / "1.jpg").exists()
    assert (world.source / "a").stat().st_mode & 0o777 == 0o751
    assert (world.source / "a" / "b").stat().st_mode & 0o777 == 0o710


def test_nothing_is_put_back_into_another_folder_or_through_a_link(world: World):
    world.put("a/1.jpg", b"picture")
    world.delete()
    (world.place / "elsewhere").mkdir()
    (world.source / "a").rmdir()
    (world.source / "a").symlink_to(world.place / "elsewhere")

    handled = put_back(world.data, RUN)

    assert handled.files == 0
    assert list((world.place / "elsewhere").iterdir()) == []
    assert world.aside() == {b"a/1.jpg": b"picture"}


def test_another_disk_in_the_place_of_the_source_gets_nothing(world: World):
    world.put_some()
    world.delete()
    shutil.copytree(world.source, world.place / "other")
    world.source.rename(world.place / "unplugged")
    (world.place / "other").rename(world.source)

    handled = put_back(world.data, RUN)

    assert "another folder or another disk" in handled.trouble
    assert len(files_in(world.place / "unplugged" / QUARANTINE / RUN / "attempt-1")) == 3


def test_while_files_are_being_moved_nobody_else_moves_them(world: World):
    world.put_some()
    world.delete()

    with Receipts(receipt_path(world.data, RUN)):
        handled = put_back(world.data, RUN)

    assert "at this moment" in handled.trouble
    assert len(world.aside()) == 3


@pytest.mark.parametrize("cut", ["no end of the last line", "no word of the last moves"])
def test_what_a_crash_left_without_a_last_word_comes_back_too(world: World, cut: str):
    world.put_some()
    before = files_in(world.source)
    world.delete()
    path = receipt_path(world.data, RUN)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]) + (lines[-2][:10] if cut.startswith("no end") else b""))

    handled = put_back(world.data, RUN)

    assert handled.files == 3
    assert files_in(world.source) == before


@pytest.mark.parametrize("what", [put_back, empty])
def test_what_was_put_back_before_a_kill_is_not_said_to_be_gone(world: World, what):
    names = [os.fsdecode(name) for name in world.put_some()]
    world.delete()
    for name in names:  # as a program does that is killed before it writes that down
        (world.source / QUARANTINE / RUN / "attempt-1" / name).rename(world.source / name)

    handled = what(world.data, RUN)

    account = account_of(receipt_path(world.data, RUN))
    assert (handled.files, handled.kept_files, handled.left, handled.trouble) == (0, 0, False, "")
    assert account is not None
    assert (account.taken, account.aside, account.back) == (3, 0, 3)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace(b'"path":"letter.txt"', b'"path":"../../other.txt"'),
        lambda text: text.replace(b'"path":"letter.txt"', b'"path":"letter.txt","raw":"*"'),
        lambda text: text.replace(b'"path":"letter.txt"', b'"path":""'),
        lambda text: text.replace(b'"line":"became","n":1', b'"line":"became","n":-1'),
    ],
)
@pytest.mark.parametrize("what", [put_back, empty])
def test_receipts_that_somebody_edited_move_nothing(world: World, what, edit):
    world.put("letter.txt")
    world.delete()
    path = receipt_path(world.data, RUN)
    text = path.read_bytes()
    path.write_bytes(edit(text))

    handled = what(world.data, RUN)

    assert edit(text) != text
    assert (handled.files, "damaged" in handled.trouble) == (0, True)
    assert world.aside() == {b"letter.txt": b"kept for good"}
