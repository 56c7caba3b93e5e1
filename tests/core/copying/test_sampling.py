"""The size of a sample is the smallest that proves the claim."""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.copying.sampling import draw, fewest_bad, sample_size, sentence


def chance_unnoticed(files, bad, sample):
    """Count: of all samples of that size, the share in which there is no bad file."""
    drawn = list(combinations(range(files), sample))
    return Fraction(sum(all(file >= bad for file in one) for one in drawn), len(drawn))


@pytest.mark.parametrize(("files", "size"), [(0, 0), (1, 1), (20, 19), (1_000, 238), (10_000_000, 299)])
def test_a_sample_is_as_large_as_the_formula_says(files, size):
    assert sample_size(files, 0.95, 0.99) == size


@given(
    files=st.integers(min_value=1, max_value=11),
    confidence=st.sampled_from([0.5, 0.8, 0.9, 0.95]),
    good_share=st.sampled_from([0.5, 0.7, 0.9]),
)
def test_no_smaller_sample_would_do(files, confidence, good_share):
    size = sample_size(files, confidence, good_share)

    bad = fewest_bad(files, good_share)
    limit = 1 - Fraction(str(confidence))
    assert chance_unnoticed(files, bad, size) <= limit
    assert chance_unnoticed(files, bad, size - 1) > limit


@given(files=st.integers(min_value=1, max_value=500), seed=st.integers(min_value=1, max_value=2**53))
def test_a_drawing_can_be_repeated(files, seed):
    size = sample_size(files, 0.95, 0.9)

    places = draw(files, size, seed)

    assert places == draw(files, size, seed)
    assert len(set(places)) == size
    assert all(0 <= place < files for place in places)


def test_a_sample_of_everything_is_said_to_be_everything():
    assert sentence(7, 7, 0.95, 0.99) == "All 7 files were read back and are good."
