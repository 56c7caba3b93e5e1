import contextlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from core.errors import InvalidYaml
from core.storage.yaml_text import DEEPEST, LONGEST_TEXT, MOST_NODES, places, read, write

texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=40)
scalars = (
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**64 - 1)
    | some.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = some.recursive(
    scalars,
    lambda inner: some.lists(inner, max_size=5) | some.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)
documents = some.dictionaries(texts, values, max_size=6)

WORDS = (
    "yes no on off y n Yes NO true False null Null ~ nan .nan .inf -.inf 1 -1 +1 0 014 0o14 0x1f 1_000 1e3 1.5 .5 5. "
    "12:30:00 1:20 2026-11-21 2026-11-21T07:41:18Z = << - -- --- ... ? : # & * ! | > % @ ` [ ] { } , ' \" \\"
)
MISREAD = [
    *WORDS.split(),
    "", " ", " leading", "trailing ", "a: b", "a:", "a #b", "- a", "\t", "tab\tin", "line\nbreak", "cr\rhere", "\n",
    "nul\0", "bell\a", "\x1b[31mred", "\x7f", "\x80", "\x85", "\x9f", "\xa0", "\u2028", "x \u2029y", "\ufeffmark", "\ufffe",
    "\uffff", "\u202eevil", "\U0001f600", "é", "日本語", "e\u0301", "x" * 500, "word " * 60, "!tag", "&anchor", "*alias", "%YAML",
]  # fmt: skip


@given(documents)
def test_what_is_written_is_read_back_the_same(document):
    text = write(document)

    assert read(text) == document
    assert read(text.decode()) == document


@pytest.mark.parametrize("nasty", MISREAD)
def test_a_text_that_looks_like_something_else_stays_text(nasty):
    document = {"value": nasty, nasty: "key", "list": [nasty]}

    text = write(document)

    assert read(text) == document


@pytest.mark.parametrize("nasty", MISREAD)
def test_another_tool_reads_the_same_text(nasty):
    text = write({"value": nasty, "list": [nasty, 1.0, 1e16, 1e-7, True, None]})

    assert yaml.safe_load(text) == {"value": nasty, "list": [nasty, 1.0, 1e16, 1e-7, True, None]}


def test_every_character_survives_the_way_to_the_file_and_back():
    every = [chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000]
    document = {"alone": every, "between": [f"a{character}b" for character in every]}

    text = write(document)

    assert read(text) == document
    assert not set("\x7f\x85\u2028\u2029\ufeff") & set(text.decode())


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("014", "014"), ("0o14", "0o14"), ("1_000", "1_000"),
        ("12:30:00", "12:30:00"), ("2026-11-21", "2026-11-21"), (".inf", ".inf"), ("NULL", "NULL"), ("True", "True"),
        ("=", "="), ("<<", "<<"), ("0x", "0x"), ("1e", "1e"), ("-", None), ("+", "+"), (".", "."), ("0b1", "0b1"),
        ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("0", 0), ("-7", -7), ("+7", 7), ("0x1F", 31), ("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("-1.5E-3", -0.0015),
    ],
)  # fmt: skip
def test_a_plain_word_means_one_thing(word, meaning):
    if word == "-":
        found = read("value: [~]")["value"][0]
    else:
        found = read(f"value: {word}")["value"]

    assert found == meaning
    assert type(found) is type(meaning)


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "second time"),
        ("a: {b: 1, b: 2}", 1, 11, "second time"),
        ("a: &x 1", 1, 4, "Anchors"),
        ("a: *x", 1, 4, "Aliases"),
        ("a: !!python/object/apply:os.system [id]", 1, 4, "Tags"),
        ("a: !!str 1", 1, 4, "Tags"),
        ("a: 1\n---\nb: 2", 2, 1, "second document"),
        ("a: b: c", 1, 5, "not allowed"),
        ("a: [1, 2", 2, 1, "flow sequence"),
        ("a: 'x", 1, 6, "quoted"),
        ("\ta: 1", 1, 1, "token"),
        ("ok: 1\na: x\x00y", 2, 5, "U+0000"),
        ("ok: 1\na: \x1b", 2, 4, "U+001B"),
        ("a: x\u2028y", 1, 5, "U+2028"),
        ("a: x\x85y", 1, 5, "U+0085"),
        ('a: "\\ud800"', 1, 7, "escape"),
        ("? [1]\n: 2", 1, 3, "key"),
        ("a: 1e999", 1, 4, "too large"),
        (f"a: {'9' * 500}", 1, 4, "digits"),
        (b"a: 1\nb: \xff", 2, 4, "UTF-8"),
        ("é: ".encode() + b"\x80", 1, 4, "UTF-8"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_place(text, line, column, word):
    with pytest.raises(InvalidYaml) as refused:
        read(text)

    assert word in str(refused.value)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
def test_deep_nesting_is_refused_and_the_process_lives(opening):
    text = opening * 100_000

    with pytest.raises(InvalidYaml) as refused:
        read(text)

    assert refused.value.line == 1


def test_the_limits_are_the_same_for_reading_and_writing():
    deep: list[object] = []
    for _ in range(DEEPEST - 2):
        deep = [deep]
    wide = list(range(MOST_NODES // 2))

    assert read(write({"deep": deep, "wide": wide})) == {"deep": deep, "wide": wide}
    for too_much in ({"deep": [deep]}, {"wide": [0] * MOST_NODES}, {"long": "x" * LONGEST_TEXT}):
        with pytest.raises(InvalidYaml):
            write(too_much)
    for text in (
        "[" * DEEPEST + "[" + "]" * DEEPEST + "]",
        f"[{'0,' * MOST_NODES}]",
        "#" * (LONGEST_TEXT + 1),
    ):
        with pytest.raises(InvalidYaml):
            read(text)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 10**500, b"bytes", {1: 2}, "\ud800", {"\udcff": 1}, object(), {1, 2}],
)
def test_a_value_with_no_place_in_yaml_is_refused(value):
    with pytest.raises(InvalidYaml):
        write({"value": value})


def test_a_mark_at_the_beginning_and_windows_line_ends_are_read():
    assert read("\ufeffa: 1\r\nb: two\r\n") == {"a": 1, "b": "two"}


def test_a_text_without_a_document_is_null():
    assert read("") is None
    assert read("# only a comment\n") is None


@given(documents)
def test_every_value_has_its_place(document):
    found = places(write(document))

    assert found[()][0] == 1
    assert {way for way in found if len(way) == 1} == {(key,) for key in document}


def test_places_name_the_line_and_column():
    text = "id: x\noptions:\n  source: /a\n  exclude:\n  - '*.tmp'\n  - [a, b]\n"

    found = places(text)

    assert found["options", "source"] == (3, 3)
    assert found["options", "exclude", 1, 1] == (6, 9)


@given(some.binary(max_size=300) | some.text(max_size=300))
def test_any_bytes_are_a_value_or_a_refusal(text):
    value = None
    with contextlib.suppress(InvalidYaml):
        value = read(text)

    assert value is None or isinstance(value, bool | int | float | str | list | dict)


def test_a_text_near_the_limits_is_read():
    text = "\n".join(f"key-{number}: [a, b, {'x' * 80}]" for number in range(9_900))

    value = read(text)

    assert len(value) == 9_900
