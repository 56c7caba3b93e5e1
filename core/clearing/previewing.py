"""The program that makes the list of what would go: `main(order)`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from blake3 import blake3
from msgspec.structs import replace

from core.clearing.names import is_ours
from core.clearing.orders import PREVIEW, Preview, PreviewOrder, read_value, write_value
from core.clearing.sides import Sides, Stopped
from core.copying.names import shown
from core.copying.troubles import in_words
from core.proofs.records import BadRecords, Record, RecordWriter, read_records

FIRST: Final = 20
SUMMARY: Final = "preview.json"


def main(arguments: list[str]) -> None:
    """Make the list that an order asks for, and leave what it says beside it."""
    order = read_value(Path(arguments[0]), PreviewOrder)
    write_value(Path(order.folder) / SUMMARY, make(order))


def make(order: PreviewOrder) -> Preview:
    """Make the list that an order asks for, and return what it says."""
    try:
        return _made(order)
    except (Stopped, BadRecords) as stopped:
        return Preview(terms=order.terms, trouble=str(stopped))
    except OSError as error:
        words = f"The list of what would go cannot be made: {in_words(error)}."
        return Preview(terms=order.terms, trouble=words)


def _made(order: PreviewOrder) -> Preview:
    terms = order.terms
    sides = Sides(Path(terms.source), [Path(root) for root in terms.roots], Path(order.own_data))
    try:
        info = os.fstat(sides.source)
        path = Path(order.folder) / PREVIEW
        preview = Preview(terms=terms, device=info.st_dev, inode=info.st_ino)
        preview = _listed(preview, path, read_records(Path(order.records)))
        return replace(preview, digest=digest_of_preview(path, preview), marked=sides.is_marked(terms.job_id))
    finally:
        sides.close()


def _listed(preview: Preview, path: Path, records: Iterator[Record]) -> Preview:
    """Write the list, and return the preview with its figures."""
    size = elsewhere = 0
    first: list[str] = []
    with RecordWriter(path) as writer:
        for record in records:
            if record.device != preview.device:
                elsewhere += 1
            elif not is_ours(record.path):
                writer.write(record)
                size += record.size
                if len(first) < FIRST:
                    first.append(shown(record.path))
        writer.finish()
    return replace(preview, files=writer.count, bytes=size, elsewhere=elsewhere, first=tuple(first))


def digest_of_preview(path: Path, preview: Preview) -> str:
    """Return what stands for exactly this list and these terms, in hexadecimal digits."""
    hasher = blake3(msgspec.json.encode((preview.terms, preview.device, preview.inode)))
    with path.open("rb") as file:
        while text := file.read(1 << 20):
            hasher.update(text)
    return hasher.hexdigest()
