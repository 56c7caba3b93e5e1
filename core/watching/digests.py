"""Digests that lie beside backup files, as b3sum and sha256sum write them."""

import hashlib
import re
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol

from blake3 import blake3

from core.watching.whole import NotWhole

PIECE: Final = 1 << 20
LARGEST_LIST: Final = 50_000_000
ENDINGS: Final = {".sha256": "sha256", ".sha512": "sha512", ".b3": "blake3", ".blake3": "blake3"}
LISTS: Final = {"SHA256SUMS": "sha256", "sha256sum.txt": "sha256", "SHA512SUMS": "sha512", "B3SUMS": "blake3"}
LENGTHS: Final = {"sha256": 64, "sha512": 128, "blake3": 64}
LINE: Final = re.compile(r"\\?([0-9a-fA-F]{64,128})(?: [ *](.+))?")


class Wanted(NamedTuple):
    """The digest that a file should have, and which list says so."""

    algorithm: str
    digest: str
    source: str


class Hasher(Protocol):
    """Whatever makes a digest of bytes."""

    def update(self, piece: bytes, /) -> object:
        """Take some in."""
        ...

    def hexdigest(self) -> str:
        """Return the digest."""
        ...


def is_list(name: str) -> bool:
    """Tell whether a file is a list of digests, and no backup."""
    last = name.rpartition("/")[2]
    return last in LISTS or any(last.endswith(ending) for ending in ENDINGS)


def digest_beside(path: Path) -> Wanted:
    """Return the digest that a list beside a file gives it; raises NotWhole where none does, OSError."""
    own = [(path.with_name(path.name + ending), algorithm) for ending, algorithm in ENDINGS.items()]
    shared = [(path.with_name(name), algorithm) for name, algorithm in LISTS.items()]
    for place, algorithm in (*own, *shared):
        if place.is_file() and place.stat().st_size <= LARGEST_LIST:
            digest = _digest_in(place.read_text("utf-8", "surrogateescape"), path.name, algorithm)
            if digest:
                return Wanted(algorithm, digest, place.name)
    message = "no list of digests beside it names it"
    raise NotWhole(message)


def _digest_in(text: str, name: str, algorithm: str) -> str:
    for line in text.splitlines():
        match = LINE.fullmatch(line.strip())
        if match is None or len(match[1]) != LENGTHS[algorithm]:
            continue
        if match[2] is None or match[2].rpartition("/")[2] == name:
            return match[1].lower()
    return ""


def digest_of(file: BinaryIO, algorithm: str) -> str:
    """Return the digest of what is in a file."""
    hasher: Hasher = blake3() if algorithm == "blake3" else hashlib.new(algorithm)
    while piece := file.read(PIECE):
        hasher.update(piece)
    return hasher.hexdigest()
