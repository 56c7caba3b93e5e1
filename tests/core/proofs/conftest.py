"""Trees and their copies, and proofs of them with no server around."""

import io
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from core.proofs.program import carry_out
from core.proofs.records import read_records
from core.proofs.telling import Teller
from core.proofs.values import FolderReading, ProgramReading, Proof, ProofWishes, RemoteRsyncReading

PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
LARGE = 9 << 20  # read on both sides at the same time


def an_hour_ago() -> int:
    """Return when a program might have begun."""
    return time.time_ns() - 3_600_000_000_000


def in_an_hour() -> int:
    """Return when no program has begun yet: nothing is excused."""
    return time.time_ns() + 3_600_000_000_000


class Scene:
    """A source, its copy, and a place to work in."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.copy = folder / "copy"
        self.work = folder / "work"
        for place in (self.source, self.work):
            place.mkdir()

    def has(self, name: str, content: bytes = b"some bytes") -> Path:
        """Put a file into the source."""
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def carried(self) -> None:
        """Make the copy, as a program would."""
        shutil.copytree(self.source, self.copy, symlinks=True)

    def flip(self, name: str) -> None:
        """Change one bit of a file of the copy, and leave its time as it was."""
        path = self.copy / name
        info = path.stat()
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    @property
    def ways(self):
        """Return every way in which this copy can be read back."""
        quiet = ("--config", "", "--log-level", "ERROR")
        copy = str(self.copy)
        rsync = ("rsync", "-rlt")
        digests = ("rclone", "hashsum", "SHA256", "--download", *quiet)
        restored = (*rsync, "--from0", "--files-from", "{list}", "--", f"{copy}/", "{folder}")
        sizes = ("rclone", "lsf", "-R", "--files-only", "--format", "sp", *quiet, "--", copy)
        return {
            "folder": FolderReading(root=copy),
            "digests": ProgramReading(
                argv=(*digests, "--", copy),
                some_argv=(*digests, "--files-from-raw", "{list}", "--", copy),
                sizes_argv=sizes,
                environment=PATH,
                list_ends="line",
            ),
            "tar": ProgramReading(
                argv=("tar", "-C", copy, "-cf", "-", "."),
                some_argv=("tar", "-C", copy, "-cf", "-", "--null", "-T", "{list}"),
                environment=PATH,
                understood="tar",
                some_understood="tar",
            ),
            "restored": ProgramReading(
                argv=("tar", "-C", copy, "-cf", "-", "."),
                some_argv=restored,
                environment=PATH,
                understood="tar",
                some_understood="restored",
            ),
            "rsync": RemoteRsyncReading(argv=rsync, place=f"{copy}/", environment=PATH),
        }

    def wishes(self, way="folder", **fields) -> ProofWishes:
        """Return what to prove."""
        reading = self.ways[way] if isinstance(way, str) else way
        defaults: dict[str, Any] = {"verify": "full", "since_ns": in_an_hour(), "source": str(self.source)}
        return ProofWishes(reading=reading, **(defaults | fields))

    def proof(self, way="folder", *, seed=7, **fields) -> Proof:
        """Prove it, in this process."""
        return carry_out(self.wishes(way, **fields), self.work, Teller(io.BytesIO()), seed)

    def records(self, proof: Proof) -> list[str]:
        """Return the names of what was proved."""
        return [os.fsdecode(record.path) for record in read_records(Path(proof.records))]


@pytest.fixture
def scene(tmp_path):
    """An empty source and nothing else yet."""
    return Scene(tmp_path)
