"""Patterns decide by the whole name, whatever letters it has."""

import pytest

from core.copying.patterns import Patterns


@pytest.mark.parametrize(
    ("pattern", "path", "left_out"),
    [
        ("*.log", "x.log", True),
        ("*.log", "x.log\n", False),
        ("*.log\\?", "x.log\n", False),
        ("*.log?", "x.log\n", True),
        ("/cache", "cache\n", False),
        ("**/x", "a\nb/x", True),
        ("a*b", "a\nb", True),
    ],
)
def test_a_newline_in_a_name_is_a_letter_like_others(pattern, path, left_out):
    assert Patterns([pattern]).leave_out(path, folder=False) is left_out


def test_a_name_that_ends_in_a_newline_is_not_left_out_for_the_one_without(tree, destination, backup):
    (tree / "debug.log").write_text("noise")
    (tree / "debug.log\n").write_text("precious")

    backup(exclude=["*.log"])

    assert (destination / "debug.log\n").read_text() == "precious"
    assert not (destination / "debug.log").exists()
