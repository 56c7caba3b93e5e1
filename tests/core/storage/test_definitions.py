"""Definitions as people write them: read exactly, and named exactly where they are wrong."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidOptions, InvalidYaml
from core.models import OnInterrupt, Priority, frozen
from core.storage import yaml_text
from core.storage.definitions import (
    Definition,
    definition_from,
    definition_of,
    is_damage,
    plain_of,
    same,
    text_of_definition,
)
from core.storage.looking import parsed
from core.storage.plain_text import plain_text
from tests.builders import a_kept_job

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | LETTERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LETTERS, inner, max_size=3),
    max_leaves=8,
)
DEFINITIONS = st.builds(
    Definition,
    id=st.none() | st.from_regex(r"[0-9a-f]{8}-[0-9a-f]{4}", fullmatch=True),
    name=LETTERS,
    kind=LETTERS,
    options=st.dictionaries(LETTERS, VALUES, max_size=4).map(frozen),
    priority=st.sampled_from(Priority),
    on_interrupt=st.sampled_from(OnInterrupt),
    tags=st.lists(LETTERS, max_size=3).map(tuple),
    owner=LETTERS,
    enabled=st.booleans(),
)

GOOD = "name: Photos\nkind: copy\noptions:\n  source: /srv/photos\npriority: high\n"


@given(DEFINITIONS)
def test_a_definition_is_read_back_as_it_was_written(definition):
    read = definition_from(text_of_definition(definition))

    assert same(read, definition)


SIMPLE = (
    st.text('ab yN0-/._:#"\\é~', max_size=6)
    | st.sampled_from(["yes", "Null", "a" * 120])
    | st.integers(-9, 2**65)
)


@settings(max_examples=300)
@given(
    st.dictionaries(
        SIMPLE.map(str),
        SIMPLE | st.lists(SIMPLE, max_size=2) | st.dictionaries(st.text("ab", max_size=2), SIMPLE),
    )
)
def test_the_quick_way_writes_what_the_long_way_does(mapping):
    quick = plain_text(mapping)

    assert quick is None or quick == yaml_text.write(mapping)


def test_a_common_definition_goes_the_quick_way():
    job = a_kept_job(
        "3f2a1b4c-1", options={"source": "/srv/photos", "exclude": ["*.tmp"], "verify": True, "n": 5}
    )

    assert plain_text(plain_of(definition_of(job))) is not None


def test_a_definition_has_nothing_in_it_that_counts_or_tells_the_time():
    job = a_kept_job("3f2a1b4c-1", name="Photos", version=41, owner="ana")

    text = text_of_definition(definition_of(job)).decode()

    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert keys == [
        "id", "name", "kind", "options", "priority", "on_interrupt", "tags", "owner", "enabled",
    ]  # fmt: skip


def test_what_an_older_holdfast_wrote_beside_it_is_read_over():
    older = f"version: 7\ncreated_at: 2026-11-21T07:42:00Z\nupdated_at: nonsense\n{GOOD}".encode()

    assert same(definition_from(older), definition_from(GOOD.encode()))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD.replace("\n", "\r\n").encode(), id="lines end as on Windows"),
        pytest.param(b"\xef\xbb\xbf" + GOOD.encode(), id="a mark of the byte order"),
        pytest.param(b"--- # one document\n" + GOOD.encode() + b"...\n", id="marks of a document"),
        pytest.param(b'{"name": "Photos", "kind": "copy", "options": {"source": "/srv/photos"}, '
                     b'"priority": "high"}', id="JSON"),
    ],
)  # fmt: skip
def test_a_definition_may_be_laid_out_in_any_way(text):
    assert same(definition_from(text), definition_from(GOOD.encode()))


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("name: a\nkind: b\noptions:\n\tsource: /a\n", 4, 1, "A tab stands at the beginning"),
        (
            "name: a\nkind: b\npriority: urgent\n",
            3,
            1,
            "priority: 'urgent' is none of low, normal, high, critical.",
        ),
        ("name: a\nkind: b\non_interrupt: give up\n", 3, 1, "on_interrupt: 'give up' is none of resume, "),
        (f"name: a\nkind: b\npriority: {'x' * 5_000}\n", 3, 1, f"'{'x' * 80}…' is none of"),
        ("name: a\nkind: b\ntags: [one, 2]\n", 3, 13, "tags.1: Expected text, got a whole number"),
        ("name: a\nkind: b\nnmae: c\n", 3, 1, "nmae: There is no such field"),
        ("name: a\nkind: b\nname: c\n", 3, 1, "The key 'name' stands here a second time"),
        ("name: a\n", 1, 1, "The field 'kind' is missing"),
        ("name: a\nkind: !!python/name:os.system b\n", 2, 7, "Tags (!name) are not allowed"),
        ("name: &x a\nkind: *x\n", 1, 7, "Anchors (&name) are not allowed"),
        ("id: ../../etc/passwd\nname: a\nkind: b\n", 1, 1, "id: This cannot be an id"),
        ("name: a\nkind: b\noptions: [\n", 4, 1, "While parsing a flow node"),
        ("- name: a\n", 1, 1, "The definition of a job belongs here"),
        ("name: a\nkind: b\noptions: " + "[" * 40 + "]" * 40, 3, 41, "nested more than 32 levels deep"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_column(text, line, column, said):
    with pytest.raises(InvalidYaml, match=re.escape(said)) as caught:
        parsed(text.encode())

    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_text_in_another_encoding_is_an_edit_and_a_wrong_one():
    text = GOOD.encode("utf-16")

    assert not is_damage(text)
    with pytest.raises(InvalidYaml, match="not text in UTF-8"):
        definition_from(text)


@pytest.mark.parametrize(
    "text", [b"", b" \n\t\r\n", b"\x00" * 4096, b"id: 3f\nname: Pho\x00\x00\x00\x00\x00\x00\x00\x00\x00"]
)
def test_what_a_fault_leaves_is_told_from_an_edit(text):
    assert is_damage(text)
    with pytest.raises(InvalidYaml, match="Nothing readable is left"):
        definition_from(text)


def test_what_no_text_can_hold_is_refused():
    nested: list[object] = []
    for _ in range(40):
        nested = [nested]
    definition = Definition(name="a", kind="b", options={"deep": nested})

    with pytest.raises(InvalidOptions, match="nested more than 32"):
        text_of_definition(definition)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ("1", 1), ({"a": 0}, {"a": False})])
def test_values_that_python_takes_for_equal_are_told_apart(one, other):
    assert not same(one, other)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ('schedule: "0 2 * * *"', 1, 'Expected a mapping, got text; write it as in {cron: "0 2 * * *"}.'),
        ("schedule: {crn: x}", 12, "schedule.crn: There is no such field."),
        ("schedule: {cron: x, missed: never}", 21, "'never' is none of once, all, skip."),
        ("schedule: {at: 2026-12-24T18:00}", 12, "A time is written with its zone"),
        ("schedule: {at: 0001-01-01T00:00:00+10:00}", 12, "outside the years 1 to 9999"),
        ("retry: 3", 1, "write it as in {max_attempts: 3}."),
        ("retry: {max_attempts: 0}", 9, "retry.max_attempts: It must be 1 or more."),
        ("retry: {backoff: quick}", 9, "none of fixed, linear, exponential, fibonacci, decorrelated."),
        ("after: photos", 1, "Expected a list, got text; write the jobs' ids in brackets."),
        ("after_when: some", 1, "none of all_succeeded, any_ended, all_ended."),
        ("timeout: -1", 1, "timeout: It must be 0 or more."),
        ("timeout: 2h", 1, "write it in seconds."),
        ("expect: {every: 1e99}", 10, "It must be 3,155,760,000 or less."),
    ],
)
def test_a_mistake_in_what_is_wished_is_named_with_its_place(text, column, said):
    with pytest.raises(InvalidYaml) as refused:
        definition_from(f"name: a\nkind: copy\n{text}\n".encode())

    assert (refused.value.line, refused.value.column) == (3, column)
    assert said in str(refused.value)


def test_what_is_wished_by_hand_is_read_and_what_goes_without_saying_is_not_written():
    plain = definition_from(b"name: a\nkind: copy\n")
    wished = definition_from(
        b"name: a\nkind: copy\nschedule: {cron: '0 2 * * *'}\nretry: {max_attempts: 3}\nafter: [b]\n"
    )

    assert wished.schedule is not None
    assert (wished.schedule.cron, wished.retry.max_attempts, wished.after) == ("0 2 * * *", 3, ("b",))
    silent = text_of_definition(plain).decode()
    assert not [name for name in ("schedule", "retry", "after", "timeout", "groups") if name in silent]
    assert definition_from(text_of_definition(wished)) == wished


def test_the_same_moment_in_two_zones_is_no_change():
    one = definition_from(b"name: a\nkind: copy\nschedule: {at: 2026-12-24T18:00:00+01:00}\n")
    other = definition_from(b"name: a\nkind: copy\nschedule: {at: 2026-12-24T17:00:00Z}\n")

    assert same(one, other)
    assert text_of_definition(one) == text_of_definition(other)
