"""What programs say of files, understood: lists of digests, lists of sizes, archives."""

import hashlib
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from typing import IO, Final

from core.proofs.children import lines_of
from core.proofs.contents import BUFFER, hasher_of
from core.proofs.readers import CannotRead
from core.proofs.values import Algorithm

SIZE_LINE: Final = re.compile(rb"([0-9]{1,18});(.+)", re.DOTALL)
TAR_MEMBERS_KEPT: Final = 1_000


def digest_length(algorithm: Algorithm) -> int:
    """Return the bytes of a digest."""
    return 32 if algorithm == "blake3" else hashlib.new(algorithm, usedforsecurity=False).digest_size


def digests_in(stream: IO[bytes], algorithm: Algorithm, strip: bytes) -> Iterator[tuple[bytes, bytes] | None]:
    """Yield path and digest for each line "digest  name", None for a line that is no such thing."""
    length = 2 * digest_length(algorithm)
    pattern = re.compile(rb"([0-9a-f]{%d})  (.+)" % length, re.DOTALL)
    for line in lines_of(stream):
        match = pattern.fullmatch(line)
        if match is None:
            yield None
        elif match[2].startswith(strip):
            yield match[2].removeprefix(strip), bytes.fromhex(match[1].decode())


def sizes_in(stream: IO[bytes], strip: bytes) -> Iterator[tuple[bytes, int] | None]:
    """Yield path and size for each line "size;name", None for a line that is no such thing."""
    for line in lines_of(stream):
        match = SIZE_LINE.fullmatch(line)
        if match is None:
            yield None
        elif match[2].startswith(strip):
            yield match[2].removeprefix(strip), int(match[1])


def archive_in(
    stream: IO[bytes], algorithm: Algorithm, strip: bytes, counted: Callable[[int], None]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield path and digest for each regular file in an archive; nothing is unpacked. Raises CannotRead."""
    before = strip.lstrip(b"/")
    try:
        with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape") as archive:
            for count, member in enumerate(archive):
                if count % TAR_MEMBERS_KEPT == 0:
                    archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                name = _plain(os.fsencode(member.name))
                if member.isreg() and name.startswith(before):
                    yield name.removeprefix(before), _digest_of_member(archive, member, algorithm, counted)
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        message = "The archive in which the destination was given back is damaged or breaks off."
        raise CannotRead(message) from error


def _plain(name: bytes) -> bytes:
    while name.startswith((b"/", b"./")):
        name = name[1:] if name.startswith(b"/") else name[2:]
    return name


def _digest_of_member(
    archive: tarfile.TarFile, member: tarfile.TarInfo, algorithm: Algorithm, counted: Callable[[int], None]
) -> bytes:
    hasher, rest = hasher_of(algorithm), member.size
    content = archive.extractfile(member)
    while content is not None and rest and (data := content.read(min(BUFFER, rest))):
        hasher.update(memoryview(data))
        counted(len(data))
        rest -= len(data)
    if rest:
        message = "A file in the archive breaks off."
        raise tarfile.ReadError(message)
    return hasher.digest()
