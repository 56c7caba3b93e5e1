"""Who may not give a file its owner does not give it the power to act as one."""

import os
import stat

import pytest

from core.copying.attributes import Attributes, Who

SOMEBODY = Who(user=54321, group=54321, groups=frozenset({54321}))
OURS = Who(user=os.geteuid() or 54321, group=os.getegid(), groups=frozenset({os.getegid()}))


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o6755)
    return path


def test_a_program_that_runs_as_its_owner_does_not_run_as_who_copied_it(program):
    mode = Attributes(SOMEBODY).mode_for(program.stat())

    assert mode == 0o755


def test_a_program_of_the_own_group_keeps_acting_for_it(program):
    mode = Attributes(OURS).mode_for(program.stat())

    assert mode & stat.S_ISGID


def test_attributes_the_source_does_not_have_are_taken_away(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.touch()
    there.touch()
    os.setxattr(here, "user.colour", b"blue")
    os.setxattr(there, "user.mood", b"bad")
    source, destination = os.open(here, os.O_RDONLY), os.open(there, os.O_RDONLY)

    Attributes().carry(source, destination, here.stat(), fresh=False)

    os.close(source)
    os.close(destination)
    assert os.listxattr(there) == ["user.colour"]
    assert here.stat().st_mtime_ns == there.stat().st_mtime_ns


def test_an_extended_attribute_alone_is_carried_by_comparing_content(tree, destination, backup):
    backup()
    os.setxattr(tree / "notes.txt", "user.colour", b"green")

    backup()
    by_time = os.listxattr(destination / "notes.txt")
    backup(compare="content")

    assert by_time == []
    assert os.getxattr(destination / "notes.txt", "user.colour") == b"green"
