"""What a run may say of its proof."""

import os
import shutil
import threading

import pytest

from core.copying.board import Board
from core.copying.messages import Looked, Setup
from core.copying.settle import Finisher
from core.copying.times import Times
from core.copying.transfer import Copier
from core.errors import EngineFailed
from core.work import RunStopped
from tests.core.copying.conftest import flip_a_bit


def sentence_of(outcome):
    return outcome.result["verification"]["sentence"]


@pytest.fixture
def many(source):
    """A tree of a hundred files, thirty of them in one folder."""
    (source / "disk").mkdir()
    for number in range(30):
        (source / "disk" / f"file-{number:02}").write_text(str(number))
    for number in range(70):
        (source / f"file-{number:02}").write_text(str(number))
    return source


class Writer(threading.Thread):
    """Appends to a file from its start to the end of the block."""

    def __init__(self, path, after_each_line=lambda: None):
        super().__init__()
        self._path = path
        self._after_each_line = after_each_line
        self._over = threading.Event()

    def run(self):
        with self._path.open("ab", buffering=0) as file:
            while not self._over.is_set():
                file.write(b"another line\n")
                self._after_each_line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        if self.is_alive():
            self.join()


@pytest.fixture
def growing(source):
    """A file that takes long enough to be read that somebody can write to it meanwhile."""
    path = source / "growing.log"
    path.write_bytes(os.urandom(24 << 20))
    return path


def test_a_file_that_could_not_be_proved_is_not_said_to_be_verified(growing, backup):
    with Writer(growing) as writer:
        writer.start()
        outcome = backup()

    assert outcome.result["verified"] is False
    assert sentence_of(outcome) == "No file was proved: 1 could not be proved."


def test_a_file_that_grows_from_the_copy_on_does_not_fail_the_run(tree, growing, after_copy, backup):
    with Writer(growing) as writer:
        outcome = backup(after_copy(writer.start))

    assert not [line for line in outcome.warnings if "damaged" in line.lower()]
    assert [line for line in outcome.warnings if "growing.log" in line]
    assert outcome.result["verified"] is False


def test_a_change_after_the_copy_that_put_size_and_time_back_is_followed(
    tree, after_copy, backup, assert_same
):
    outcome = backup(after_copy(lambda: flip_a_bit(tree / "notes.txt")))

    assert (outcome.result["followed"], outcome.result["healed"]) == (1, 0)
    assert_same()


@pytest.mark.parametrize("moment", ["after_scan", "after_copy"])
def test_a_file_that_becomes_a_link_is_a_warning_at_any_time(tree, moment, request, backup):
    def replace():
        (tree / "notes.txt").unlink()
        (tree / "notes.txt").symlink_to("music/one.ogg")

    outcome = backup(request.getfixturevalue(moment)(replace))

    assert outcome.warnings == (
        "Became something else while it was being copied: notes.txt: it became something else.",
    )
    assert outcome.result["verified"] is False


@pytest.mark.parametrize("moment", ["after_scan", "after_copy"])
def test_a_link_that_becomes_a_file_is_a_warning_at_any_time(tree, moment, request, backup):
    def replace():
        (tree / "latest").unlink()
        (tree / "latest").write_text("a file now")

    outcome = backup(request.getfixturevalue(moment)(replace))

    assert outcome.warnings == (
        "Became something else while it was being copied: latest: it became something else.",
    )
    assert outcome.result["verified"] is False


@pytest.mark.parametrize("moment", ["after_scan", "after_copy"])
def test_a_folder_that_vanishes_with_its_files_fails_the_run(tree, moment, request, backup):
    gone = request.getfixturevalue(moment)(lambda: shutil.rmtree(tree / "music" / "live"))

    with pytest.raises(
        EngineFailed, match="1 file or folder vanished from the source with all its files"
    ) as failed:
        backup(gone)

    assert failed.value.hint.startswith("Was a disk inside the source unplugged?")


def test_many_files_that_vanish_fail_the_run(many, after_scan, backup):
    def empty():
        for path in (many / "disk").iterdir():
            path.unlink()

    with pytest.raises(EngineFailed, match="30 of 100 files vanished from the source during the run"):
        backup(after_scan(empty))


def test_an_empty_folder_missing_at_the_destination_is_not_verified(tree, destination, new_context, backup):
    waiting = [(destination / "empty").rmdir]
    context = new_context(
        ask=lambda progress: waiting.pop()() if progress.stage == "verify" and waiting else None
    )

    with pytest.raises(EngineFailed, match="1 file or folder is damaged") as failed:
        backup(context)

    assert failed.value.warnings == ("Is damaged at the destination: empty: the folder is not there.",)


def test_a_sample_in_which_a_file_vanished_has_everything_read_back(many, new_context, backup):
    waiting = list(many.glob("file-*"))

    def ask(progress):
        if progress.stage == "copy" and progress.percent == 100 and waiting:
            for path in waiting[:5]:
                path.unlink()
            waiting.clear()

    context = new_context(ask=ask)

    outcome = backup(context, verify="sample", sample_good_share=0.99999)

    assert outcome.result["verification"]["mode"] == "full"
    assert sentence_of(outcome) == (
        "95 of 100 files were read back from the destination and match what was read from the source; "
        "5 vanished from the source meanwhile."
    )
    assert len(outcome.warnings) == 5


def test_a_file_that_fails_the_sample_is_counted_once(many, destination, after_copy, backup):
    def put_a_folder_in_its_place():
        (destination / "file-00").unlink()
        (destination / "file-00").mkdir()

    with pytest.raises(EngineFailed) as failed:
        backup(after_copy(put_a_folder_in_its_place), verify="sample", sample_good_share=0.99999)

    assert str(failed.value).startswith("1 file or folder is damaged at the destination; the other 99 are")


def test_a_run_that_was_resumed_says_of_when_its_list_of_files_is(tree, new_context, backup):
    context = new_context(ask=lambda progress: "pause" if progress.stage == "verify" else None)
    with pytest.raises(RunStopped):
        backup(context)
    (tree / "added.txt").write_text("too late")

    outcome = backup(context.again())

    said, _, when = sentence_of(outcome).partition(" This is the source as it was at ")
    assert said.startswith("All 4 files were read back")
    assert when.endswith(" UTC: what was added later is not in it.")


@pytest.mark.parametrize(
    ("verify", "said"),
    [
        ("full", "Every digest in the list is of a file that was read back from the destination."),
        (
            "fast",
            (
                "0 of the 4 digests in the list were read back from the destination; "
                "the others are of what was read from the source."
            ),
        ),
    ],
)
def test_the_list_of_digests_says_what_was_read_back(tree, verify, said, backup):
    assert backup(verify=verify).result["manifest_sentence"] == said


def test_a_digest_that_was_not_proved_is_not_listed(tree, after_copy, new_context, backup):
    context = after_copy((tree / "notes.txt").unlink)

    outcome = backup(context)

    listed = (context.workspace / outcome.result["manifest"]).read_text()
    assert "notes.txt" not in listed
    assert outcome.result["manifest_files"] == 3


def test_a_time_of_zero_of_a_file_that_kept_changing_is_not_kept(growing, destination, backup):
    with Writer(growing, lambda: os.utime(growing, ns=(0, 0))) as writer:
        writer.start()
        backup()

    assert (destination / "growing.log").stat().st_mtime_ns != 0


def test_what_fast_copied_again_is_said_to_be_read_back(tree, destination, after_copy, backup):
    outcome = backup(after_copy((destination / "notes.txt").unlink), verify="fast")

    assert sentence_of(outcome) == (
        "Only sizes and times were looked at; 1 file that was not right was copied again and read back."
    )
    assert outcome.result["verification"]["files"] == 4


def test_one_file_is_called_the_only_one(source, backup):
    (source / "one").write_text("1")

    assert sentence_of(backup()) == (
        "The only file was read back from the destination and matches what was read from the source."
    )


def test_a_link_that_points_elsewhere_after_the_copy_is_followed(tree, after_copy, backup, assert_same):
    def point_elsewhere():
        (tree / "latest").unlink()
        (tree / "latest").symlink_to("notes.txt")

    outcome = backup(after_copy(point_elsewhere))

    assert (outcome.result["followed"], outcome.result["healed"]) == (1, 0)
    assert_same()


def test_what_was_healed_is_brought_to_the_disk(tree, destination, new_context, backup):
    backup()
    flip_a_bit(destination / "notes.txt")
    context, nothing_bad = new_context(), new_context()

    backup(context)
    backup(nothing_bad)

    message = "Bringing what was copied again to the disk"
    assert message in {report.message for report in context.reported}
    assert message not in {report.message for report in nothing_bad.reported}


def test_a_folder_on_another_disk_than_when_the_run_began_is_a_failure(tree, destination):
    shutil.copytree(tree, destination, symlinks=True)
    here = (tree / "music").stat()
    source, there = (os.open(folder, os.O_RDONLY) for folder in (tree, destination))
    board = Board()
    setup = Setup(
        source=source,
        destination=there,
        board=board.handle,
        seat=0,
        parent=os.getppid(),
        boot="",
        digests=True,
        content=False,
        prove_all=True,
        resumed=False,
        patterns=(),
        left_out=(),
        times=Times(),
    )
    before = Looked(b"music", here.st_dev + 1, here.st_ino)
    as_now = Looked(b"music", here.st_dev, here.st_ino)

    reply = Finisher(Copier(setup, board)).prove((before, as_now))

    assert [(problem.kind, problem.path) for problem in reply.problems] == [("unplugged", b"music")]
    assert reply.tally == {"proved_folders": 1}
