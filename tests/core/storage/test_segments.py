"""The journal read back: which records count, and what is said of the others."""

import pytest

from core.storage.journal import beginning_of
from core.storage.lines import json_text, sealed, seed_of
from core.storage.records import Closed
from core.storage.segments import in_order, read_segment

STORE = "7f0c1c5e"


def segment(number, first, *ns, store=STORE, closed=None, words=""):
    """Return the text of a segment with the records of these numbers."""
    seed = seed_of(store, f"journal-{number}")
    lines = [sealed(b'{"n":%d,"t":%d,"gone_runs":["r%d%b"]}' % (n, n, n, words.encode()), seed) for n in ns]
    if closed is not None:
        lines.append(sealed(json_text(Closed(n=closed)), seed))
    return beginning_of(store, number, first, 0) + b"".join(lines)


def read(*texts, after=0, reach=0):
    segments = [read_segment(text, STORE, number) for number, text in enumerate(texts, start=1)]
    journaled = in_order(segments, after, reach)
    return [entry.record.n for _, entry in journaled.entries], [wound.problem for wound in journaled.wounds]


def flipped(text, n):
    return text.replace(b'"r%d"' % n, b'"x%d"' % n)


def test_records_come_in_order_over_all_segments():
    assert read(segment(1, 1, 1, 2, closed=2), segment(2, 3, 3, 4)) == ([1, 2, 3, 4], [])


def test_records_up_to_the_snapshot_are_left_out():
    assert read(segment(1, 1, 1, 2), segment(2, 3, 3, 4), after=3) == ([4], [])


def test_a_later_segment_voids_what_it_says_anew():
    known, problems = read(segment(1, 1, 1, 2, 3, words="!"), segment(2, 3, 3, 4))

    assert (known, problems) == ([1, 2, 3, 4], [])


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_never_counted(cut):
    known, problems = read(segment(1, 1, 1, 2)[:-cut])

    assert (known, problems) == ([1, 2] if cut == 1 else [1], [])


def test_zeros_that_a_power_cut_left_at_the_end_never_counted():
    assert read(segment(1, 1, 1, 2) + b"\0" * 4_096) == ([1, 2], [])


def test_a_torn_line_that_the_next_segment_goes_on_from_never_counted():
    assert read(segment(1, 1, 1, 2)[:-9], segment(2, 1, 1, 2)) == ([1, 2], [])
    assert read(segment(1, 1, 1, 2)[:-9], segment(2, 2, 2)) == ([1, 2], [])


def test_a_flipped_line_in_the_middle_is_named_with_what_is_missing():
    known, (problem,) = read(flipped(segment(1, 1, 1, 2, 3), 2))

    assert known == [1, 3]
    assert (problem.path, problem.line) == ("state/journal-1.yaml", 4)
    assert "Record 2 is missing" in problem.message


def test_a_flipped_line_at_the_very_end_is_named():
    known, (problem,) = read(flipped(segment(1, 1, 1, 2), 2))

    assert known == [1]
    assert "end of the journal" in problem.message


def test_bad_neighbours_count_as_one():
    text = flipped(flipped(segment(1, 1, 1, 2, 3, 4), 2), 3)

    known, (problem,) = read(text)

    assert known == [1, 4]
    assert "Lines 4 to 5" in problem.message
    assert "Records 2 to 3 are missing" in problem.message


def test_a_flipped_line_at_the_end_of_an_older_segment_is_named_with_what_is_missing():
    known, (problem,) = read(flipped(segment(1, 1, 1, 2), 2), segment(2, 3, 3))

    assert known == [1, 3]
    assert "Record 2 is missing" in problem.message


def test_a_missing_line_is_named():
    known, (problem,) = read(segment(1, 1, 1, 3))

    assert known == [1, 3]
    assert (problem.line, "Record 2 is missing" in problem.message) == (4, True)


def test_a_missing_segment_is_named():
    known, (problem,) = read(segment(1, 1, 1, 2), segment(2, 5, 5))

    assert known == [1, 2, 5]
    assert "Records 3 to 4 are missing" in problem.message


def test_a_segment_whose_records_are_all_gone_is_named():
    known, (problem,) = read(segment(1, 1, 1, 2), segment(2, 5))

    assert known == [1, 2]
    assert "Records 3 to 4 are missing" in problem.message


@pytest.mark.parametrize("reach", [{"reach": 4}, {"closed": 4}])
def test_an_end_before_what_is_known_of_is_named(reach):
    text = segment(1, 1, 1, 2, closed=reach.get("closed"))

    known, (problem,) = read(text, reach=reach.get("reach", 0))

    assert known == [1, 2]
    assert "Records 3 to 4 are missing" in problem.message


def test_lines_in_the_wrong_order_are_taken_by_their_numbers_and_named():
    known, (problem,) = read(segment(1, 1, 1, 3, 2, 4))

    assert known == [1, 2, 3, 4]
    assert "wrong order" in problem.message


def test_records_that_stand_there_twice_count_once_and_are_named():
    known, (problem,) = read(segment(1, 1, 1, 2, 3, 1, 2, 3))

    assert known == [1, 2, 3]
    assert "second time" in problem.message


def test_a_second_record_of_a_number_that_says_something_else_is_named():
    seed = seed_of(STORE, "journal-1")
    text = segment(1, 1, 1, 2) + sealed(b'{"n":2,"t":9}', seed)

    known, (problem,) = read(text)

    assert known == [1, 2]
    assert "says something else" in problem.message


def test_a_segment_of_another_store_counts_for_nothing():
    known, (problem,) = read(segment(1, 1, 1, 2), segment(2, 3, 3, 4, store="another"))

    assert known == [1, 2]
    assert problem.path == "state/journal-2.yaml"


def test_a_segment_under_another_number_counts_for_nothing():
    known, (problem,) = read(segment(1, 1, 1, 2), segment(1, 1, 1, 2))

    assert known == [1, 2]
    assert problem.path == "state/journal-2.yaml"


def test_a_segment_that_lost_its_head_is_read_all_the_same():
    text = segment(2, 3, 3, 4)

    known, (problem,) = read(segment(1, 1, 1, 2), text.replace(b'"segment":2', b'"segment":3'))

    assert known == [1, 2, 3, 4]
    assert "No record is missing" in problem.message


def test_a_segment_says_whether_whoever_appended_left_in_peace():
    assert read_segment(segment(1, 1, 1, closed=1), STORE, 1).closed
    assert not read_segment(segment(1, 1, 1), STORE, 1).closed
    assert not read_segment(segment(1, 1, 1, closed=1)[:-3], STORE, 1).closed
    assert not read_segment(segment(1, 1, 1, closed=1) + b"-", STORE, 1).closed


@pytest.mark.parametrize(
    "text",
    [b'{"n":1}', b'{"n":"1","t":1}', b'{"n":1,"t":1,"jobs":5}', b"[]", b'{"n":1,"t":1,"colour":"red"}'],
)
def test_a_line_that_is_sealed_but_no_record_is_named(text):
    known, (problem,) = read(segment(1, 1, 1) + sealed(text, seed_of(STORE, "journal-1")) + segment(1, 2, 2))

    assert known == [1, 2]
    assert "This is no record" in problem.message


def test_blank_lines_and_comments_are_no_damage():
    assert read(segment(1, 1, 1) + b"# hello\n\n") == ([1], [])


def test_a_segment_that_is_hurt_in_very_many_places_is_named_in_few_words():
    text = segment(1, 1, *range(1, 201))
    for n in range(1, 200, 2):
        text = flipped(text, n)

    known, problems = read(text)

    assert known == list(range(2, 201, 2))
    assert len(problems) == 2
    assert "Many lines from 3 to 201" in problems[0].message
