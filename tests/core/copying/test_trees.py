"""Whatever a tree holds arrives as it was."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clearing.names import OURS
from core.engines.copy import CopyEngine
from tests.doubles import ScriptedContext

NAMES = (
    st.binary(min_size=1, max_size=40)
    .map(lambda name: name.replace(b"/", b"-").replace(b"\0", b"\n"))
    .filter(lambda name: name not in {b".", b".."} and os.fsdecode(name) not in OURS)
)
HOSTILE = st.sampled_from(
    [b"-rf", b"new\nline", b"\xff\xfe", b"tab\t", b"back\\slash", b"n" * 255, b" ", b"'\"", "ä".encode()]
)
NODES = st.recursive(
    st.binary(max_size=2000),
    lambda inner: st.dictionaries(NAMES | HOSTILE, inner, max_size=4),
    max_leaves=12,
)
TREES = st.dictionaries(NAMES | HOSTILE, NODES, min_size=1, max_size=6)


def plant(folder: Path, tree: dict[bytes, Any]):
    folder.mkdir()
    for name, node in tree.items():
        path = folder / os.fsdecode(name)
        if isinstance(node, dict):
            plant(path, node)
        else:
            path.write_bytes(node)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(tree=TREES)
def test_names_of_every_kind_arrive_unchanged(tree):
    with tempfile.TemporaryDirectory() as scratch:
        source, destination, workspace = (Path(scratch) / name for name in ("source", "there", "run"))
        plant(source, tree)
        workspace.mkdir()

        outcome = CopyEngine(source=source, destination=destination).run(ScriptedContext(workspace))

        argv = ["diff", "-r", "--no-dereference", os.fspath(source), os.fspath(destination)]
        assert subprocess.run(argv, check=False).returncode == 0
        assert outcome.result["verified"]


def test_a_tree_deeper_than_a_path_may_be_long_arrives_whole(source, destination, backup):
    name, depth = "d" * 200, 30
    handle = os.open(source, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=handle)
        handle, outer = os.open(name, os.O_RDONLY, dir_fd=handle), handle
        os.close(outer)
    os.close(os.open("deep.txt", os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=handle))
    os.close(handle)

    outcome = backup()

    assert outcome.result["verified"]
    handle = os.open(destination, os.O_RDONLY)
    for _ in range(depth):
        handle, outer = os.open(name, os.O_RDONLY, dir_fd=handle), handle
        os.close(outer)
    assert os.stat("deep.txt", dir_fd=handle).st_mode & 0o777 == 0o640
    os.close(handle)


def test_modes_owners_and_times_arrive_to_the_nanosecond(tree, destination, backup):
    for path, mode in (
        (tree / "notes.txt", 0o4711),
        (tree / "music" / "one.ogg", 0o400),
        (tree / "empty", 0o500),
    ):
        path.chmod(mode)
        os.utime(path, ns=(1_111_111_111_222_333_444, 987_654_321_123_456_789))
    if os.geteuid() == 0:
        os.chown(tree / "music" / "one.ogg", 1234, 4321)
    os.utime(tree / "latest", ns=(5, 1_234_567_890_000_000_001), follow_symlinks=False)
    os.utime(tree / "music", ns=(5, 1_234_567_890_000_000_007))

    backup()

    for path in (tree, *tree.rglob("*")):
        wanted, found = path.lstat(), (destination / path.relative_to(tree)).lstat()
        assert (wanted.st_mode, wanted.st_mtime_ns) == (found.st_mode, found.st_mtime_ns), path
        assert (wanted.st_uid, wanted.st_gid) == (found.st_uid, found.st_gid), path


def test_links_arrive_as_links(source, destination, backup, assert_same):
    targets = {"dangling": "nowhere", "absolute": "/etc/passwd", "looping": "looping", "up": "../.."}
    for name, target in targets.items():
        (source / name).symlink_to(target)

    outcome = backup()

    assert_same()
    assert {name: str((destination / name).readlink()) for name in targets} == targets
    assert outcome.result["links"] == len(targets)


def test_names_of_one_file_stay_names_of_one_file(source, destination, backup, assert_same):
    (source / "a").mkdir()
    (source / "b").mkdir()
    (source / "a" / "first").write_text("shared")
    (source / "b" / "second").hardlink_to(source / "a" / "first")
    (source / "third").hardlink_to(source / "a" / "first")

    outcome = backup()
    again = backup()

    assert_same()
    inodes = {(destination / name).stat().st_ino for name in ("a/first", "b/second", "third")}
    assert len(inodes) == 1
    assert outcome.result["hard_links"] == 2
    assert again.result["copied"] == 0


def test_holes_stay_holes(source, destination, backup, assert_same):
    with (source / "disk.img").open("wb") as file:
        file.seek(40 << 20)
        file.write(b"in the middle")
        file.truncate(80 << 20)

    backup()

    assert_same()
    assert (destination / "disk.img").stat().st_blocks * 512 < 1 << 20


def test_extended_attributes_arrive(tree, destination, backup):
    os.setxattr(tree / "notes.txt", "user.colour", b"blue")
    os.setxattr(tree / "music", "user.mood", b"good")

    backup()

    assert os.getxattr(destination / "notes.txt", "user.colour") == b"blue"
    assert os.getxattr(destination / "music", "user.mood") == b"good"


def test_a_second_pass_moves_nothing(tree, destination, backup):
    backup()
    before = {path: path.lstat() for path in destination.rglob("*")}

    outcome = backup()

    assert (outcome.result["copied"], outcome.result["copied_bytes"], outcome.result["unchanged"]) == (
        0,
        0,
        4,
    )
    assert {path: path.lstat().st_ino for path in destination.rglob("*")} == {
        path: info.st_ino for path, info in before.items()
    }


def test_only_what_changed_is_copied(tree, backup, assert_same):
    backup()
    (tree / "notes.txt").write_text("remember this too")

    outcome = backup()

    assert_same()
    assert (outcome.result["copied"], outcome.result["unchanged"]) == (1, 3)


@pytest.mark.parametrize(("compare", "copied"), [("time", 0), ("content", 1)])
def test_a_change_that_kept_size_and_time_is_seen_by_content(tree, compare, copied, backup):
    backup(verify="fast")
    info = (tree / "notes.txt").stat()
    (tree / "notes.txt").write_text("REMEMBER")
    os.utime(tree / "notes.txt", ns=(info.st_atime_ns, info.st_mtime_ns))

    outcome = backup(verify="fast", compare=compare)

    assert outcome.result["copied"] == copied


def test_what_only_the_destination_has_stays_there(tree, destination, backup):
    backup()
    (destination / "keep.txt").write_text("mine")
    (destination / "music" / "live" / "extra").write_text("mine too")

    backup()

    assert (destination / "keep.txt").read_text() == "mine"
    assert (destination / "music" / "live" / "extra").read_text() == "mine too"


def test_patterns_leave_out_and_take_back_in(tree, destination, backup):
    (tree / "cache").mkdir()
    (tree / "cache" / "junk").write_text("x")
    (tree / "app.log").write_text("x")
    (tree / "important.log").write_text("x")

    outcome = backup(exclude=("*.log", "/cache/"), include=("important.log",))

    assert not (destination / "cache").exists()
    assert not (destination / "app.log").exists()
    assert (destination / "important.log").exists()
    assert outcome.result["excluded"] == 2


def test_a_file_that_became_a_link_and_back_is_followed(tree, backup, assert_same):
    backup()
    (tree / "notes.txt").unlink()
    (tree / "notes.txt").symlink_to("music/one.ogg")
    (tree / "latest").unlink()
    (tree / "latest").write_text("now a file")

    backup()

    assert_same()


def test_a_mode_that_changed_is_carried_over_without_copying(tree, destination, backup):
    backup()
    (tree / "notes.txt").chmod(0o600)

    outcome = backup()

    assert (destination / "notes.txt").stat().st_mode & 0o777 == 0o600
    assert (outcome.result["copied"], outcome.result["touched"]) == (0, 1)


def test_a_read_only_folder_takes_new_files_in_a_later_pass(source, destination, backup, assert_same):
    (source / "shut").mkdir()
    (source / "shut" / "one").write_text("1")
    (source / "shut").chmod(0o555)
    backup()
    (source / "shut").chmod(0o755)
    (source / "shut" / "two").write_text("2")
    (source / "shut").chmod(0o555)

    backup()

    assert_same()
    assert (destination / "shut").stat().st_mode & 0o777 == 0o555


def test_a_link_planted_at_the_destination_leads_nowhere(tree, destination, tmp_path, backup):
    victim = tmp_path / "victim"
    victim.mkdir()
    destination.mkdir()
    (destination / "music").symlink_to(victim)

    with pytest.raises(Exception, match="in the way"):
        backup()

    assert list(victim.iterdir()) == []
    assert (destination / "music").is_symlink()


def test_a_folder_that_hands_on_its_group_does_not_hand_it_on_to_copies(source, destination, backup):
    shared = source / "shared"
    shared.mkdir()
    shared.chmod(0o2775)
    other_group = os.getgroups()[-1] if os.geteuid() else 4321
    os.chown(shared, -1, other_group)
    backup_of_the_empty_folder = backup()
    (shared / "file").write_text("x")
    os.chown(shared / "file", -1, os.getegid())

    backup()

    assert backup_of_the_empty_folder.result["folders"] == 2
    assert (destination / "shared").stat().st_gid == other_group
    assert (destination / "shared" / "file").stat().st_gid == (shared / "file").stat().st_gid
