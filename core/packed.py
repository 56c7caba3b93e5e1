"""Mappings that never change, kept as text and read where somebody looks.

A hundred thousand jobs have as many sets of options; as dicts they take several times the memory.
"""

import ctypes
import gc
import sys
import threading
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from itertools import starmap
from types import MappingProxyType
from typing import Any, Final, Self

import msgspec
import zstandard

MOST_SHARED: Final = 1_000
LONGEST_SHARED: Final = 48
"""Bytes of text up to which mappings that are the same are one object."""
LONG: Final = 250
"""Bytes of values from which on they are pressed."""
PRESSED: Final = b"z"
QUICKLY: Final = -1
"""A level of zstandard."""

out_of_collection = ctypes.pythonapi.PyObject_GC_UnTrack
out_of_collection.argtypes = [ctypes.py_object]
out_of_collection.restype = None

to_json = msgspec.json.Encoder().encode
to_lines = msgspec.json.Encoder().encode_lines
from_json = msgspec.json.Decoder().decode
from_lines = msgspec.json.Decoder().decode_lines


class Press:
    """Makes texts small that say much the same as the first one it was given."""

    def __init__(self, first: bytes) -> None:
        known = zstandard.ZstdCompressionDict(first, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        self._lock = threading.Lock()
        self._compressor = zstandard.ZstdCompressor(QUICKLY, dict_data=known)
        self._decompressor = zstandard.ZstdDecompressor(dict_data=known)

    def pressed(self, text: bytes) -> bytes:
        """Return the text made small."""
        with self._lock:
            return self._compressor.compress(text)

    def opened(self, pressed: bytes) -> bytes:
        """Return the text that was made small."""
        with self._lock:
            return self._decompressor.decompress(pressed)


class Heading:
    """The keys that many mappings have in common, kept once; `press` comes with the first long one."""

    __slots__ = ("places", "press", "template")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.press: Press | None = None
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
        """Return what stands for the keys: a number, or where they are no names or too many, themselves."""
        mark = self._marks.get(keys)
        return mark or self._new(keys)

    def _new(self, keys: tuple[str, ...]) -> bytes:
        if not all(str(key).isidentifier() for key in keys):  # ids, of which there is no end
            return to_json(keys)
        with self._lock:
            if len(self._marks) >= self._most:
                return to_json(keys)
            mark = self._marks.get(keys) or b"%d" % len(self._marks)
            self._headings.setdefault(mark, Heading(keys))
            self._marks[keys] = mark
            return mark

    def press_of(self, mark: bytes, first: bytes) -> Press:
        """Return the press of a heading that has a number; `first` is its pattern if there was none."""
        press = self._headings[mark].press
        if press is None:
            with self._lock:
                heading = self._headings[mark]
                press = heading.press = heading.press or Press(first)
        return press

    def behind(self, mark: bytes) -> Heading:
        """Return the heading that a mark stands for."""
        return self._headings.get(mark) or Heading(tuple(from_json(mark)))


headings = Headings()
shared: dict[bytes, "Packed"] = {}


class Packed(bytes):
    """A read-only mapping of JSON values, equal to any mapping with the same items.

    Its bytes are the mark of its heading and then a line for each value (or after a "z", those lines pressed):
    one object in memory, whatever it holds. It leads to no other, so the garbage collector is not shown it: with two
    hundred thousand every full collection would stop everything for 0.15 s.
    """

    __slots__ = ()

    @property
    def json(self) -> bytes:
        """Return the mapping as JSON."""
        heading, lines = self._opened()
        return heading.template % tuple(lines.split(b"\n") if lines else ())

    @property
    def _places(self) -> Mapping[str, int]:
        return headings.behind(self.split(b"\n", 1)[0].removeprefix(PRESSED)).places

    def _opened(self) -> tuple[Heading, bytes]:
        mark, *lines = self.split(b"\n", 1)
        heading = headings.behind(mark.removeprefix(PRESSED))
        if mark.startswith(PRESSED) and heading.press:
            return heading, heading.press.opened(lines[0])
        return heading, b"".join(lines)

    def _unpacked(self) -> dict[str, Any]:
        heading, lines = self._opened()
        return dict(zip(heading.places, map(_shut, from_lines(lines)), strict=True))

    def __getitem__(self, key: str) -> Any:  # type: ignore[override]  # noqa: ANN401 - any JSON value
        heading, lines = self._opened()
        place = heading.places[key]
        return _shut(from_json(lines.split(b"\n", place + 1)[place]))

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
        if self.startswith(PRESSED):
            return True
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
    if not plain:
        return EMPTY
    mark, lines = headings.mark_of(tuple(plain)), to_lines(list(plain.values()))[:-1]
    text = _pressed(mark, lines) if len(lines) > LONG else b"%b\n%b" % (mark, lines)
    if len(text) > LONGEST_SHARED:
        return _made(text)
    if len(shared) >= MOST_SHARED:
        shared.clear()
    return shared.get(text) or shared.setdefault(text, _made(text))


def _made(text: bytes) -> Packed:
    made = Packed(text)
    if gc.isenabled():  # who reads very many at once sees to it for all of them
        out_of_collection(made)
    return made


def _pressed(mark: bytes, lines: bytes) -> bytes:
    if not mark.isdigit():  # a heading that is not kept has nothing to compare with
        return b"%b\n%b" % (mark, lines)
    return b"%b%b\n%b" % (PRESSED, mark, headings.press_of(mark, lines).pressed(lines))


EMPTY: Final = _made(headings.mark_of(()) + b"\n")
NOTHING: Final[Any] = EMPTY


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


def json_of(value: Mapping[str, Any]) -> bytes:
    """Return a mapping of JSON values as JSON; one that is packed is not read for it."""
    return value.json if isinstance(value, Packed) else to_json(thawed(value))


def _shut(value: Any) -> Any:  # noqa: ANN401 - any value as JSON gives it in, its frozen twin out
    if isinstance(value, dict):
        return packed(value)
    if isinstance(value, list):
        return tuple(map(_shut, value))
    return value
