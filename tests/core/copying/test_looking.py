"""What the scan makes of names, folders and files that are not what they seem."""

import fcntl
import os
from contextlib import contextmanager

import pytest

from core.copying.mirror import mirror
from core.copying.roots import open_destination
from core.copying.wishes import Wishes
from core.errors import EngineFailed
from tests.core.copying.humble import run_humbly

OURS = ".holdfast-0123456789abcdef.part"
OURS_TOO = ".holdfast-fedcba9876543210.part"


@contextmanager
def run_into(folder):
    """Hold a folder as a run that copies into it does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def test_a_file_with_the_name_of_an_unfinished_copy_is_left_out_and_named(tree, destination, backup):
    (tree / OURS).write_text("precious")

    outcome = backup()

    assert outcome.warnings == (
        f"Left out: {OURS}: it has the name of an unfinished copy of Holdfast's own.",
    )
    assert not (destination / OURS).exists()


def test_folders_and_links_with_the_name_of_an_unfinished_copy_are_copied(tree, backup, assert_same):
    (tree / OURS).mkdir()
    (tree / OURS / "inside").write_text("precious")
    (tree / OURS_TOO).symlink_to("notes.txt")

    first, again = backup(), backup()

    assert_same()
    assert first.warnings == again.warnings == ()
    assert again.result["copied"] == 0


def test_a_file_left_out_by_a_pattern_is_not_named(tree, backup):
    (tree / OURS).write_text("precious")

    assert backup(exclude=[".holdfast-*"]).warnings == ()


def test_an_unfinished_copy_at_the_destination_is_removed_and_named(tree, destination, backup, assert_same):
    destination.mkdir()
    (destination / OURS).write_text("half")

    outcome = backup()

    assert outcome.warnings == (f"Removed: {OURS}: an unfinished copy that an earlier run left there.",)
    assert_same()


def test_only_files_of_ours_are_taken_for_unfinished_copies(tree, destination, backup):
    (destination / OURS).mkdir(parents=True)
    (destination / OURS / "mine").write_text("mine")
    (destination / OURS_TOO).symlink_to("/nowhere")

    outcome = backup()

    assert outcome.result["verified"]
    assert (destination / OURS / "mine").read_text() == "mine"
    assert (destination / OURS_TOO).is_symlink()


def test_what_a_run_deeper_in_the_destination_is_writing_is_left_alone(tree, destination, backup):
    inner = destination / "music"
    inner.mkdir(parents=True)
    (inner / OURS).write_text("half")

    with run_into(inner), pytest.raises(EngineFailed) as failed:
        backup()

    assert failed.value.warnings == ("Could not be written: music: another run is copying into it.",)
    assert (inner / OURS).read_text() == "half"
    assert sorted(path.name for path in inner.iterdir()) == [OURS]
    assert (destination / "notes.txt").exists()


def test_a_run_into_a_folder_above_keeps_a_second_run_out(tmp_path):
    inner = tmp_path / "around" / "inner"
    inner.parent.mkdir()

    with run_into(inner.parent), pytest.raises(EngineFailed, match="a folder above this") as failed:
        open_destination(inner, patience=0)
    os.close(open_destination(inner, patience=0))

    assert failed.value.transient


def test_the_source_met_again_at_the_destination_is_not_written_over(tmp_path, new_context):
    source = tmp_path / "source"
    (source / "source").mkdir(parents=True)
    (source / "diary").write_text("mine")
    (source / "source" / "diary").write_text("another")

    # The folder "source" at the destination is the source, as by a mount.
    with pytest.raises(EngineFailed) as failed:
        mirror(Wishes(source=source, destination=tmp_path), new_context())

    words = "at the destination this is the source itself, or Holdfast's own data"
    assert failed.value.warnings == (f"Could not be written: source: {words}.",)
    assert (source / "diary").read_text() == "mine"


def test_own_data_met_at_the_destination_is_not_written_over(tree, tmp_path, new_context):
    destination = tmp_path / "around"
    own = destination / "music"
    own.mkdir(parents=True)
    (own / "one.ogg").write_text("a job")

    with pytest.raises(EngineFailed, match="1 file or folder could not be written"):
        mirror(Wishes(source=tree, destination=destination), new_context(), left_out=(own,))

    assert (own / "one.ogg").read_text() == "a job"
    assert [path.name for path in own.iterdir()] == ["one.ogg"]


def test_read_only_folders_do_not_break_the_second_pass(tree, destination, tmp_path, assert_same):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (tree / "music").chmod(0o555)
    tree.chmod(0o555)
    first = run_humbly(tree, destination, workspace)
    (tree / "music").chmod(0o755)
    (tree / "music" / "new").mkdir()
    (tree / "music" / "new" / "song").write_text("la")
    (tree / "music").chmod(0o555)
    (destination / "music").chmod(0o755)
    (destination / "music" / OURS).write_text("half")
    (destination / "music").chmod(0o555)

    again = run_humbly(tree, destination, workspace)

    assert first["result"]["verified"]
    assert again["result"]["verified"]
    assert_same()
    modes = [(destination / name).stat().st_mode & 0o777 for name in (".", "music")]
    assert modes == [0o555, 0o555]


def test_links_carry_a_new_time_and_owner_to_the_next_pass(tree, destination, backup):
    backup()
    os.utime(tree / "latest", ns=(5, 1_234_567_890_000_000_001), follow_symlinks=False)
    if os.geteuid() == 0:
        os.chown(tree / "latest", 1234, 4321, follow_symlinks=False)

    backup()

    here, there = (tree / "latest").lstat(), (destination / "latest").lstat()
    assert (here.st_mtime_ns, here.st_uid, here.st_gid) == (there.st_mtime_ns, there.st_uid, there.st_gid)
