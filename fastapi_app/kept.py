"""The files that runs keep, and what they said, handed out: always to be saved, never to be shown."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.responses import StreamingResponse

from core.colours import plain
from core.commanding.leavings import opened
from core.engines.programs import KEPT
from core.errors import NotFound
from core.models import Run

BLOCK: Final = 1 << 20
LONGEST_NUMBER: Final = 4


def kept_file(run: Run, workspace: Path, number: str) -> StreamingResponse:
    """Return the file that a run keeps under a number, counted from 1; raises NotFound."""
    entries = (run.result or {}).get("kept") or ()
    place = int(number) if number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER else 0
    if not 0 < place <= len(entries):
        raise NotFound("file of the run", number[:LONGEST_NUMBER])
    try:
        file, size = opened(workspace / KEPT, place)
    except OSError:
        raise NotFound("file of the run", number) from None
    return handed_out(file, size, name_of_kept(run, place))


def name_of_kept(run: Run, number: int) -> str:
    """Return what a run calls the file that it keeps under a number, counted from 1; empty where it names none."""
    entries = (run.result or {}).get("kept") or ()
    return Path(str(entries[number - 1]["name"])).name if 0 < number <= len(entries) else ""


def handed_out(file: int, size: int, name: str) -> StreamingResponse:
    """Return what an open file has, to be saved under that name; the file is closed afterwards."""
    headers = {
        "content-length": str(size),
        "content-disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}",
        "content-security-policy": "sandbox; default-src 'none'",
        "cache-control": "private, no-store",
    }
    return StreamingResponse(_pieces(file, size), media_type="application/octet-stream", headers=headers)


def _pieces(file: int, size: int) -> Iterator[bytes]:
    """Give what a file has, as much as it had when it was opened, and close it."""
    try:
        while size > 0 and (block := os.read(file, min(BLOCK, size))):
            size -= len(block)
            yield block
    finally:
        os.close(file)


def log_file(path: Path, name: str, *, colours: bool) -> StreamingResponse:
    """Return a log to be saved, as much of it as there is now: its run may go on talking meanwhile."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    pieces = _whole_lines(path)
    return StreamingResponse(
        pieces if colours else map(_without_colours, pieces),
        media_type="text/plain; charset=utf-8",
        headers=headers,
    )


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0 and (lines := file.readlines(min(BLOCK, left))):
            piece = b"".join(lines)
            left -= len(piece)
            yield piece


def _without_colours(piece: bytes) -> bytes:
    return plain(piece.decode(errors="replace")).encode()
