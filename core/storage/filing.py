"""What was last seen in each definition's file since the last snapshot: the snapshot has it for the others.

It is only knowledge: where a loss of power takes a line, a person's edit made before the next start is compared
with less care for what they meant, and is put aside rather than taken over.
"""

import contextlib
import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from core.errors import InvalidYaml
from core.models import Value
from core.storage.checked import lines_of
from core.storage.folder import StoreFolder
from core.storage.generations import content_of
from core.storage.lines import json_text, sealed, seed_of

log = logging.getLogger(__name__)

NAME: Final = re.compile(r"filed-([1-9][0-9]{0,17})\.yaml\Z")
COMMENT: Final = b"# Which text Holdfast last saw in which definition. Not to be edited.\n"


class Filed(Value, frozen=True, kw_only=True):
    """The file of a job (below `jobs/`), the checksum of its text, and which version of the job that is."""

    job: str
    file: str
    crc: int
    version: int


filed_of = msgspec.json.Decoder(Filed).decode


class Filing:
    """Keeps that in files of the folder `state/`, which are appended to."""

    def __init__(self, folder: StoreFolder) -> None:
        self._state = folder.root / "state"
        self._store_id = folder.store_id
        self._number = max(self._numbers(), default=1)

    def known(self) -> dict[str, Filed]:
        """Return what was last noted of each job; what cannot be read is not known."""
        found: dict[str, Filed] = {}
        for number in self._numbers():
            with contextlib.suppress(FileNotFoundError, InvalidYaml):
                content = content_of(self._path(number))
                for line in lines_of(content, self._seed(number)):
                    with contextlib.suppress(msgspec.MsgspecError):
                        filed = filed_of(line.text)
                        found[filed.job] = filed
        return found

    def note(self, entries: Iterable[Filed]) -> None:
        """Note what was seen or written."""
        seed = self._seed(self._number)
        text = b"".join(sealed(json_text(entry), seed) for entry in entries)
        if not text:
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(self._path(self._number), flags, 0o600)
            try:
                # A line that was cut short does not take the next one with it.
                os.write(descriptor, b"\n" + text if os.fstat(descriptor).st_size else COMMENT + text)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.info("what was written where could not be noted: %s", error)

    def turn_over(self) -> int:
        """Go on in another file; returns a number for `drop`."""
        self._number += 1
        return self._number

    def drop(self, before: int) -> None:
        """Let go of what was noted before: the snapshot has it now."""
        for number in self._numbers():
            if number < before:
                with contextlib.suppress(OSError):
                    self._path(number).unlink()

    def _path(self, number: int) -> Path:
        return self._state / f"filed-{number}.yaml"

    def _seed(self, number: int) -> int:
        return seed_of(self._store_id, f"filed-{number}")

    def _numbers(self) -> list[int]:
        return sorted(self._found())

    def _found(self) -> Iterator[int]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self._state) as entries:
            for entry in entries:
                if (named := NAME.match(entry.name)) is not None:
                    yield int(named[1])
