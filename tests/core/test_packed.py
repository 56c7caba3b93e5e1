import copy
import json
import math
import pickle
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.packed import NOTHING, Headings, Packed, frozen, thawed

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXT
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
MAPPINGS = st.dictionaries(TEXT, VALUES, max_size=6)

OPTIONS = {"source": "/a", "exclude": ["*.tmp", {"deep": [1]}], "limit": None, "retries": {"max": 3}}


@given(MAPPINGS)
def test_a_packed_mapping_gives_back_what_it_was_given(plain):
    kept = frozen(plain)

    assert isinstance(kept, Packed)
    assert thawed(kept) == plain == json.loads(kept.json)
    assert (list(kept), len(kept)) == (list(plain), len(plain))
    assert {**kept} == dict(kept.items()) == {key: kept[key] for key in plain}


@given(MAPPINGS, MAPPINGS)
def test_packed_mappings_are_equal_when_their_items_are(one, other):
    same = frozen(dict(reversed(one.items())))

    assert frozen(one) == same
    assert (frozen(one) == frozen(other)) == (one == other)


def test_a_packed_mapping_is_a_mapping_that_cannot_be_changed():
    kept = frozen(OPTIONS)

    for change in (
        lambda: kept.update(source="/b"),
        lambda: kept.__setitem__("source", "/b"),
        lambda: setattr(kept, "source", "/b"),
        lambda: kept["retries"].update(max=4),
        lambda: kept["exclude"].append("/b"),
        lambda: kept["exclude"][1].pop("deep"),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change()

    assert isinstance(kept, Mapping)
    assert kept == {
        "source": "/a",
        "exclude": ("*.tmp", {"deep": (1,)}),
        "limit": None,
        "retries": {"max": 3},
    }


def test_a_packed_mapping_answers_as_a_dict_does():
    kept = frozen(OPTIONS)

    assert ("source" in kept, "other" in kept, kept.get("other", 7)) == (True, False, 7)
    assert (bool(kept), bool(NOTHING), len(NOTHING)) == (True, False, 0)
    assert list(kept.keys()) == list(OPTIONS)
    assert list(kept.values()) == [kept[key] for key in OPTIONS]
    assert repr(frozen({"limit": 3})) == str(frozen({"limit": 3})) == "{'limit': 3}"
    with pytest.raises(KeyError, match="other"):
        kept["other"]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda kept: pickle.loads(pickle.dumps(kept))])
def test_a_packed_mapping_can_be_copied(again):
    assert again(frozen(OPTIONS)) == frozen(OPTIONS)


def test_mappings_that_say_the_same_in_few_words_are_one_object():
    assert frozen({}) is NOTHING
    assert frozen({"stage": "verify"}) is frozen({"stage": "verify"})


@given(st.lists(TEXT.map(lambda text: text * 100), min_size=2, max_size=5))
def test_long_mappings_give_back_what_they_were_given(texts):
    for text in texts:
        plain = {"sentence": f"All 1,234 files were read back. {text}", "count": len(text)}

        kept = frozen(plain)

        assert thawed(kept) == plain == json.loads(kept.json)
        assert (kept["count"], len(kept), list(kept)) == (len(text), 2, ["sentence", "count"])


def test_long_mappings_that_say_much_the_same_are_small():
    sentence = "All {0} files were read back from the destination and match what was read: {0} of {0}. "
    said = [sentence.format(number) * 4 for number in range(3)]

    kept = [frozen({"said_of_this_only": text}) for text in said]

    assert sys.getsizeof(kept[2]) < len(said[2]) / 2
    assert [one["said_of_this_only"] for one in kept] == said
    assert kept[1] != kept[2] == frozen({"said_of_this_only": said[2]})


def test_freezing_what_is_frozen_costs_nothing():
    kept = frozen({"source": "x" * 200})

    assert frozen(kept) is kept


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", b"bytes", {1, 2}, [math.nan]])
def test_what_json_would_change_stays_as_it_is(value):
    kept = frozen({"value": value})

    with pytest.raises(TypeError):
        kept["value"] = 1
    assert not isinstance(kept, Packed)
    assert repr(kept["value"]) in {repr(value), repr(frozen(value))}


def test_keys_stand_for_themselves_when_too_many_are_in_use():
    headings = Headings(most=1)
    first, second = ("one", 'two "and" 100 %'), ("\n", "three")

    marks = [headings.mark_of(first), headings.mark_of(second), headings.mark_of(first)]

    assert marks[0] == marks[2] != marks[1]
    assert [tuple(headings.behind(mark).places) for mark in marks] == [first, second, first]
    assert not any(b"\n" in mark for mark in marks)


@given(MAPPINGS, TEXT)
def test_a_word_that_is_in_a_text_may_be_held(plain, word):
    kept = frozen(plain | {"text": f"before {word} after"})

    assert all(kept.may_hold(part) for part in word.casefold().split())


def test_a_word_that_is_in_no_text_is_not_held():
    assert not frozen({"source": "/home/ana"}).may_hold("berta")


def test_ids_as_keys_take_no_room_from_names():
    headings = Headings(most=2)

    marks = [headings.mark_of((f"{number:08}-4d2e",)) for number in range(9)]

    assert headings.mark_of(("source", "target")) == b"0"
    assert [list(headings.behind(mark).places) for mark in marks] == [[f"{n:08}-4d2e"] for n in range(9)]
