"""The new text of a definition that a person arranged: only what changed is replaced in theirs.

Their comments, order and blank lines stay. What comes out is read again; when it is not exactly
what was wanted, the plain text is used, so a text of a kind nobody thought of costs its comments
and never a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from core.errors import InvalidYaml
from core.storage import yaml_text
from core.storage.definitions import FIELDS, Definition, definition_from, plain_of, same, text_of_definition
from core.storage.lines import json_text
from core.storage.outline import Child, Node, outline


class Splice(NamedTuple):
    """Characters `start` to `end` become `text`."""

    start: int
    end: int
    text: str


class _NoWay(Exception):
    """This text cannot be changed in place."""


def text_after(old: bytes, wanted: Definition) -> bytes:
    """Return the text for the wanted definition where `old` stands; raises InvalidOptions."""
    try:
        known = definition_from(old)
    except InvalidYaml:
        return text_of_definition(wanted)
    if same(known, wanted):
        return old
    if old == text_of_definition(known):
        return text_of_definition(wanted)
    return spliced(old, known, wanted) or text_of_definition(wanted)


def spliced(old: bytes, known: Definition, wanted: Definition) -> bytes | None:
    """Return the old text with what changed replaced; None when that cannot be done."""
    try:
        text = _Splicing(old).text(known, wanted)
        return text if same(definition_from(text), wanted) else None
    except (InvalidYaml, _NoWay):
        return None


class _Splicing:
    """One text on its way to the next."""

    def __init__(self, old: bytes) -> None:
        text = old.decode()
        self._mark = "\ufeff" if text.startswith("\ufeff") else ""
        self._text = text.removeprefix("\ufeff")
        self._line_end = "\r\n" if "\r\n" in self._text else "\n"
        self._plain = yaml_text.read(old)

    def text(self, known: Definition, wanted: Definition) -> bytes:
        root = outline(self._text)
        splices = sorted(self._value(root, self._plain, self._wanted(known, wanted)), key=lambda it: it[:2])
        parts, at = [self._mark], 0
        for splice in splices:
            if splice.start < at:
                raise _NoWay
            parts += self._text[at : splice.start], splice.text.replace("\n", self._line_end)
            at = splice.end
        return "".join((*parts, self._text[at:])).encode()

    def _wanted(self, known: Definition, wanted: Definition) -> dict[str, Any]:
        """Return the mapping to write: what a person left out because it goes without saying stays out."""
        before, after = plain_of(known), plain_of(wanted)
        return {
            name: after[name]
            for name in FIELDS
            if name in after and (name in self._plain or not same(before.get(name), after[name]))
        }

    def _value(self, node: Node, old: Any, new: Any) -> Iterator[Splice]:  # noqa: ANN401
        """Yield what makes the old value the new one, within the place where the old one stands."""
        if same(old, new):
            return
        if isinstance(old, dict) and isinstance(new, dict) and node.block and set(old) & set(new):
            yield from self._mapping(node, old, new)
        elif isinstance(old, list) and isinstance(new, list) and node.block and old and new:
            yield from self._list(node, old, new)
        elif isinstance(new, dict | list) and node.block and node.kind != "scalar":
            raise _NoWay
        else:
            yield Splice(node.start, node.end, self._inline(node, new))

    def _mapping(self, node: Node, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Splice]:
        for name, child in node.children.items():
            if name not in new:
                yield self._without(child)
            else:
                yield from self._entry(child, {name: old[str(name)]}, {name: new[str(name)]})
        column = next(iter(node.children.values())).column
        added = {name: value for name, value in new.items() if name not in old}
        if "id" in added and node.start == self._start_of_line(node.start):
            yield Splice(node.start, node.start, self._lines({"id": added.pop("id")}, column))
        yield from self._appended(node, added, column)

    def _list(self, node: Node, old: list[Any], new: list[Any]) -> Iterator[Splice]:
        """Yield the change of a list: what it begins and ends with as before stays."""
        head = _alike(old, new)
        tail = _alike(old[head:][::-1], new[head:][::-1])
        common = min(len(old), len(new)) - head - tail
        for index in range(head, head + common):
            yield from self._entry(node.children[index], [old[index]], [new[index]])
        for index in range(head + common, len(old) - tail):
            yield self._without(node.children[index])
        added = new[head + common : len(new) - tail]
        if added and tail:
            following = node.children[len(old) - tail]
            start = self._start_of_line(following.start)
            yield Splice(start, start, self._lines(added, following.column))
        elif added:
            yield from self._appended(node, added, node.children[0].column)

    def _entry(self, child: Child, old: Any, new: Any) -> Iterator[Splice]:  # noqa: ANN401
        """Yield the change of one entry, which old and new hold alone; what has no smaller way goes as a whole."""
        (before,), (after,) = (list(one.values()) if isinstance(one, dict) else one for one in (old, new))
        try:
            changes = tuple(self._value(child.node, before, after))
        except _NoWay:
            text = self._lines(new, child.column).removesuffix("\n").removeprefix(" " * child.column)
            yield Splice(child.start, child.node.end, text)
        else:
            yield from changes

    def _appended(
        self, node: Node, added: Mapping[str, Any] | Sequence[Any], column: int
    ) -> Iterator[Splice]:
        if added:
            end = self._end_of_line(node.end)
            broken = self._text[end - 1 : end] == "\n"
            yield Splice(end, end, ("" if broken else "\n") + self._lines(added, column))

    def _without(self, child: Child) -> Splice:
        start = self._start_of_line(child.start)
        if self._text[start : child.start].strip():
            raise _NoWay
        return Splice(start, self._end_of_line(child.node.end), "")

    def _start_of_line(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _end_of_line(self, index: int) -> int:
        """Return where the next line begins."""
        return (self._text.find("\n", index) + 1) or len(self._text)

    @staticmethod
    def _lines(value: Mapping[str, Any] | Sequence[Any], column: int) -> str:
        plain = dict(value) if isinstance(value, Mapping) else list(value)
        lines = yaml_text.write(plain).decode().splitlines(keepends=True)
        return "".join(" " * column + line for line in lines)

    def _inline(self, node: Node, value: Any) -> str:  # noqa: ANN401
        """Return a value that fits on the line where the old one stood."""
        word = json_text(value).decode() if isinstance(value, dict | list) else _word(value)
        # An empty value stands at once behind its colon or dash.
        return f" {word}" if node.start == node.end and node.kind == "scalar" else word


def _word(value: Any) -> str:  # noqa: ANN401
    """Return a single value as it can stand in a list in brackets, too."""
    word = yaml_text.write([value]).decode().removeprefix("- ").removesuffix("\n")
    return json_text(value).decode() if isinstance(value, str) and set(word) & set(",[]{}#:") else word


def _alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return how many values the two begin with alike."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if not same(first, second):
            break
        count += 1
    return count
