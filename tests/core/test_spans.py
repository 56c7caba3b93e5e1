import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import SECONDS_OF_A_CENTURY
from core.spans import exact, seconds_in, span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90 s", 90),
        ("1h30m", 5_400),
        ("1 h 30 min", 5_400),
        ("2 Days", 172_800),
        ("1 week", 604_800),
        ("1 day, 2 hours and 3 minutes", 93_780),
        ("0,5 s", 0.5),
        ("1.5 h", 5_400),
        ("0", 0),
    ],
)
def test_a_span_is_read_as_people_type_it(text, seconds):
    assert seconds_in(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "-5",
        "5 parsecs",
        "1e9",
        "nan",
        "inf",
        "1 h later",
        "and",
        "h",
        "٣ min",
        "1" * 101,
        "--",
    ],
)
def test_what_is_no_span_is_none(text):
    assert seconds_in(text) is None


@given(st.integers(0, SECONDS_OF_A_CENTURY * 1_000))
def test_an_exact_span_is_read_as_it_was_told(milliseconds):
    seconds = milliseconds / 1_000

    assert seconds_in(exact(seconds)) == pytest.approx(seconds, abs=0.0005)


def test_an_exact_span_is_as_short_as_it_can_be():
    assert [exact(one) for one in (0, 0.5, 30, 90, 5_400, 93_600)] == [
        "0 s",
        "0.5 s",
        "30 s",
        "1 min 30 s",
        "1 h 30 min",
        "1 d 2 h",
    ]
    assert span(93_600) == "1 d 2 h"
