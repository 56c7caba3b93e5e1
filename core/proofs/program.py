"""The program that proves: it is told what to prove by a file, and leaves what it found and what it proved beside it.

Started by `core.proofs.prove`, in a process group of its own with whatever reads the destination for it.
"""

import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from core.copying.sampling import sample_size
from core.copying.tree import Tree
from core.copying.troubles import in_words
from core.proofs.findings import Findings
from core.proofs.folders import FolderReader
from core.proofs.judging import proof_of
from core.proofs.programs import ProgramReader
from core.proofs.readers import CannotRead, Desk, Reader
from core.proofs.records import Record, RecordWriter
from core.proofs.rsync import RsyncReader
from core.proofs.spool import Spool, State, order_of_drawing
from core.proofs.survey import Survey
from core.proofs.telling import CANNOT, OUTCOME, WISHES, Teller
from core.proofs.values import FolderReading, ProgramReading, Proof, ProofWishes, RemoteRsyncReading

RECORDS: Final = "records"
SPOOL: Final = "files.db"
FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def main(arguments: Sequence[str]) -> None:
    """Prove what the wishes in a folder say."""
    folder = Path(arguments[0])
    (folder / OUTCOME).unlink(missing_ok=True)
    try:
        wishes = msgspec.json.decode((folder / WISHES).read_bytes(), type=ProofWishes)
        proof = carry_out(wishes, folder, Teller())
        _put(folder / OUTCOME, msgspec.json.encode(proof))
    except CannotRead as error:
        _give_up(str(error))
    except sqlite3.Error as error:
        _give_up(f"What was found cannot be kept beside the run: {error}.")
    except OSError as error:
        _give_up(f"The proof could not be kept beside the run: {in_words(error)}.")


def _give_up(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.exit(CANNOT)


def carry_out(wishes: ProofWishes, folder: Path, teller: Teller, seed: int | None = None) -> Proof:
    """Return what was found; what was proved is in a file of records in the folder. Raises CannotRead, OSError, sqlite3.Error."""
    began = time.monotonic()
    (folder / RECORDS).unlink(missing_ok=True)
    with _desk(wishes, folder, teller) as desk:
        reader = reader_of(desk, wishes, folder)
        survey = Survey(
            desk.source,
            desk.spool,
            desk.findings,
            teller,
            patterns=wishes.patterns,
            left_out=wishes.folders_left_out,
            on_link=reader.look_at_link if reader.compares_links else None,
        )
        survey.run()
        sample = _read(reader, wishes, secrets.randbits(64) if seed is None else seed)
        proof = proof_of(desk, wishes, sample, links=0 if reader.compares_links else survey.links)
        if wishes.verify != "fast" and not desk.findings.sentences:
            _write_records(desk.spool, reader, folder / RECORDS)
            proof = replace(proof, records=str(folder / RECORDS))
        return replace(proof, seconds=round(time.monotonic() - began, 3))


@contextmanager
def _desk(wishes: ProofWishes, folder: Path, teller: Teller) -> Iterator[Desk]:
    try:
        root = os.open(wishes.source, FOLDER)
    except OSError as error:
        message = f"The source {wishes.source} cannot be opened: {in_words(error)}."
        raise CannotRead(message) from error
    spool = Spool(folder / SPOOL)
    source = Tree(root)
    try:
        yield Desk(source, spool, Findings(), teller, since_ns=wishes.since_ns)
    finally:
        spool.close()
        source.forget()
        os.close(root)
        (folder / SPOOL).unlink(missing_ok=True)


def reader_of(desk: Desk, wishes: ProofWishes, folder: Path) -> Reader:
    """Return who reads the destination back."""
    match wishes.reading:
        case FolderReading() as reading:
            return FolderReader(desk, reading)
        case ProgramReading() as reading:
            return ProgramReader(desk, reading, folder)
        case RemoteRsyncReading() as reading:
            return RsyncReader(desk, reading, wishes.source, folder)


def _read(reader: Reader, wishes: ProofWishes, seed: int) -> int:
    """Read what is to be read; returns the size of the sample that was wanted, 0 where none was."""
    spool, teller = reader.desk.spool, reader.desk.teller
    match wishes.verify:
        case "fast":
            spool.draw_all()
            teller.begin(spool.bytes)
            reader.look()
            return 0
        case "full":
            spool.draw_all()
            teller.begin(reader.bytes_to_read(spool.bytes))
            reader.read(whole=True)
            return 0
        case "sample":
            return _read_sample(reader, wishes, seed)


def _read_sample(reader: Reader, wishes: ProofWishes, seed: int) -> int:
    """Read files at random until enough are good; one that changed meanwhile is replaced by the next that comes."""
    spool = reader.desk.spool
    size = sample_size(spool.files, wishes.confidence, wishes.good_share)
    reader.desk.teller.begin(reader.bytes_to_read(spool.bytes * size // max(spool.files, 1)))
    lots = order_of_drawing(spool.files, seed)
    wanted = size
    while drawn := list(islice(lots, wanted)):
        spool.draw(drawn)
        reader.read(whole=size == spool.files)
        wanted = spool.count(State.CHANGED)[0] - (spool.drawn - size)
    return size


def _write_records(spool: Spool, reader: Reader, path: Path) -> None:
    with RecordWriter(path) as writer:
        for seen, digest in spool.proved():
            writer.write(Record(**seen._asdict(), algorithm=reader.algorithm, digest=digest))
        writer.finish()


def _put(path: Path, data: bytes) -> None:
    """Put a file in place whole, or not at all."""
    unfinished = path.with_suffix(".part")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
