"""Where each value of a YAML text stands, to the character: what an edit of the text needs to know."""

from typing import Any, Final

import yaml

from core.errors import InvalidYaml
from core.storage import yaml_text

BLOCK_STYLES: Final = frozenset({"|", ">"})


class Node:
    """A value in the text: from `start` to `end`, without the line end that may follow.

    `children` are those of a mapping by key, or of a list by position.
    """

    __slots__ = ("block", "children", "end", "kind", "start")

    def __init__(self, kind: str, start: int, end: int, *, block: bool) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.block = block
        """Whether lines and their indentation make it what it is: a block collection, or text after `|`."""
        self.children: dict[str | int, Child] = {}


class Child:
    """A value of a collection, and where what leads to it begins: its key, or its dash."""

    __slots__ = ("column", "node", "start")

    def __init__(self, start: int, column: int, node: Node) -> None:
        self.start = start
        self.column = column
        self.node = node


class _Open:
    """A collection half read."""

    __slots__ = ("column", "key", "key_at", "node")

    def __init__(self, node: Node, column: int) -> None:
        self.node = node
        self.column = column
        self.key: str | None = None
        self.key_at = (0, 0)


def outline(text: str) -> Node:
    """Return where everything stands in a text that `yaml_text.read` has read; raises InvalidYaml."""
    return _Tracing(text).root()


class _Tracing:
    def __init__(self, text: str) -> None:
        self._text = text
        self._stack: list[_Open] = []
        self._root: Node | None = None

    def root(self) -> Node:
        parser = yaml.CLoader(self._text)
        try:
            while (event := parser.get_event()) is not None:
                self._take(event)
        except yaml.YAMLError as error:
            raise InvalidYaml(str(error)) from None
        finally:
            parser.dispose()
        if self._root is None:
            raise InvalidYaml("It holds no value.")
        return self._root

    def _take(self, event: Any) -> None:  # noqa: ANN401 - the parser's events have no types
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)

    def _scalar(self, event: Any) -> None:  # noqa: ANN401
        top = self._stack[-1] if self._stack else None
        if top is not None and top.node.kind == "mapping" and top.key is None:
            top.key = event.value
            top.key_at = (event.start_mark.index, event.start_mark.column)
            return
        block = event.style in BLOCK_STYLES
        start, end = event.start_mark.index, event.end_mark.index
        if block:  # the blank lines and comments after it are not its own
            end = start + len(self._text[start:end].rstrip())
        self._put(Node("scalar", start, end, block=block), event.start_mark)

    def _open(self, event: Any) -> None:  # noqa: ANN401
        kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
        start = event.start_mark.index
        node = Node(kind, start, start, block=not event.flow_style)
        self._put(node, event.start_mark)
        if len(self._stack) >= yaml_text.DEEPEST:
            raise InvalidYaml(f"It is nested more than {yaml_text.DEEPEST} levels deep.")
        self._stack.append(_Open(node, event.start_mark.column))

    def _close(self, event: Any) -> None:  # noqa: ANN401
        closed = self._stack.pop().node
        if not closed.block:
            closed.end = event.end_mark.index
        elif closed.children:  # the mark is at the next value, beyond blank lines and comments
            closed.end = max(child.node.end for child in closed.children.values())

    def _put(self, node: Node, mark: Any) -> None:  # noqa: ANN401
        top = self._stack[-1] if self._stack else None
        if top is None:
            self._root = node
        elif top.node.kind == "list":
            start, column = (
                (self._dash_before(mark.index), top.column)
                if top.node.block
                else (
                    mark.index,
                    mark.column,
                )
            )
            top.node.children[len(top.node.children)] = Child(start, column, node)
        else:
            top.node.children[str(top.key)] = Child(*top.key_at, node)
            top.key = None

    def _dash_before(self, index: int) -> int:
        return self._text.rindex("-", 0, index)
