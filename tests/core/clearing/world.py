"""A source, its copy, and what was proved of it, for whoever deletes."""

import os
import stat
from pathlib import Path
from typing import Any

from blake3 import blake3

from core.clearing.deleting import carry_out
from core.clearing.orders import Deletion, DeletionOrder, Preview, PreviewOrder, Terms
from core.clearing.previewing import make
from core.clearing.receipts import Line, lines_in, receipt_path
from core.clearing.wishes import ClearingWishes
from core.destinations.known import Target
from core.proofs.records import Record, RecordWriter
from core.proofs.values import Proof

QUARANTINE = ".holdfast-quarantine"
JOB, RUN = "job-1", "run-1"


def record_of(source: Path, path: bytes, **fields: Any) -> Record:
    """Return what a proof keeps of a file that it read."""
    full = os.fsencode(source) + b"/" + path
    info, content = os.lstat(full), Path(os.fsdecode(full)).read_bytes()
    known: dict[str, Any] = {
        "path": path,
        "size": info.st_size,
        "mtime_ns": info.st_mtime_ns,
        "ctime_ns": info.st_ctime_ns,
        "inode": info.st_ino,
        "device": info.st_dev,
        "algorithm": "blake3",
        "digest": blake3(content).digest(),
    }
    return Record(**known | fields)


def files_in(folder: Path) -> dict[bytes, bytes]:
    """Return the regular files below a folder, but those of ours, with what they hold."""
    found = {}
    root = os.fsencode(folder)
    for above, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(b".holdfast-")]
        for name in names:
            path = above + b"/" + name
            if stat.S_ISREG(os.lstat(path).st_mode) and not name.startswith(b".holdfast-"):
                found[path[len(root) + 1 :]] = Path(os.fsdecode(path)).read_bytes()
    return found


class World:
    """A place with a source and a folder that has its copy."""

    def __init__(self, place: Path, data: Path | None = None, run_id: str = RUN, job_id: str = JOB) -> None:
        self.place, self.run_id, self.job_id = place, run_id, job_id
        self.source, self.copy, self.data = place / "source", place / "copy", data or place / "data"
        for folder in (self.source, self.copy, self.data, self.workspace):
            folder.mkdir(parents=True, exist_ok=True)
        self.attempt = 0

    @property
    def workspace(self) -> Path:
        return self.place / "work"

    def put(self, path: str | bytes, content: bytes = b"kept for good") -> bytes:
        """Put a file into the source and its copy into the destination."""
        raw = os.fsencode(path)
        for folder in (self.source, self.copy):
            full = Path(os.fsdecode(os.fsencode(folder) + b"/" + raw))
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(content)
        return raw

    def put_some(self, count: int = 3) -> list[bytes]:
        """Put several files into folders."""
        return [
            self.put(f"year {number % 2}/{number}.jpg", b"picture %d" % number) for number in range(count)
        ]

    def records(self) -> list[Record]:
        """Return what a proof of all that is in the source keeps."""
        return [record_of(self.source, path) for path in sorted(files_in(self.source))]

    def proof(self, **fields: Any) -> Proof:
        """Return a full proof of all that is in the source."""
        path = self.workspace / "records"
        records = self.records()
        with RecordWriter(path) as writer:
            for record in records:
                writer.write(record)
            writer.finish()
        size = sum(record.size for record in records)
        known: dict[str, Any] = {
            "mode": "full",
            "verified": True,
            "sentence": "All of it was read back.",
            "files": len(records),
            "bytes": size,
            "proved": len(records),
            "records": str(path),
        }
        return Proof(**known | fields)

    # The two programs, without a run

    def terms(self, **fields: Any) -> Terms:
        known: dict[str, Any] = {
            "run_id": self.run_id,
            "job_id": self.job_id,
            "source": str(self.source),
            "place": str(self.copy),
            "roots": (str(self.copy),),
            "quarantine_days": 7,
            "remove_empty_folders": False,
        }
        return Terms(**known | fields)

    def preview(self, records: list[Record] | None = None, **fields: Any) -> Preview:
        """Return the list of what would go."""
        self.proof()
        if records is not None:
            with RecordWriter(self.workspace / "records") as writer:
                for record in records:
                    writer.write(record)
                writer.finish()
        order = PreviewOrder(
            terms=self.terms(**fields),
            own_data=str(self.data),
            records=str(self.workspace / "records"),
            folder=str(self.workspace),
        )
        return make(order)

    def order(self, preview: Preview, **fields: Any) -> DeletionOrder:
        self.attempt += 1
        known: dict[str, Any] = {
            "preview": preview,
            "attempt": self.attempt,
            "own_data": str(self.data),
            "folder": str(self.workspace),
            "mark": True,
            "confirmed_by": "ana",
        }
        return DeletionOrder(**known | fields)

    def delete(self, preview: Preview | None = None, **fields: Any) -> Deletion:
        """Take away what a preview lists, or everything."""
        on_step = fields.pop("on_step", lambda _step, _path: None)
        return carry_out(self.order(preview or self.preview(), **fields), on_step)

    # What is there

    def receipt(self) -> list[Line]:
        path = receipt_path(self.data, self.run_id)
        return list(lines_in(path)) if path.exists() else []

    def aside(self) -> dict[bytes, bytes]:
        """Return what lies in quarantine, by its path in the source."""
        found = {}
        for shelf in (self.source / QUARANTINE / self.run_id).glob("attempt-*"):
            found |= files_in(shelf)
        return found


def wishes(**fields: Any) -> ClearingWishes:
    """Return what a job says that takes files away."""
    return ClearingWishes(**{"delete_source": True} | fields)


def target_of(world: World) -> Target:
    return Target("", "", world.copy)
