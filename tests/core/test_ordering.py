from hypothesis import given, settings
from hypothesis import strategies as st

from core.ordering import above, below, children, circle, levels, reach, unknown

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
LONG = 10_000

graphs = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghxy"), max_size=4).map(tuple), min_size=1
)


def a_chain(length=LONG):
    return {"0": ()} | {str(one): (str(one - 1),) for one in range(1, length)}


def is_circle(after, found):
    following = (*found[1:], found[0])
    return all(parent in after[child] for child, parent in zip(found, following, strict=True))


def test_a_circle_is_named_in_order():
    after = {"a": ("c",), "b": ("a",), "c": ("b",), "other": ("a",)}

    assert circle(after, "a") == ("a", "c", "b")
    assert circle(after, "b") == ("b", "a", "c")
    assert circle(after, "other") is None


def test_of_two_circles_the_shorter_is_named():
    after = {"a": ("b", "z"), "b": ("c",), "c": ("a",), "z": ("a",)}

    assert circle(after, "a") == ("a", "z")


def test_a_job_that_comes_after_itself_is_alone_in_its_circle():
    assert circle({"a": ("a",)}, "a") == ("a",)


def test_what_is_no_job_is_told_apart_from_a_circle():
    after = {"a": ("gone", "b", "lost"), "b": ()}

    assert unknown(after, "a") == ("gone", "lost")
    assert circle(after, "a") is None


def test_what_comes_before_and_after_a_job_is_told_nearest_first():
    assert above(DIAMOND, "d") == ("b", "c", "a")
    assert below(DIAMOND, "a") == ("b", "c", "d")
    assert children(DIAMOND) == {"a": ("b", "c"), "b": ("d",), "c": ("d",)}
    assert above(DIAMOND, "a") == below(DIAMOND, "d") == ()


def test_a_parent_named_twice_counts_once():
    assert children({"a": (), "b": ("a", "a")}) == {"a": ("b",)}


def test_levels_are_in_an_order_in_which_jobs_may_be_carried_out():
    after = DIAMOND | {"e": ("a", "d"), "alone": ()}

    found = levels(after, after)

    assert found == {"a": 0, "alone": 0, "b": 1, "c": 1, "d": 2, "e": 3}
    assert all(found[parent] < found[child] for child, parents in after.items() for parent in parents)


def test_only_the_jobs_asked_for_have_levels():
    assert levels(DIAMOND, {"b", "d"}) == {"b": 0, "d": 1}


def test_what_is_in_a_circle_comes_last():
    assert levels({"a": (), "b": ("a", "c"), "c": ("b",)}, ("a", "b", "c")) == {"a": 0, "b": 1, "c": 1}


def test_ten_thousand_jobs_one_after_the_other_are_not_too_deep():
    after = a_chain()
    closed = after | {"0": (str(LONG - 1),)}

    assert len(below(after, "0")) == len(above(after, str(LONG - 1))) == LONG - 1
    assert levels(after, after)[str(LONG - 1)] == LONG - 1
    assert circle(after, "0") is None
    assert len(circle(closed, "0") or ()) == LONG


@given(graphs)
@settings(max_examples=200, deadline=None)
def test_a_circle_is_found_exactly_where_a_job_is_above_itself(after):
    for job_id in after:
        found = circle(after, job_id)

        above_its_parents = {one for parent in after[job_id] for one in (parent, *reach(after, parent))}
        assert (found is not None) == (job_id in above_its_parents)
        if found is not None:
            assert found[0] == job_id
            assert len(set(found)) == len(found)
            assert is_circle(after, found)


@given(graphs)
@settings(max_examples=200, deadline=None)
def test_above_and_below_are_the_same_seen_from_two_sides(after):
    for job_id in after:
        for other in above(after, job_id):
            assert job_id in below(after, other)
        assert set(levels(after, after)) == set(after)
