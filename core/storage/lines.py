"""One document a line, with a checksum: what the journal, the snapshot and the older runs are made of.

A line is `--- `, a JSON text, ` # ` and eight hex digits. JSON is a flow map of YAML, so every YAML
tool reads the file. The checksum covers where the line belongs, so that one that strayed into
another file or another store is found out.
"""

import re
from typing import Any, Final
from zlib import crc32

import msgspec

from core.errors import InvalidYaml
from core.packed import Packed
from core.storage.documents import builtin

BEGINNING: Final = b"--- "
BEFORE_SUM: Final = b" # "
LENGTH_OF_SUM: Final = 8
SHORTEST: Final = len(BEGINNING) + len(b"{}") + len(BEFORE_SUM) + LENGTH_OF_SUM
DISPUTED: Final = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that a YAML reader changes or refuses where they stand as themselves."""


def _in_json(value: Any) -> Any:  # noqa: ANN401 - as `builtin`
    """Return what stands for a value that msgspec does not know."""
    return msgspec.Raw(value.json) if isinstance(value, Packed) else builtin(value)


to_json = msgspec.json.Encoder(enc_hook=_in_json).encode


def json_text(value: Any) -> bytes:  # noqa: ANN401 - any plain value or frozen one of ours
    """Return the value as JSON that is YAML too; raises what msgspec raises."""
    text = to_json(value)
    if text.isascii() and b"\x7f" not in text:
        return text
    return DISPUTED.sub(lambda letter: f"\\u{ord(letter[0]):04x}", text.decode()).encode()


def seed_of(store_id: str, scope: str) -> int:
    """Return what the checksums of a file begin with; `scope` is its name without `.yaml`."""
    return crc32(f"{store_id}/{scope}/".encode())


def sealed(text: bytes, seed: int) -> bytes:
    """Return the line of a JSON text, with its end."""
    return b"--- %b # %08x\n" % (text, crc32(text, seed))


def opened(line: bytes, seed: int) -> bytes:
    """Return the JSON text of a line, which may lack its line end; raises InvalidYaml."""
    line = line.removesuffix(b"\n")
    end = len(line) - LENGTH_OF_SUM
    start = end - len(BEFORE_SUM)
    if len(line) < SHORTEST or not line.startswith(BEGINNING) or line[start:end] != BEFORE_SUM:
        raise InvalidYaml("This line is not whole.")
    text = line[len(BEGINNING) : start]
    if line[end:] != b"%08x" % crc32(text, seed):
        raise InvalidYaml("The checksum of this line does not fit.")
    return text


def is_blank(line: bytes) -> bool:
    """Tell whether a line says nothing: a comment, or empty."""
    return line[:1] in {b"#", b"\n", b""}
