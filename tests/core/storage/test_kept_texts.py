"""The last texts of a definition: five of them, whatever came before."""

import pytest

from core.storage.folder import StoreFolder
from core.storage.kept_texts import TEXTS, KeptTexts
from tests.doubles import SettableClock

ONE = "3f2a1b4c-0000-4000-8000-000000000001"


@pytest.fixture
def kept(folder):
    folder.mkdir()
    return KeptTexts(StoreFolder(folder, SettableClock()))


def test_the_last_texts_are_kept_and_older_ones_go(kept):
    for number in range(TEXTS + 3):
        kept.keep(ONE, b"name: %d\n" % number)

    assert list(kept.texts(ONE)) == [b"name: %d\n" % number for number in (7, 6, 5, 4, 3)]


def test_a_file_is_taken_in_however_many_texts_there_are(kept, folder):
    for number in range(TEXTS + 3):
        (folder / "edited.yaml").write_bytes(b"name: %d\n" % number)
        kept.take_in(ONE, folder / "edited.yaml")

    assert next(kept.texts(ONE)) == b"name: 7\n"
    assert len(list(kept.texts(ONE))) == TEXTS


def test_a_text_that_is_the_youngest_already_is_kept_once(kept):
    kept.keep(ONE, b"name: one\n")
    kept.keep(ONE, b"name: one\n")

    assert list(kept.texts(ONE)) == [b"name: one\n"]
