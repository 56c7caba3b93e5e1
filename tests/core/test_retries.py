import random
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import MOST_ATTEMPTS, SECONDS_OF_A_CENTURY, Backoff, Retry
from core.retries import drawn, promised, wait_after

spans = st.floats(0, SECONDS_OF_A_CENTURY)
attempts = st.integers(1, MOST_ATTEMPTS - 1)
formulas = st.sampled_from([backoff for backoff in Backoff if backoff != Backoff.DECORRELATED])
FIRST_FIBONACCI = (1, 1, 2, 3, 5, 8, 13, 21, 34, 55)


def a_retry(**fields):
    return Retry(**{"max_attempts": MOST_ATTEMPTS, "longest_wait": SECONDS_OF_A_CENTURY} | fields)


def highest(_least, most):
    return most


def lowest(least, _most):
    return least


def forbidden(_least, _most):
    raise AssertionError


def wait(retry, attempt, previous=0.0, draw=forbidden):
    found = wait_after(retry, attempt, previous, draw)
    assert found is not None
    return found


def waits(retry, many, draw=forbidden):
    found = [0.0]
    for attempt in range(1, many + 1):
        found.append(wait(retry, attempt, found[-1], draw))
    return found[1:]


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (Backoff.FIXED, [10.0, 10.0, 10.0, 10.0, 10.0, 10.0]),
        (Backoff.LINEAR, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
        (Backoff.EXPONENTIAL, [10.0, 20.0, 40.0, 80.0, 160.0, 320.0]),
        (Backoff.FIBONACCI, [10.0, 10.0, 20.0, 30.0, 50.0, 80.0]),
    ],
)
def test_each_formula_gives_the_waits_it_promises(backoff, expected):
    retry = a_retry(backoff=backoff, wait=10.0, max_attempts=7)

    assert waits(retry, 6) == expected
    assert list(promised(retry)) == expected
    assert not drawn(retry)


@given(spans, spans, attempts)
def test_formulas_hold_up_to_the_longest_wait(first, longest, attempt):
    def after(backoff):
        return wait(a_retry(backoff=backoff, wait=first, longest_wait=longest), attempt)

    assert after(Backoff.FIXED) == min(longest, first)
    assert after(Backoff.LINEAR) == min(longest, first * attempt)
    assert after(Backoff.EXPONENTIAL) == min(longest, first * 2 ** (attempt - 1))


@given(spans, spans, st.integers(3, MOST_ATTEMPTS - 1))
def test_a_fibonacci_wait_is_the_sum_of_the_two_before_it(first, longest, attempt):
    retry = a_retry(backoff=Backoff.FIBONACCI, wait=first)
    capped = a_retry(backoff=Backoff.FIBONACCI, wait=first, longest_wait=longest)

    found = waits(capped, len(FIRST_FIBONACCI))

    uncapped = [first * factor for factor in FIRST_FIBONACCI]
    assert found == [min(longest, one) for one in uncapped]
    before, this, after = (wait(retry, one) for one in (attempt - 2, attempt - 1, attempt))
    assert after == pytest.approx(min(SECONDS_OF_A_CENTURY, before + this))


@given(formulas, spans, spans, attempts, st.randoms(use_true_random=False))
def test_full_jitter_draws_between_nothing_and_the_formula(backoff, first, longest, attempt, source):
    plain = a_retry(backoff=backoff, wait=first, longest_wait=longest)
    jittered = a_retry(backoff=backoff, wait=first, longest_wait=longest, jitter=True)

    most = wait(plain, attempt)

    assert wait(jittered, attempt, 0.0, highest) == most
    assert wait(jittered, attempt, 0.0, lowest) == 0.0
    assert 0.0 <= wait(jittered, attempt, 0.0, source.uniform) <= most


@given(spans, spans, spans, attempts, st.randoms(use_true_random=False))
def test_a_decorrelated_wait_is_drawn_up_to_three_times_the_one_before(
    first, longest, previous, attempt, source
):
    retry = a_retry(backoff=Backoff.DECORRELATED, wait=first, longest_wait=longest)

    assert wait(retry, attempt, previous, lowest) == min(longest, first)
    assert wait(retry, attempt, previous, highest) == min(longest, 3 * max(previous, first))
    assert wait(retry, attempt, previous, source.uniform) <= longest


@given(spans, spans, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_two_that_wait_decorrelated_share_nothing(first, longest, source):
    retry = a_retry(backoff=Backoff.DECORRELATED, wait=first, longest_wait=longest)
    seed = source.random()

    alone = waits(retry, 20, random.Random(seed).uniform)
    one, other = random.Random(seed), random.Random(source.random())
    beside = []
    for attempt in range(1, 21):
        beside.append(wait(retry, attempt, beside[-1] if beside else 0.0, one.uniform))
        wait_after(retry, attempt, longest, other.uniform)

    assert beside == alone


@given(st.sampled_from(list(Backoff)), st.booleans(), spans, spans)
def test_no_wait_of_a_hundred_attempts_is_too_large_to_count(backoff, jitter, first, longest):
    retry = a_retry(backoff=backoff, jitter=jitter, wait=first, longest_wait=longest)

    found = waits(retry, MOST_ATTEMPTS - 1, highest)

    assert all(isfinite(one) and 0 <= one <= longest for one in found)
    assert list(promised(retry)) == pytest.approx(found)


@given(st.sampled_from(list(Backoff)), st.integers(1, MOST_ATTEMPTS), st.integers(0, 1_000))
def test_after_the_last_attempt_there_is_no_other(backoff, most, more):
    retry = a_retry(backoff=backoff, max_attempts=most)

    assert wait_after(retry, most + more, 0.0, forbidden) is None
    assert len(promised(retry)) == most - 1


@pytest.mark.parametrize(("backoff", "jitter"), [(Backoff.DECORRELATED, False), (Backoff.FIXED, True)])
def test_waits_that_are_drawn_promise_no_more_than_their_longest(backoff, jitter):
    retry = a_retry(backoff=backoff, jitter=jitter, wait=10.0, longest_wait=60.0, max_attempts=5)

    assert drawn(retry)
    assert list(promised(retry)) == waits(retry, 4, highest)
