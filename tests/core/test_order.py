from bisect import bisect_left, bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.order import LONGEST_PIECE, Order

NUMBERS = st.integers(0, 30)
STEPS = st.lists(st.tuples(st.booleans(), NUMBERS), max_size=40)


def an_order(numbers):
    """Return an order in which "3" comes before "20"."""
    return Order(map(str, numbers), lambda number: number.zfill(9))


def key_of(number):
    return number.zfill(9), number


def test_ids_that_have_the_same_value_are_in_order_themselves():
    order = Order("cab", lambda _: "same")

    order.add("aa")
    order.remove("c")

    assert list(order) == ["a", "aa", "b"]
    assert list(order.after(("same", "a"))) == ["aa", "b"]


@given(st.sets(NUMBERS), STEPS)
def test_an_order_is_sorted_whatever_came_and_went(numbers, steps):
    order = an_order(numbers)

    for come, number in steps:
        if come and number not in numbers:
            order.add(str(number))
            numbers.add(number)
        elif not come and number in numbers:
            order.remove(str(number))
            numbers.remove(number)

    assert list(order) == [str(number) for number in sorted(numbers)]
    assert list(reversed(order)) == list(order)[::-1]
    assert len(order) == len(numbers)


@given(st.sets(NUMBERS), NUMBERS)
def test_an_order_goes_on_from_any_key(numbers, number):
    order, key = an_order(numbers), key_of(str(number))
    by_number = sorted(numbers)

    assert list(order.after(key)) == [str(one) for one in by_number[bisect_right(by_number, number) :]]
    assert list(order.before(key)) == [str(one) for one in by_number[: bisect_left(by_number, number)][::-1]]


@pytest.mark.parametrize("step", [1, -1])
def test_an_order_of_many_stays_in_pieces(step):
    count = 3 * LONGEST_PIECE
    order = an_order(range(0, count, 2))

    for number in range(1, count, 2)[::step]:
        order.add(str(number))
    for number in range(count // 2):
        order.remove(str(number))

    assert list(order) == [str(number) for number in range(count // 2, count)]
    assert list(order.before(key_of(str(count // 2 + 3)))) == [str(count // 2 + one) for one in (2, 1, 0)]
    assert list(order.after(key_of(str(count - 3)))) == [str(count - 2), str(count - 1)]
