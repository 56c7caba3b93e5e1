"""Words that are hard to type, and found all the same."""

import pytest

from core.searching import with_term, without_key
from tests.builders import a_job
from tests.core.test_searching import found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"say ""hi"""', 'say "hi"'),
        ('""""', 'say "hi"'),
        ('-""""', "said"),
        ('tag:"a ""b"""', 'say "hi"'),
        ('tag:"a ""b""",c', 'say "hi"'),
        ("--", 'said say "hi"'),
        ('"" - "', 'said say "hi"'),
    ],
)
def test_a_quotation_mark_is_searched_for_by_writing_it_twice_in_quotes(manager, text, names):
    a_job(manager, name='say "hi"', tags=('a "b"',))
    a_job(manager, name="said")

    assert found(manager, text) == names


def test_a_choice_of_a_value_with_quotation_marks_finds_it(manager):
    for number, tag in enumerate(('a "b"', '"', 'x"y z', "two words", "back\\", "-x")):
        a_job(manager, name=f"job {number}", tags=(tag,))

        assert found(manager, with_term("", "tag", tag)) == f"job {number}"
        assert without_key(with_term("word", "tag", tag), "tag") == "word"


def test_accents_are_found_however_they_are_written(manager):
    a_job(manager, name="Cafe\u0301", tags=("E\u0301te\u0301",))

    assert [found(manager, text) for text in ("caf\u00e9", "name:CAF\u00c9", "tag:\u00e9t\u00e9")] == [
        "Cafe\u0301"
    ] * 3
