"""The registers of a snapshot: a file of their own in each generation, one a line."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from core.errors import InvalidYaml
from core.models import Value
from core.packed import packed
from core.storage.checked import Bad, Line, bad_lines, lines_of
from core.storage.lines import json_text, sealed, seed_of
from core.storage.records import FORMAT

COMMENT: Final = b"# Holdfast's registers: one a line, any YAML tool reads it. Not to be edited.\n"
A_REGISTER: Final = b'{"register":'
A_HEAD: Final = b'{"kind":"registers"'


class RegisterLine(Value, frozen=True, kw_only=True):
    """A register as it is written."""

    register: str
    value: dict[str, Any]


class Head(Value, frozen=True, kw_only=True, tag="registers", tag_field="kind"):
    """The first document of the file; it holds the registers up to record `n`."""

    format: int
    generation: int
    n: int


class End(Value, frozen=True, kw_only=True, tag="end", tag_field="kind"):
    """The last document of the file."""

    rows: int


line_of = msgspec.json.Decoder(RegisterLine).decode
head_of = msgspec.json.Decoder(Head).decode
end_of = msgspec.json.Decoder(End).decode


class Registers(NamedTuple):
    """What was read of the registers; `whole` if nothing can be missing. `n` is None where the head is bad."""

    values: dict[str, Any]
    n: int | None
    whole: bool
    bad: list[Bad]


def name_of_registers(generation: int) -> str:
    """Return what the file of a generation is called; without its ending its checksums depend on it."""
    return f"registers-{generation}.yaml"


def text_of_registers(
    registers: Mapping[str, Mapping[str, Any]], store_id: str, generation: int, n: int
) -> bytes:
    """Return what stands in the file."""
    seed = seed_of(store_id, f"registers-{generation}")
    lines = [COMMENT, sealed(json_text(Head(format=FORMAT, generation=generation, n=n)), seed)]
    lines += [
        sealed(json_text({"register": name, "value": value}), seed) for name, value in registers.items()
    ]
    lines.append(sealed(json_text(End(rows=len(registers))), seed))
    return b"".join(lines)


def read_registers(content: bytes, store_id: str, scope: str) -> Registers:
    """Return what is good in a file, line by line."""
    head: Head | None = None
    end: End | None = None
    values: dict[str, Any] = {}
    lines = list(lines_of(content, seed_of(store_id, scope)))
    for index, line in enumerate(lines):
        try:
            said = _document(line)
        except InvalidYaml as error:
            lines[index] = line._replace(why=str(error))
            continue
        if isinstance(said, Head):
            head = said
        elif isinstance(said, End):
            end = said
        elif said is not None:
            values[said.register] = packed(said.value)
    bad = bad_lines(lines)
    whole = head is not None and end is not None and end.rows == len(values) and not bad
    return Registers(values, head.n if head else None, whole, bad)


def _document(line: Line) -> RegisterLine | Head | End | None:
    if line.why:
        return None
    try:
        if line.text.startswith(A_REGISTER):
            return line_of(line.text)
        return head_of(line.text) if line.text.startswith(A_HEAD) else end_of(line.text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidYaml(f"This is no register: {error}.") from None
