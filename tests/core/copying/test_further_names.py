"""Further names of one file are proved as the first one is."""

import os

import pytest

from core.work import RunStopped
from tests.core.copying.conftest import flip_a_bit


@pytest.fixture
def twins(source):
    """A file with two names, and nothing else."""
    (source / "a").write_bytes(os.urandom(20_000))
    (source / "b").hardlink_to(source / "a")
    return source


def names_of(folder):
    """Return for each name which file it is and what is in it."""
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()}


def replace(path, content):
    """Put a new file in the place of a name."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(content)
    fresh.replace(path)


def test_a_bad_file_with_two_names_is_healed_under_both(twins, destination, backup):
    backup()
    flip_a_bit(destination / "a")

    outcome = backup()

    found = names_of(destination)
    assert found["a"] == found["b"]
    assert found["a"][1] == (twins / "a").read_bytes()
    assert (outcome.result["healed"], outcome.result["verified"]) == (1, True)


def test_a_file_with_two_names_that_grows_after_the_copy_is_followed_under_both(
    twins, destination, after_copy, backup
):
    def append():
        with (twins / "b").open("ab") as file:
            file.write(b"more")

    outcome = backup(after_copy(append))

    found = names_of(destination)
    assert found["a"] == found["b"]
    assert found["a"][1].endswith(b"more")
    assert outcome.result["verified"]


@pytest.mark.parametrize("moment", ["after_scan", "after_copy"])
def test_names_that_part_during_the_run_are_copied_each_as_it_is(twins, destination, moment, request, backup):
    def part():
        replace(twins / "a", b"A" * 20_000)
        replace(twins / "b", b"B" * 20_000)

    outcome = backup(request.getfixturevalue(moment)(part))

    found = names_of(destination)
    assert (found["a"][1], found["b"][1]) == (b"A" * 20_000, b"B" * 20_000)
    assert found["a"][0] != found["b"][0]
    assert outcome.result["verified"]


def test_a_name_that_parts_from_a_file_of_the_same_content_is_a_file_of_its_own(
    twins, destination, after_copy, backup
):
    outcome = backup(after_copy(lambda: replace(twins / "b", (twins / "a").read_bytes())))

    found = names_of(destination)
    assert found["a"][0] != found["b"][0]
    assert found["a"][1] == found["b"][1]
    assert outcome.result["verified"]


def test_a_name_whose_first_one_vanishes_gets_the_content_it_has_now(twins, destination, after_scan, backup):
    destination.mkdir()
    names = [entry.name for entry in os.scandir(twins)]
    first, further = names
    (destination / first).write_bytes(b"o" * 20_000)

    outcome = backup(after_scan((twins / first).unlink))

    assert (destination / further).read_bytes() == (twins / further).read_bytes()
    assert outcome.warnings == (f"Vanished while it was being copied: {first}: it was there a moment ago.",)
    assert outcome.result["verified"]


def test_a_further_name_that_is_removed_during_a_pause_is_put_back(twins, destination, new_context, backup):
    context = new_context(ask=lambda progress: "pause" if progress.stage == "verify" else None)
    with pytest.raises(RunStopped):
        backup(context)
    further = [entry.name for entry in os.scandir(twins)][1]
    (destination / further).unlink()

    outcome = backup(context.again())

    assert len({inode for inode, _ in names_of(destination).values()}) == 1
    assert outcome.result["healed"] == 1
    assert outcome.warnings[0].endswith(f"{further}: the name was not there.")


def test_both_names_deleted_are_two_warnings_that_do_not_blame_the_destination(
    twins, tree, after_scan, backup
):
    def delete():
        (twins / "a").unlink()
        (twins / "b").unlink()

    outcome = backup(after_scan(delete))

    assert sorted(outcome.warnings) == [
        f"Vanished while it was being copied: {name}: it was there a moment ago." for name in "ab"
    ]
    assert outcome.result["verified"]


def test_the_sentence_and_the_list_count_further_names(twins, new_context, backup):
    context = new_context()

    outcome = backup(context)

    assert outcome.result["verification"]["sentence"] == (
        "The only file, and 1 further name of it, were read back from the destination "
        "and match what was read from the source."
    )
    lines = (context.workspace / outcome.result["manifest"]).read_text().splitlines()
    assert sorted(line[66:] for line in lines) == ["a", "b"]
    assert len({line[:64] for line in lines}) == 1
