"""YAML text and plain values, each read back as what was written, by us and by any other tool.

What is read is YAML without its traps: `true`, `false`, `null`, decimal and `0x` whole numbers and
fractions have a meaning, every other plain word is text (`no`, `2026-11-21`, `12:30:00`, `014`).
Keys are always text. Tags, anchors, aliases, repeated keys and several documents are refused, and
so is what is too big or too deep. The text is taken as a stream of events and never composed into
nodes: the C composer is recursive, and thirty kilobytes of brackets end the process.
"""

import math
import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import yaml

from core.errors import InvalidYaml

LONGEST_TEXT: Final = 1_000_000
DEEPEST: Final = 32
MOST_NODES: Final = 50_000
LONGEST_NUMBER: Final = 400
LEAST_WHOLE: Final = -(2**63)
MOST_WHOLE: Final = 2**64 - 1
"""Beyond these no answer in JSON can be given, neither for the value nor for a list that it is in."""

LONGEST_PLAIN: Final = 100
"""Longer text is quoted, so that no reader folds it."""

Place = tuple[int, int]
"""Line and column, counted from 1."""

Path = tuple[str | int, ...]
"""The keys and positions that lead to a value."""

CONSTANTS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}
WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
FRACTION = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)\Z",
)
HIDDEN_BREAKS = re.compile("[\x85\u2028\u2029]")

PLAIN = re.compile(r"[^\W\d_][^\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]*\Z")
"""Begins with a letter, so that no reader sees a number, a date or a sign in it."""
WORDS_WITH_A_MEANING: Final = frozenset(
    {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"},
)
UNWRITABLE = re.compile("[\ud800-\udfff]")


def read(text: str | bytes) -> Any:  # noqa: ANN401 - any plain value
    """Return the plain value that the text stands for; raises InvalidYaml."""
    return _Reading(_decoded(text)).value()


def places(text: str | bytes) -> dict[Path, Place]:
    """Return where each value of a readable text begins (for a mapping's item: where its key does)."""
    found: dict[Path, Place] = {}
    _Reading(_decoded(text), found).value()
    return found


def write(value: Mapping[str, Any] | list[Any]) -> bytes:
    """Return the text for a plain value, in the order it has; raises InvalidYaml.

    Whatever `read` would refuse or read as something else is refused here.
    """
    stream = BytesIO()
    emitter = yaml.CDumper(stream, allow_unicode=True, encoding="utf-8", width=-1, default_flow_style=False)
    try:
        emitter.emit(yaml.StreamStartEvent(encoding="utf-8"))
        emitter.emit(yaml.DocumentStartEvent(explicit=False))
        for count, event in enumerate(_events(value, 1), start=1):
            if count > MOST_NODES:
                raise InvalidYaml(f"It holds more than {MOST_NODES:,} values.")
            emitter.emit(event)
        emitter.emit(yaml.DocumentEndEvent(explicit=False))
        emitter.emit(yaml.StreamEndEvent())
    finally:
        emitter.dispose()
    text = stream.getvalue()
    if len(text) > LONGEST_TEXT:
        raise InvalidYaml(f"It is longer than {LONGEST_TEXT:,} bytes.")
    return text


def _decoded(text: str | bytes) -> str:
    if len(text) > LONGEST_TEXT:
        raise InvalidYaml(f"It is longer than {LONGEST_TEXT:,} bytes.")
    if isinstance(text, bytes):
        text = _from_utf_8(text)
    if hidden := HIDDEN_BREAKS.search(text) or UNWRITABLE.search(text):
        raise InvalidYaml(
            f"The character U+{ord(hidden[0]):04X} stands there as itself; write it as an escape.",
            **_place_of(text, hidden.start()),
        )
    return text.removeprefix("\ufeff")


def _from_utf_8(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        before = text[: error.start].decode()
        place = _place_of(before, len(before))
        raise InvalidYaml("It is not text in UTF-8.", **place) from None


def _place_of(text: str, index: int) -> dict[str, int]:
    before = text[:index]
    return {"line": before.count("\n") + 1, "column": index - before.rfind("\n")}


class _Mapping:
    """A mapping half read: the next scalar is a key when `key` is None."""

    __slots__ = ("key", "value")

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}
        self.key: str | None = None


class _Reading:
    """One text on its way to a value: a stack of the collections that are still open."""

    def __init__(self, text: str, found: dict[Path, Place] | None = None) -> None:
        self._text = text
        self._found = found
        self._stack: list[_Mapping | list[Any]] = []
        self._root: Any = None
        self._nodes = 0
        self._documents = 0

    def value(self) -> Any:  # noqa: ANN401 - any plain value
        for event in self._parsed():
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._count(event)
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._count(event)
                self._open(event, _Mapping() if kind is yaml.MappingStartEvent else [])
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._stack.pop()
            elif kind is yaml.AliasEvent:
                raise _at(event, "Aliases (*name) are not allowed.")
            elif kind is yaml.DocumentStartEvent:
                self._documents += 1
                if self._documents > 1:
                    raise _at(event, "A second document begins here; one is allowed.")
        return self._root

    def _parsed(self) -> Iterator[Any]:
        parser = yaml.CLoader(self._text)
        try:
            while (event := parser.get_event()) is not None:
                yield event
        except yaml.reader.ReaderError as error:
            raise InvalidYaml(
                f"The character U+{ord(error.character):04X} is not allowed."
                if isinstance(error.character, str)
                else f"The character U+{error.character:04X} is not allowed.",
                **_place_of(self._text, error.position),
            ) from None
        except yaml.MarkedYAMLError as error:
            problem = ", ".join(part for part in (error.context, error.problem) if part)
            mark = error.problem_mark or error.context_mark
            raise InvalidYaml(
                f"{problem[:1].upper()}{problem[1:]}.",
                line=mark.line + 1 if mark else None,
                column=mark.column + 1 if mark else None,
            ) from None
        finally:
            parser.dispose()

    def _count(self, event: Any) -> None:  # noqa: ANN401 - the parser's events have no types
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise _at(event, f"It holds more than {MOST_NODES:,} values.")
        if event.anchor is not None:
            raise _at(event, "Anchors (&name) are not allowed.")
        if event.tag is not None:
            raise _at(event, "Tags (!name) are not allowed.")

    def _open(self, event: Any, opened: _Mapping | list[Any]) -> None:  # noqa: ANN401
        if len(self._stack) >= DEEPEST:
            raise _at(event, f"It is nested more than {DEEPEST} levels deep.")
        top = self._stack[-1] if self._stack else None
        if isinstance(top, _Mapping) and top.key is None:
            raise _at(event, "A key must be a single word or text.")
        self._put(opened.value if isinstance(opened, _Mapping) else opened, event)
        self._stack.append(opened)

    def _scalar(self, event: Any) -> None:  # noqa: ANN401
        top = self._stack[-1] if self._stack else None
        if isinstance(top, _Mapping) and top.key is None:
            if event.value in top.value:
                raise _at(event, f"The key {event.value[:80]!r} stands here a second time.")
            top.key = event.value
            self._note(event, [*self._way(), event.value])
            return
        plain = event.implicit[0]
        self._put(_meaning(event) if plain else event.value, event)

    def _put(self, value: Any, event: Any) -> None:  # noqa: ANN401
        top = self._stack[-1] if self._stack else None
        if top is None:
            self._root = value
            self._note(event, [])
        elif isinstance(top, list):
            self._note(event, [*self._way(), len(top)])
            top.append(value)
        else:
            top.value[str(top.key)] = value
            top.key = None

    def _way(self) -> list[str | int]:
        if self._found is None:
            return []
        return [
            len(collection) - 1 if isinstance(collection, list) else next(reversed(collection.value))
            for collection in self._stack[:-1]
        ]

    def _note(self, event: Any, way: list[str | int]) -> None:  # noqa: ANN401
        if self._found is not None:
            mark = event.start_mark
            self._found[tuple(way)] = (mark.line + 1, mark.column + 1)


def _at(event: Any, problem: str) -> InvalidYaml:  # noqa: ANN401
    mark = event.start_mark
    return InvalidYaml(problem, line=mark.line + 1, column=mark.column + 1)


def _meaning(event: Any) -> Any:  # noqa: ANN401
    """Return what a plain word stands for."""
    word: str = event.value
    if word in CONSTANTS:
        return CONSTANTS[word]
    if word[0] not in "+-.0123456789":
        return word
    whole = WHOLE.match(word)
    if whole or HEXADECIMAL.match(word):
        _refuse_long(event)
        return _in_range(event, int(word) if whole else int(word, 16))
    if FRACTION.match(word):
        _refuse_long(event)
        return _finite(event, float(word))
    return word


def _refuse_long(event: Any) -> None:  # noqa: ANN401
    if len(event.value) > LONGEST_NUMBER:
        raise _at(event, f"A number may have at most {LONGEST_NUMBER} digits.")


def _in_range(event: Any, number: int) -> int:  # noqa: ANN401
    if not LEAST_WHOLE <= number <= MOST_WHOLE:
        raise _at(event, "A whole number may have at most 64 bits.")
    return number


def _finite(event: Any, number: float) -> float:  # noqa: ANN401
    if math.isinf(number):
        raise _at(event, "This number is too large.")
    return number


def _events(value: Any, depth: int) -> Iterator[Any]:  # noqa: ANN401 - any plain value
    if isinstance(value, Mapping):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=not value)
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidYaml(f"A key is {key!r}, which is not text.")
            yield _text_event(key)
            yield from _nested(item, depth)
        yield yaml.MappingEndEvent()
    elif isinstance(value, list | tuple):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=not value)
        for item in value:
            yield from _nested(item, depth)
        yield yaml.SequenceEndEvent()
    else:
        yield _scalar_event(value)


def _nested(value: Any, depth: int) -> Iterator[Any]:  # noqa: ANN401
    if depth >= DEEPEST and isinstance(value, Mapping | list | tuple):
        raise InvalidYaml(f"It is nested more than {DEEPEST} levels deep.")
    yield from _events(value, depth + 1)


def _scalar_event(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return _text_event(value)
    if value is None or isinstance(value, bool):
        return _plain_event({None: "null", True: "true", False: "false"}[value])
    if isinstance(value, int) and LEAST_WHOLE <= value <= MOST_WHOLE:
        return _plain_event(str(int(value)))
    if isinstance(value, float) and math.isfinite(value):
        digits, exponent, power = repr(float(value)).partition("e")
        point = "" if "." in digits else ".0"  # YAML 1.1 takes 1e+16 for text
        return _plain_event(f"{digits}{point}{exponent}{power}")
    raise InvalidYaml(f"A value is {value!r:.80}, which has no place in a YAML file of ours.")


def _plain_event(word: str) -> Any:  # noqa: ANN401
    return yaml.ScalarEvent(None, None, (True, False), word)


def _text_event(text: str) -> Any:  # noqa: ANN401
    if UNWRITABLE.search(text):
        raise InvalidYaml(f"{text!a:.80} holds half a character, which is not text.")
    if PLAIN.match(text) and text.lower() not in WORDS_WITH_A_MEANING and len(text) < LONGEST_PLAIN:
        return yaml.ScalarEvent(None, None, (True, True), text)
    return yaml.ScalarEvent(None, None, (False, True), text, style='"')
