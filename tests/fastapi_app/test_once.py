"""What several parts need is worked out once."""

from fastapi_app.once import A_MOMENT, Once


class Made:
    def __init__(self):
        self.now = 0.0
        self.many = 0
        self.meanwhile = lambda: None
        self.once = Once(self.make, lambda: self.now)

    def make(self):
        self.many += 1
        self.meanwhile()
        return self.many


def test_it_is_made_once_in_a_moment():
    made = Made()

    first, second = made.once.have(), made.once.have()
    made.now += A_MOMENT + 0.1

    assert (first, second, made.once.have()) == (1, 1, 2)


def test_what_is_spoilt_is_made_anew():
    made = Made()
    made.once.have()

    made.once.spoil()

    assert (made.once.have(), made.once.have()) == (2, 2)


def test_what_is_spoilt_while_it_is_made_is_made_anew():
    made = Made()
    made.meanwhile = lambda: made.once.spoil() if made.many == 1 else None

    first = made.once.have()

    assert (first, made.once.have(), made.once.have()) == (1, 2, 2)
