"""The sign by which it is seen that both sides are one."""

import pytest

from core.clearing.apart import name_of_sign, seen_in, sign_in
from core.work import LeftAtWork
from tests.doubles import ScriptedContext


def test_a_sign_lies_there_as_long_as_it_is_looked_for_also_over_a_restart(tmp_path):
    name = name_of_sign(ScriptedContext(tmp_path))

    with sign_in(tmp_path, name) as sign:
        there = sign.exists()
    after = sign.exists()
    with pytest.raises(LeftAtWork), sign_in(tmp_path, name):
        raise LeftAtWork

    assert (there, after, sign.exists()) == (True, False, True)
    assert name == name_of_sign(ScriptedContext(tmp_path)) != name_of_sign(ScriptedContext(tmp_path).again())


def test_what_was_seen_first_counts_when_the_sign_is_gone_again(tmp_path):
    with sign_in(tmp_path, "sign"):
        first = seen_in(tmp_path, "sign", tmp_path / "note")

    assert (first, seen_in(tmp_path, "sign", tmp_path / "note")) == (True, True)
    assert not seen_in(tmp_path, "another", tmp_path / "another note")
