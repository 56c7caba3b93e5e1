"""What is said to be verified was read back."""

import os
import re
import shutil
import subprocess

import pytest
from blake3 import blake3

from core.errors import EngineFailed
from tests.core.copying.conftest import flip_a_bit

LINE = re.compile(rb"(\\?)([0-9a-f]{64})  (.+)")


def test_a_flipped_bit_is_caught_by_full_and_healed(tree, destination, backup, assert_same):
    backup()
    flip_a_bit(destination / "music" / "live" / "two.ogg")

    outcome = backup()

    assert outcome.warnings == (
        "Was damaged at the destination and has been copied again: music/live/two.ogg: its content is not the same.",
    )
    assert (outcome.result["healed"], outcome.result["verified"]) == (1, True)
    assert_same()


def test_a_flipped_bit_is_not_seen_by_fast_which_does_not_say_verified(tree, destination, backup):
    backup()
    flip_a_bit(destination / "music" / "live" / "two.ogg")

    outcome = backup(verify="fast")

    assert outcome.result["verified"] is False
    assert (
        outcome.result["verification"]["sentence"]
        == "Only sizes and times were looked at; nothing was read back."
    )


def test_a_bad_file_in_a_sample_has_everything_read_back(tree, destination, new_context, backup, assert_same):
    for number in range(40):
        (tree / f"file-{number:02}").write_bytes(os.urandom(100))
    backup()
    for number in range(40):
        flip_a_bit(destination / f"file-{number:02}")
    context = new_context()

    outcome = backup(context, verify="sample")

    assert "The sample has a file that is not good, so every file is read back now." in context.warnings
    assert (outcome.result["verification"]["mode"], outcome.result["verification"]["files"]) == ("full", 44)
    assert outcome.result["healed"] == 40
    assert_same()


def test_a_good_sample_says_how_sure_it_makes_us(source, backup):
    for number in range(1000):
        (source / f"file-{number:04}").write_text(str(number))

    outcome = backup(verify="sample")

    found = outcome.result["verification"]
    assert found["sentence"] == (
        "238 of 1,000 files, drawn at random, were read back and are good: "
        "95 % sure that at least 99 % of the files are good."
    )
    assert (found["sample"], found["population"], found["files"]) == (238, 1000, 238)
    assert outcome.result["verified"]


def test_a_file_missing_after_the_copy_is_put_back(tree, destination, after_copy, backup, assert_same):
    outcome = backup(after_copy((destination / "notes.txt").unlink))

    assert outcome.result["healed"] == 1
    assert_same()


def test_the_list_of_digests_is_one_that_b3sum_reads(tree, destination, new_context, backup):
    (tree / "back\\slash").write_text("a")
    (tree / "new\nline").write_text("b")
    (tree / os.fsdecode(b"not-\xff-text")).write_text("c")
    context = new_context()

    outcome = backup(context)

    manifest = context.workspace / outcome.result["manifest"]
    assert blake3(manifest.read_bytes()).hexdigest() == outcome.result["manifest_digest"]
    lines = manifest.read_bytes().splitlines()
    assert len(lines) == 6
    for line in lines:
        (escaped, digest, name) = LINE.findall(line)[0]
        path = name.replace(b"\\n", b"\n").replace(b"\\\\", b"\\") if escaped else name
        content = (destination / os.fsdecode(path)).read_bytes()
        assert blake3(content).hexdigest().encode() == digest
    raw = manifest.with_name(manifest.name + ".raw-names").read_bytes()
    assert raw == blake3(b"c").hexdigest().encode() + b"  not-\xff-text\n"
    if b3sum := shutil.which("b3sum"):
        subprocess.run([b3sum, "--check", "--quiet", manifest], cwd=destination, check=True)


@pytest.mark.parametrize("verify", ["full", "sample", "fast"])
def test_only_reading_back_counts_as_verified(tree, verify, backup):
    outcome = backup(verify=verify)

    assert outcome.result["verified"] is (verify != "fast")


def test_a_file_that_cannot_be_healed_fails_the_run(tree, destination, after_copy, backup):
    def put_a_folder_in_its_place():
        (destination / "notes.txt").unlink()
        (destination / "notes.txt").mkdir()

    with pytest.raises(EngineFailed, match="1 file or folder is damaged at the destination"):
        backup(after_copy(put_a_folder_in_its_place))


def test_a_source_that_changes_after_the_copy_is_copied_again(tree, after_copy, backup, assert_same):
    outcome = backup(after_copy(lambda: (tree / "notes.txt").write_text("remember more")))

    assert outcome.warnings == (
        "Changed after it had been copied and was copied again: notes.txt: its size is not the same.",
    )
    assert (outcome.result["healed"], outcome.result["verified"]) == (0, True)
    assert_same()


def test_a_folder_put_in_place_of_another_during_the_run_is_what_is_proved(
    tree, destination, tmp_path, after_copy, backup, assert_same
):
    def replace():
        (destination / "music").rename(tmp_path / "moved away")
        (destination / "music" / "live").mkdir(parents=True)

    outcome = backup(after_copy(replace))

    assert outcome.result["healed"] == 3
    assert (destination / "music" / "live" / "two.ogg").exists()


def test_a_bad_file_among_read_only_folders_is_healed_and_they_stay_as_they_were(
    tree, destination, backup, assert_same
):
    (tree / "music").chmod(0o555)
    backup()
    flip_a_bit(destination / "music" / "one.ogg")
    before = (destination / "music").stat()

    backup()

    after = (destination / "music").stat()
    assert (before.st_mode, before.st_mtime_ns) == (after.st_mode, after.st_mtime_ns)
    assert_same()


def test_a_folder_that_is_gone_after_the_copy_is_named_with_each_of_its_files(
    tree, destination, tmp_path, after_copy, backup
):
    with pytest.raises(EngineFailed) as failed:
        backup(after_copy(lambda: (destination / "music").rename(tmp_path / "moved away")))

    assert str(failed.value).endswith(
        "5 files or folders are damaged at the destination; the other 1 is copied and verified."
    )
