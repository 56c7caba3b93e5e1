"""What the system's refusals mean."""

import errno

import pytest

from core.storage.atomic import storage_error


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOENT, "It failed: the folder is gone; is its disk still there?"),
        (errno.EEXIST, "It failed: a file exists under that name."),
        (errno.EIO, "It failed: the disk reports an error."),
    ],
)
def test_a_refusal_of_the_system_is_told_in_a_sentence_that_ends_once(number, told):
    assert str(storage_error("It failed", OSError(number, "odd"))) == told
