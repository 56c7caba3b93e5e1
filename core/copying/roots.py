"""Both ends of a copy, held open by handle for as long as it takes."""

import errno
import fcntl
import os
import stat
import time
from pathlib import Path
from typing import Final, Self

from core.copying.times import FIRST_SECOND, LAST_SECOND, SECOND, Times
from core.copying.tree import make_writable
from core.copying.troubles import FULL, in_words
from core.errors import EngineFailed

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
NEW_FOLDER: Final = 0o700
PRIVATE: Final = 0o600
PATIENCE_SECONDS: Final = 5.0
LOOK_AGAIN_SECONDS: Final = 0.05
PROBE: Final = ".holdfast-0000000000000000.part"
ODD_TIME: Final = 1_000_000_001_987_654_321
"""A time after 1980, where the first time of some begins, that every grain cuts off elsewhere."""
GRAINS: Final = (1, 100, 1_000, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000)


class Roots:
    """The source and the destination; the destination is ours alone meanwhile."""

    def __init__(self, source: Path, destination: Path) -> None:
        self.source_path, self.destination_path = source, destination
        self.source = open_source(source)
        try:
            self.destination = open_destination(destination)
        except BaseException:
            os.close(self.source)
            raise

    @property
    def identity(self) -> str:
        """Return what tells these two folders from any others."""
        here, there = os.fstat(self.source), os.fstat(self.destination)
        return f"{here.st_dev}.{here.st_ino}.{there.st_dev}.{there.st_ino}"

    def check(self) -> None:
        """Raise EngineFailed if a path no longer leads to the folder that is held."""
        check_still_there(self.source_path, self.source, "source")
        check_still_there(self.destination_path, self.destination, "destination")

    def times(self) -> Times:
        """Return which times the destination can hold."""
        try:
            return times_at(self.destination)
        except OSError as error:
            if error.errno in FULL:
                return Times()
            raise unusable(error) from error

    def close(self) -> None:
        """Let go of both."""
        os.close(self.source)
        os.close(self.destination)

    def __enter__(self) -> Self:
        """Return itself; it is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both."""
        self.close()


def times_at(folder: int) -> Times:
    """Find out with a file that has no name which times the folder's file system can hold."""
    handle = probe(folder)
    try:
        grain = grain_of(kept_time(handle, ODD_TIME))
        earliest, latest = (kept_time(handle, second * SECOND) for second in (FIRST_SECOND, LAST_SECOND))
    finally:
        os.close(handle)
    return Times(grain, earliest // SECOND, latest // SECOND)


def grain_of(kept: int) -> int:
    """Return how finely times are told where the odd time became this one, in nanoseconds."""
    return next((grain for grain in GRAINS if ODD_TIME // grain * grain == kept), GRAINS[-1])


def kept_time(handle: int, time_ns: int) -> int:
    """Return what becomes of a time that is given to the file."""
    os.utime(handle, ns=(time_ns, time_ns))
    return os.fstat(handle).st_mtime_ns


def probe(folder: int) -> int:
    """Return a new file in the folder that has no name, even if the folder is read-only."""
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    try:
        return nameless(folder)
    except PermissionError:
        make_writable(folder)
    try:
        return nameless(folder)
    finally:
        os.fchmod(folder, mode)


def nameless(folder: int) -> int:
    """Return a new file that has no name, or that loses it at once."""
    try:
        return os.open(".", os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, PRIVATE, dir_fd=folder)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}:
            raise
    return named_probe(folder)


def named_probe(folder: int) -> int:
    """Return a new file that has lost its name; one that a killed run left goes first."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        handle = os.open(PROBE, flags, PRIVATE, dir_fd=folder)
    except FileExistsError:
        os.unlink(PROBE, dir_fd=folder)
        handle = os.open(PROBE, flags, PRIVATE, dir_fd=folder)
    os.unlink(PROBE, dir_fd=folder)
    return handle


def open_source(path: Path) -> int:
    """Return a handle on the source. Raises EngineFailed: it is gone or holds nothing."""
    hint = "Is the disk mounted? Nothing was touched."
    try:
        handle = os.open(path, FOLDER)
    except OSError as error:
        message = f"The source cannot be opened: {in_words(error)}."
        raise EngineFailed(message, hint=hint, transient=True) from error
    with os.scandir(handle) as entries:
        if next(entries, None) is None:
            os.close(handle)
            message = "The source is empty."
            raise EngineFailed(message, hint=hint)
    return handle


def open_destination(path: Path, patience: float = PATIENCE_SECONDS) -> int:
    """Return a handle on the destination, made if missing and locked against a second run."""
    try:
        path.mkdir(mode=NEW_FOLDER)
    except FileExistsError:
        pass
    except OSError as error:
        raise unusable(error) from error
    try:
        handle = os.open(path, FOLDER)
    except OSError as error:
        raise unusable(error) from error
    busy = "to this destination" if not locked(handle, patience) else busy_above(handle, path)
    if busy:
        os.close(handle)
        message = f"Another run is copying {busy}."
        raise EngineFailed(message, hint="Wait until it is over, then try again.", transient=True)
    return handle


def busy_above(handle: int, path: Path) -> str:
    """Tell where another run is copying to a folder above ours, which it could write into.

    That run looks for ours in the same way once it gets here, so that one of both sees the other.
    """
    for above in Path(os.path.realpath(path)).parents:
        try:
            folder = os.open(above, FOLDER)
        except OSError:  # we may not look into it
            continue
        try:
            if not os.path.samestat(os.fstat(folder), os.fstat(handle)):
                fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return "into a folder above this one"
        except OSError:  # this file system has no locks
            continue
        finally:
            os.close(folder)
    return ""


def locked(handle: int, patience: float) -> bool:
    """Tell whether the folder is ours alone now.

    The processes of a server that was killed may hold it for a moment longer.
    """
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(LOOK_AGAIN_SECONDS)
        except OSError:  # this file system has no locks
            return True
        else:
            return True


def unusable(error: OSError) -> EngineFailed:
    """Return what to say of a destination that cannot be opened or made."""
    return EngineFailed(
        f"The destination cannot be used: {in_words(error)}.",
        hint="Is the disk mounted, and may Holdfast write there? Nothing was copied.",
        transient=error.errno in {errno.ENOENT, errno.EIO, errno.ENODEV, errno.ESTALE},
    )


def check_still_there(path: Path, handle: int, name: str) -> None:
    """Raise EngineFailed unless the path leads to the folder of the handle."""
    held = os.fstat(handle)
    try:
        now = path.stat()
    except OSError:
        now = None
    if now is not None and (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino):
        return
    message = f"The {name} was unplugged or replaced while it was being copied."
    hint = "Bring it back and run the job again; nothing can be said of what was copied."
    raise EngineFailed(message, hint=hint, transient=True)
