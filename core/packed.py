"""Mappings that never change, kept as text and read where somebody looks.

A hundred thousand jobs have as many sets of options; as dicts they take several times the memory.
"""

import ctypes
import sys
import threading
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from itertools import starmap
from types import MappingProxyType
from typing import Any, Final, Self

import msgspec

MOST_SHARED: Final = 1_000
LONGEST_SHARED: Final = 48
"""Bytes of text up to which mappings that are the same are one object."""

out_of_collection = ctypes.pythonapi.PyObject_GC_UnTrack
out_of_collection.argtypes = [ctypes.py_object]
out_of_collection.restype = None

to_json = msgspec.json.Encoder().encode
to_lines = msgspec.json.Encoder().encode_lines
from_json = msgspec.json.Decoder().decode
from_lines = msgspec.json.Decoder().decode_lines


class Heading:
    """The keys that many mappings have in common, kept once."""

    __slots__ = ("places", "template")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.places = {sys.intern(str(key)): place for place, key in enumerate(keys)}
        names = (to_json(key).replace(b"%", b"%%") for key in keys)
        self.template = b"{%b}" % b",".join(b"%b:%%b" % name for name in names)


class Headings:
    """Every heading in use, by number, up to `most` of them; they live as long as the process."""

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._marks: dict[tuple[str, ...], bytes] = {}
        self._headings: dict[bytes, Heading] = {}

    def mark_of(self, keys: tuple[str, ...]) -> bytes:
        """Return what stands for the keys: a number, or where there are too many, themselves."""
        mark = self._marks.get(keys)
        return mark or self._new(keys)

    def _new(self, keys: tuple[str, ...]) -> bytes:
        with self._lock:
            if len(self._marks) >= self._most:
                return to_json(keys)
            mark = self._marks.get(keys) or b"%d" % len(self._marks)
            self._headings.setdefault(mark, Heading(keys))
            self._marks[keys] = mark
            return mark

    def behind(self, mark: bytes) -> Heading:
        """Return the heading that a mark stands for."""
        return self._headings.get(mark) or Heading(tuple(from_json(mark)))


headings = Headings()
shared: dict[bytes, "Packed"] = {}


class Packed(bytes):
    """A read-only mapping of JSON values, equal to any mapping with the same items.

    Its bytes are the mark of its heading and then a line for each value: one object in memory,
    whatever it holds. It leads to no other, so the garbage collector is not shown it: with two
    hundred thousand every full collection would stop everything for 0.15 s.
    """

    __slots__ = ()

    @property
    def json(self) -> bytes:
        """Return the mapping as JSON."""
        mark, *values = self.split(b"\n")
        return headings.behind(mark).template % tuple(values)

    @property
    def _places(self) -> Mapping[str, int]:
        return headings.behind(self.split(b"\n", 1)[0]).places

    def _unpacked(self) -> dict[str, Any]:
        mark, *lines = self.split(b"\n", 1)
        return dict(zip(headings.behind(mark).places, map(_shut, from_lines(b"".join(lines))), strict=True))

    def __getitem__(self, key: str) -> Any:  # type: ignore[override]  # noqa: ANN401 - any JSON value
        mark, *values = self.split(b"\n")
        return _shut(from_json(values[headings.behind(mark).places[key]]))

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    get = Mapping.get
    keys = Mapping.keys

    def items(self) -> ItemsView[str, Any]:
        """Return every key with its value, all read at once."""
        return self._unpacked().items()

    def values(self) -> ValuesView[Any]:
        """Return every value, all read at once."""
        return self._unpacked().values()

    def may_hold(self, word: str) -> bool:
        """Tell whether a text among the values may have the word, which is casefolded, in it.

        True means no more than that reading them is worth while.
        """
        plain = word.isascii() and word.isprintable() and '"' not in word and "\\" not in word
        return not (plain and self.isascii()) or word.encode() in self.lower()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Packed) and bytes.__eq__(self, other):
            return True
        if not isinstance(other, Mapping):
            return NotImplemented
        return self._unpacked() == dict(other.items())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._unpacked())

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return packed, (from_json(self.json),)

    def __copy__(self) -> Self:
        return self


Mapping.register(Packed)


def packed(plain: dict[str, Any]) -> Packed:
    """Return the mapping, which is as it was read from JSON, packed."""
    text = b"%b\n%b" % (headings.mark_of(tuple(plain)), to_lines(list(plain.values())))
    text = text[:-1]
    known = shared.get(text)
    if known is not None:
        return known
    made = Packed(text)
    out_of_collection(made)
    if len(text) > LONGEST_SHARED:
        return made
    if len(shared) >= MOST_SHARED:
        shared.clear()
    return shared.setdefault(text, made)


NOTHING: Final[Any] = packed({})


def frozen(value: Any) -> Any:  # noqa: ANN401 - any JSON value in, its frozen twin out
    """Return the JSON value with every mapping read-only and every list a tuple, all the way down."""
    if isinstance(value, Packed):
        return value
    if isinstance(value, Mapping):
        return _frozen_mapping(value)
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in value)
    return value


def _frozen_mapping(value: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - a mapping, which no checker sees in Packed
    plain = thawed(value)
    try:
        lines = to_lines(list(plain.values()))
        if from_lines(lines) == list(plain.values()):
            return packed(plain)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        pass
    # What JSON cannot hold, or would change, stays as it is: whoever writes it says what is wrong.
    return MappingProxyType(dict(starmap(lambda key, item: (str(key), frozen(item)), value.items())))


def thawed(value: Any) -> Any:  # noqa: ANN401 - any frozen JSON value in, its plain twin out
    """Return the JSON value with every mapping a dict and every tuple a list, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): thawed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [thawed(item) for item in value]
    return value


def _shut(value: Any) -> Any:  # noqa: ANN401 - any value as JSON gives it in, its frozen twin out
    if isinstance(value, dict):
        return packed(value)
    if isinstance(value, list):
        return tuple(map(_shut, value))
    return value
