"""What goes wrong ends in words that say what is safe; everything else is copied all the same."""

import contextlib
import os
import resource
import socket
import threading
from itertools import product
from pathlib import Path

import pytest

from core.copying.mirror import mirror
from core.copying.roots import open_destination
from core.copying.wishes import Wishes
from core.errors import EngineFailed
from tests.core.copying.humble import run_humbly


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def test_an_unreadable_file_fails_the_run_and_names_it(tree, destination, workspace):
    (tree / "music" / "one.ogg").chmod(0)

    said = run_humbly(tree, destination, workspace)

    assert said["error"].startswith(
        "1 file or folder could not be read; the other 3 are copied and verified."
    )
    assert said["warnings"] == ["Could not be read: music/one.ogg: permission denied."]
    assert said["result"]["verified"] is False
    assert (destination / "music" / "live" / "two.ogg").exists()
    assert not (destination / "music" / "one.ogg").exists()


def test_an_unreadable_folder_fails_the_run_and_names_it(tree, destination, workspace):
    (tree / "music" / "live").chmod(0)

    said = run_humbly(tree, destination, workspace)

    assert said["warnings"] == ["Could not be read: music/live: permission denied."]
    assert (destination / "notes.txt").exists()


def test_a_file_that_vanishes_is_a_warning(tree, after_scan, backup):
    outcome = backup(after_scan((tree / "notes.txt").unlink))

    assert outcome.warnings == ("Vanished while it was being copied: notes.txt: it was there a moment ago.",)
    assert outcome.result["verified"]


def test_a_file_that_keeps_growing_is_named_and_copied_again_by_the_next_pass(tree, backup, assert_same):
    growing = tree / "growing.log"
    growing.write_bytes(os.urandom(24 << 20))
    over = threading.Event()

    def grow():
        with growing.open("ab", buffering=0) as file:
            while not over.is_set():
                file.write(b"another line\n")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        outcome = backup()
    finally:
        over.set()
        writer.join()
    again = backup()

    assert [
        line for line in outcome.warnings if line.startswith("Changed while it was being copied: growing.log")
    ]
    assert (outcome.result["verified"], again.result["verified"]) == (False, True)
    assert again.result["copied"] == 1
    assert_same()


def test_pipes_sockets_and_devices_are_left_out_and_counted(tree, destination, backup):
    os.mkfifo(tree / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(tree)  # a socket's path may not be long
    try:
        listener.bind("socket")
    finally:
        os.chdir(here)
        listener.close()

    outcome = backup()

    assert sorted(outcome.warnings) == [
        "Left out: pipe: it is a named pipe.",
        "Left out: socket: it is a socket.",
    ]
    assert outcome.result["special"] == 2
    assert not (destination / "pipe").exists()


def test_nothing_at_the_destination_gives_way_to_something_of_another_sort(tree, destination, backup):
    (destination / "notes.txt").mkdir(parents=True)
    (destination / "notes.txt" / "mine").write_text("mine")
    (destination / "music").write_text("mine too")

    with pytest.raises(EngineFailed) as failed:
        backup()

    assert str(failed.value) == (
        "2 files or folders are in the way of something else; the other 0 are copied and verified."
    )
    assert (destination / "notes.txt" / "mine").read_text() == "mine"
    assert (destination / "music").read_text() == "mine too"


def test_what_does_not_fit_is_named_and_the_rest_is_copied(tree, destination, backup):
    (tree / "large.bin").write_bytes(os.urandom(3 << 20))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))

    try:
        with pytest.raises(EngineFailed) as failed:
            backup()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert str(failed.value) == "1 file or folder did not fit; the other 4 are copied and verified."
    assert failed.value.warnings == ("Did not fit: large.bin: it is larger than the destination allows.",)
    assert sorted(path.name for path in destination.iterdir()) == ["empty", "latest", "music", "notes.txt"]


def test_a_destination_that_takes_nothing_is_said_to(tree, new_context):
    with pytest.raises(EngineFailed, match="The destination cannot be used"):
        mirror(Wishes(source=tree, destination=Path("/sys/holdfast")), new_context())


def test_a_destination_that_is_replaced_half_way_fails_the_run(
    tree, destination, tmp_path, after_scan, backup
):
    def replace():
        destination.rename(tmp_path / "unplugged")
        destination.mkdir()

    with pytest.raises(EngineFailed, match="The destination was unplugged or replaced") as failed:
        backup(after_scan(replace))

    assert failed.value.transient
    assert list(destination.iterdir()) == []


def test_an_empty_source_fails_the_run_and_makes_nothing(source, destination, backup):
    with pytest.raises(EngineFailed, match="The source is empty"):
        backup()

    assert not destination.exists()


def test_two_runs_never_copy_to_one_destination_at_the_same_time(tree, destination, new_context, backup):
    def second_run(progress):
        with pytest.raises(EngineFailed, match="Another run is copying"):
            open_destination(destination, patience=0)

    outcome = backup(new_context(ask=second_run))

    assert outcome.result["verified"]


def test_a_clock_set_back_does_not_matter(tree, backup, assert_same):
    for path in tree.rglob("*"):
        os.utime(path, ns=(0, 4_000_000_000_000_000_000), follow_symlinks=False)

    first = backup()
    again = backup()

    assert_same()
    assert (first.result["verified"], again.result["copied"]) == (True, 0)


def test_what_an_earlier_run_left_unfinished_is_removed(tree, destination, backup, assert_same):
    destination.mkdir()
    (destination / ".holdfast-0123456789abcdef.part").write_text("half")

    backup()

    assert_same()


def test_links_swapped_in_during_the_copy_lead_nowhere(source, destination, tmp_path, backup):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "diary").write_text("secret")
    for number in range(30):
        (source / f"folder-{number}").mkdir()
        (source / f"folder-{number}" / "diary").write_text("public")
        (source / f"folder-{number}" / "more").write_text("public")
    over = threading.Event()

    def swap():
        while not over.is_set():
            for root, number in product((source, destination), range(30)):
                folder, aside = root / f"folder-{number}", root / f"aside-{number}"
                with contextlib.suppress(OSError):
                    folder.rename(aside)
                    folder.symlink_to(victim)
                    folder.unlink()
                    aside.rename(folder)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(5):
            with contextlib.suppress(EngineFailed):
                backup()
    finally:
        over.set()
        swapper.join()

    assert [path.name for path in victim.iterdir()] == ["diary"]
    assert (victim / "diary").read_text() == "secret"
    copies = [path for path in destination.rglob("diary") if path.is_file() and not path.parent.is_symlink()]
    assert {path.read_text() for path in copies} <= {"public"}
