from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.breakers import FIRST_SPAN, LONGEST_SPAN, THRESHOLD, Breaker, BreakerState

NOW = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)


def an_open_breaker(now=NOW):
    breaker = Breaker()
    for run in range(THRESHOLD):
        breaker = breaker.failed(f"run-{run}", "No route to host.", now)
    return breaker


def a_probed_breaker():
    return an_open_breaker().probed("probe")


HALF = NOW + FIRST_SPAN


def test_it_opens_the_third_time_in_a_row():
    twice = Breaker().failed("one", "No route.", NOW).failed("two", "No route.", NOW)
    thrice = twice.failed("three", "No route to host.", NOW)

    assert twice.state(NOW) == BreakerState.CLOSED
    assert not twice.holds("any", NOW)
    assert thrice.state(NOW) == BreakerState.OPEN
    assert thrice.holds("any", NOW)
    assert thrice.message == "No route to host."
    assert thrice.until == NOW + timedelta(seconds=60)


def test_a_success_in_between_begins_the_count_anew():
    breaker = Breaker().failed("one", "", NOW).failed("two", "", NOW).succeeded("three")

    breaker = breaker.failed("four", "", NOW).failed("five", "", NOW)

    assert breaker.state(NOW) == BreakerState.CLOSED


def test_half_open_lets_exactly_one_through():
    breaker = an_open_breaker()
    assert breaker.state(HALF) == BreakerState.HALF_OPEN
    assert not breaker.holds("probe", HALF)

    breaker = breaker.probed("probe").probed("another")

    assert breaker.probe == "probe"
    assert not breaker.holds("probe", HALF)
    assert breaker.holds("another", HALF)


def test_a_probe_that_fails_opens_it_for_twice_as_long():
    breaker = a_probed_breaker().failed("probe", "Still no route.", HALF)

    assert breaker.state(HALF) == BreakerState.OPEN
    assert breaker.until == HALF + 2 * FIRST_SPAN
    assert breaker.probe == ""


def test_it_is_open_for_half_an_hour_at_most():
    breaker, now = an_open_breaker(), NOW
    spans = []
    for _ in range(100):
        spans.append(breaker.until - now)
        now = breaker.until
        breaker = breaker.probed("probe").failed("probe", "", now)

    minutes = [span.total_seconds() / 60 for span in spans]
    assert minutes[:7] == [1, 2, 4, 8, 16, 30, 30]
    assert max(spans) == spans[-1] == LONGEST_SPAN


def test_a_probe_that_succeeds_closes_it_and_forgets():
    breaker = a_probed_breaker().failed("probe", "", HALF).probed("probe").succeeded("probe")

    assert breaker == Breaker()
    assert breaker.mapping() is None


def test_a_probe_that_ends_without_an_answer_lets_another_one_through():
    breaker = a_probed_breaker().let_go("probe")

    assert breaker.state(HALF) == BreakerState.HALF_OPEN
    assert not breaker.holds("another", HALF)


def test_only_the_probe_lets_go():
    assert a_probed_breaker().let_go("another") == a_probed_breaker()


def test_a_failure_of_an_attempt_that_began_before_changes_no_state():
    breaker = an_open_breaker().failed("late", "Even later.", NOW + timedelta(seconds=30))
    probed = a_probed_breaker().failed("late", "Even later.", HALF)

    assert breaker.until == an_open_breaker().until
    assert probed.probe == "probe"
    assert probed.state(HALF) == BreakerState.HALF_OPEN


def test_a_closed_one_has_no_probe():
    assert Breaker().probed("any") == Breaker()


def test_a_clock_set_back_does_not_keep_it_open():
    breaker = an_open_breaker()

    assert breaker.state(NOW - timedelta(days=1)) == BreakerState.HALF_OPEN


def test_a_probe_that_fails_while_the_clock_is_set_back_opens_it_anew():
    breaker = a_probed_breaker().failed("probe", "", NOW + timedelta(seconds=1))

    assert breaker.probe == ""
    assert breaker.until == NOW + timedelta(seconds=1) + 2 * FIRST_SPAN


def test_what_is_kept_comes_back_as_it_was():
    for breaker in (Breaker(), Breaker().failed("one", "No route.", NOW), a_probed_breaker()):
        assert Breaker.of(breaker.mapping()) == breaker


def test_what_cannot_be_read_is_a_closed_one():
    assert Breaker.of({"until": "soon"}) == Breaker.of({"colour": "red"}) == Breaker.of(None) == Breaker()


moves = st.lists(
    st.tuples(
        st.sampled_from(["failed", "succeeded", "let_go", "ask"]),
        st.sampled_from(["a", "b", "c", "d"]),
        st.integers(0, 90),
    ),
    max_size=60,
)


@given(moves)
def test_whatever_happens_at_most_one_goes_through_while_it_is_not_closed(moves):
    """Runs ask before they begin, as the manager has them do; nobody tells of what never began."""
    breaker, now, begun = Breaker(), NOW, set()
    through = set()
    for move, run, seconds in moves:
        now += timedelta(seconds=seconds)
        if move == "ask":
            if run not in begun and not breaker.holds(run, now):
                if breaker.state(now) != BreakerState.CLOSED:
                    through.add(run)
                breaker = breaker.probed(run)
                begun.add(run)
        elif run in begun:
            begun.discard(run)
            through.discard(run)
            told = ("No route.", now) if move == "failed" else ()
            breaker = getattr(breaker, move)(run, *told)
        if breaker.state(now) == BreakerState.CLOSED:
            through.clear()
        assert len(through) <= 1
        assert breaker.until is None or breaker.until <= now + LONGEST_SPAN
