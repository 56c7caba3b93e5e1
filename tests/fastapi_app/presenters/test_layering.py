import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_app.presenters.layering import HEIGHT, WIDTH, laid_out

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}

graphs = st.integers(1, 25).flatmap(
    lambda many: st.tuples(
        *(
            st.lists(st.sampled_from([str(one) for one in range(max(number, 1))]), max_size=3)
            for number in range(many)
        )
    ).map(
        lambda parents: {
            str(number): tuple(one for one in found if one != str(number))
            for number, found in enumerate(parents)
        }
    )
)


def test_each_level_has_a_column_and_those_beside_each_other_do_not_touch():
    layout = laid_out(DIAMOND, tuple(DIAMOND))

    (ax, ay), (bx, by), (cx, cy), (dx, dy) = (layout.places[one] for one in "abcd")
    assert ax + WIDTH < bx == cx < dx - WIDTH
    assert abs(by - cy) > HEIGHT
    assert ay == dy
    assert len(layout.ways) == 4


def test_a_way_that_passes_a_level_goes_round_the_jobs_in_it():
    after = DIAMOND | {"d": ("a", "b", "c")}

    layout = laid_out(after, tuple(after))

    long_way = max(layout.ways, key=len)
    passed = {y for x, y in long_way[1:-1]}
    for one in "bc":
        top = layout.places[one][1]
        assert not any(top <= y <= top + HEIGHT for y in passed)


def test_a_diamond_is_drawn_without_crossing():
    after = {"a": (), "b": (), "x": ("b",), "y": ("a",)}

    layout = laid_out(after, ("a", "b", "x", "y"))

    assert layout.places["x"][1] == layout.places["b"][1]
    assert layout.places["y"][1] == layout.places["a"][1]


def test_jobs_in_a_circle_are_drawn_all_the_same():
    layout = laid_out({"a": ("b",), "b": ("a",), "c": ("c",)}, ("a", "b", "c"))

    assert len(set(layout.places.values())) == 3


def test_ways_to_jobs_that_are_not_drawn_are_left_out():
    layout = laid_out(DIAMOND, ("b", "d"))

    assert len(layout.ways) == 1


@given(graphs)
@settings(max_examples=100, deadline=None)
def test_whatever_the_graph_no_two_jobs_overlap_and_all_are_inside(after):
    layout = laid_out(after, tuple(after))

    for (x, y), (other_x, other_y) in itertools.combinations(layout.places.values(), 2):
        assert abs(x - other_x) >= WIDTH or abs(y - other_y) >= HEIGHT
    assert all(0 <= x <= layout.width - WIDTH for x, _ in layout.places.values())
    assert all(0 <= y <= layout.height - HEIGHT for _, y in layout.places.values())
    for way in layout.ways:
        assert all(x <= next_x for (x, _), (next_x, _) in itertools.pairwise(way))
