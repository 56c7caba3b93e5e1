"""What each person wants of the pages: kept whole, or as it was."""

import pytest

from core.errors import InvalidOptions
from core.preferences import AS_GIVEN, MOST_VIEWS, PERSON, PreferenceBook, SavedView

LATE = SavedView(name="Late at night", address="/jobs?q=late&sort=-last-run")


@pytest.fixture
def book(manager):
    return PreferenceBook(lambda: manager)


def test_a_person_who_said_nothing_has_what_everybody_is_given(book):
    assert book.of("ada") == AS_GIVEN
    assert (AS_GIVEN.theme, AS_GIVEN.density, AS_GIVEN.shortcuts) == ("auto", "comfortable", True)


def test_what_somebody_wants_is_theirs_alone_and_stays(book, manager):
    book.set("Ada", theme="dark")
    book.set("ada", density="compact", shortcuts=False)

    other = PreferenceBook(lambda: manager)

    assert other.of("ADA").theme == "dark"
    assert other.of("ada").density == "compact"
    assert not other.of("ada").shortcuts
    assert other.of("grace") == AS_GIVEN


def test_views_are_kept_in_their_order_with_the_one_to_begin_with(book):
    mine = SavedView(name="Mine", address="/jobs?q=owner:ada")

    kept = book.set("ada", views=(LATE, mine), default_view="Mine")

    assert book.of("ada") == kept
    assert kept.views == (LATE, mine)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"theme": "pink"}, "theme"),
        ({"density": "none"}, "density"),
        ({"default_view": "Nobody's"}, "default_view"),
        ({"shortcuts": "perhaps"}, "preferences"),
        ({"colour": "pink"}, "preferences"),
        ({"views": (LATE, SavedView(name="late AT night", address="/jobs"))}, "views"),
        ({"views": tuple(SavedView(name=f"{n}", address="/jobs") for n in range(MOST_VIEWS + 1))}, "views"),
        ({"views": (SavedView(name=" ", address="/jobs"),)}, "views"),
        ({"views": (SavedView(name="a" * 61, address="/jobs"),)}, "views"),
        ({"views": (SavedView(name="Away", address="//elsewhere.example/jobs"),)}, "views"),
        ({"views": (SavedView(name="Away", address="/\\elsewhere.example"),)}, "views"),
        ({"views": (SavedView(name="Away", address="javascript:alert(1)"),)}, "views"),
        ({"views": (SavedView(name="Long", address="/" + "a" * 2_000),)}, "views"),
    ],
)
def test_what_nobody_may_want_changes_nothing(book, changes, field):
    book.set("ada", theme="dark", views=(LATE,))

    with pytest.raises(InvalidOptions) as refused:
        book.set("ada", **{"shortcuts": False} | changes)

    assert field in refused.value.problems
    assert book.of("ada").shortcuts
    assert book.of("ada").views == (LATE,)


def test_who_wants_what_everybody_is_given_takes_no_room(book, manager):
    book.set("ada", theme="dark")

    book.set("ada", theme="auto")

    assert manager.registers(PERSON) == {}


def test_who_is_gone_is_forgotten(book):
    book.set("ada", theme="dark")

    book.forget("Ada")

    assert book.of("ada") == AS_GIVEN


def test_a_register_that_cannot_be_understood_keeps_nobody_from_their_pages(book, manager):
    manager.set_register(PERSON + "ada", {"theme": 7})

    assert book.of("ada") == AS_GIVEN
