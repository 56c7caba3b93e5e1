"""Looking at files that anybody may put there: never waiting, never following, never trusting a name."""

import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from core.errors import InvalidYaml
from core.models import Value
from core.storage import yaml_text
from core.storage.base import Problem
from core.storage.definitions import Definition, definition_from
from core.storage.exchanging import OURS_BY_SUM
from core.storage.placed import Signature, signature_of

SUFFIXES: Final = (".yaml", ".yml")
DEEPEST_FOLDER: Final = 8
F_SETSIG: Final = 10  # fcntl(2)
CALM_AFTER: Final = 2_000_000_000
"""Nanoseconds after which a file that is written again surely has another time of writing."""


class Kind(StrEnum):
    """What was found about a definition's file."""

    EDITED = "edited"
    MISTAKEN = "mistaken"
    NEW = "new"
    GONE = "gone"
    DAMAGED = "damaged"
    HEALED = "healed"


class Found(Value, frozen=True, kw_only=True):
    """A definition that is not as Holdfast left it.

    `file` is its path below `jobs/`. Of a new one `job_id` is the id it has or is to have; of a
    file that belongs to no job it is None. `said` is what the file said before and `base` the job that
    it stood for, which may say more; None where that is not known. `written_ns` is when the file was last touched.
    """

    kind: Kind
    file: str
    job_id: str | None = None
    definition: Definition | None = None
    said: Definition | None = None
    base: Definition | None = None
    problem: Problem | None = None
    text: bytes = b""
    written_ns: int = 0

    @property
    def key(self) -> str:
        """Return under what a mistake of it is noted: the job's id, or the path of a file without a job."""
        return self.job_id if self.job_id and self.kind != Kind.NEW else f"jobs/{self.file}"


class Seen(NamedTuple):
    """What is in a file, and which file it was."""

    text: bytes
    status: os.stat_result


def is_ours_to_read(name: str) -> bool:
    """Tell whether a file of this name can be a definition; editors leave others beside it."""
    return name.endswith(SUFFIXES) and name[0] != "."


def content(path: Path) -> Seen:
    """Return what is in a file; raises FileNotFoundError, and InvalidYaml for what is not to be read."""
    try:
        _refuse_strange(os.lstat(path))
        # Between the two looks it may have become a pipe or a link: neither is waited for nor followed.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            status = os.fstat(file.fileno())
            _refuse_strange(status)
            return Seen(file.read(yaml_text.LONGEST_TEXT + 1), status)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except OSError as error:
        raise InvalidYaml(f"It could not be read: {os.strerror(error.errno or 0).lower()}.") from error


def is_being_written(path: Path) -> bool:
    """Tell whether a process has the file open for writing: what it means to write may still come.

    The kernel refuses a lease on such a file. Whoever opens it in that moment waits for its end, and
    the signal about that is one that nobody hears.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def _refuse_strange(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise InvalidYaml("It is a link; put the file itself there.")
    if not stat.S_ISREG(status.st_mode):
        raise InvalidYaml("It is not a file.")
    if status.st_uid != os.geteuid():
        raise InvalidYaml(
            f"It belongs to the user {status.st_uid}, not to the one that runs Holdfast ({os.geteuid()}).",
        )
    if status.st_size > yaml_text.LONGEST_TEXT:
        raise InvalidYaml(f"It is longer than {yaml_text.LONGEST_TEXT:,} bytes.")


def calm_signature(status: os.stat_result) -> Signature | None:
    """Return the signature of a file, None while another writing could leave it as it is."""
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    return signature_of(status) if latest < time.time_ns() - CALM_AFTER else None


class Folder(NamedTuple):
    """The definitions in one folder, each with its signature; None for what cannot be read as a file.

    `left` has the temporary files of ours.
    """

    files: dict[str, Signature | None]
    left: list[str]
    trouble: OSError | None = None


def walk(top: Path, below: str = "", depth: int = 0) -> Iterator[tuple[str, Folder]]:
    """Give each folder at and below a place (a path below `top`), with what lies in it; links are no folders."""
    files: dict[str, Signature | None] = {}
    left: list[str] = []
    inner: list[str] = []
    try:
        with os.scandir(top / below) as entries:
            for entry in entries:
                name = entry.name
                file = f"{below}/{name}" if below else name
                if entry.is_dir(follow_symlinks=False):
                    inner += [file] if name[0] != "." and depth < DEEPEST_FOLDER else []
                elif name.endswith(SUFFIXES) and name[0] != ".":
                    files[file] = _signature(entry)
                elif OURS_BY_SUM.match(entry.name):
                    left.append(file)
    except OSError as error:
        yield below, Folder(files, left, error)
        return
    yield below, Folder(files, left)
    for folder in sorted(inner):
        yield from walk(top, folder, depth + 1)


def _signature(entry: "os.DirEntry[str]") -> Signature | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return signature_of(status) if stat.S_ISREG(status.st_mode) else None


def parsed(text: bytes) -> Definition:
    """Return the definition in the text; raises InvalidYaml, which says more where people often trip."""
    try:
        return definition_from(text)
    except InvalidYaml as error:
        line = line_of(text, error.line)
        indentation = line[: len(line) - len(line.lstrip())]
        if "\t" in indentation:
            column = indentation.index("\t") + 1
            message = "A tab stands at the beginning of the line; YAML wants blanks there."
            raise InvalidYaml(message, line=error.line, column=column) from None
        raise


def problem_of(file: str, error: InvalidYaml, *, job_id: str | None = None) -> Problem:
    """Return what is wrong with a file (a path below `jobs/`)."""
    path = f"jobs/{printable(file)}"
    return Problem(path=path, message=str(error), line=error.line, column=error.column, job_id=job_id)


def printable(name: str) -> str:
    """Return a file's name as it can be shown on one line and written down, whatever is in it."""
    return name if name.isprintable() else ascii(name)[1:-1]


def line_of(text: bytes, number: int | None) -> str:
    """Return a line of a text, counted from 1; empty where there is none."""
    lines = text.decode(errors="replace").splitlines()
    return lines[number - 1] if number and number <= len(lines) else ""
