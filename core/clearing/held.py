"""What lies in quarantine of one run, held open: for whoever puts it back or lets go of it."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, Self

from core.clearing.names import QUARANTINE, split
from core.clearing.receipts import Became, Began, Emptied, Moving, Receipts, lines_in, opened, receipt_path
from core.clearing.settling import settle
from core.clearing.shelves import remove_empty, shelf_name
from core.clearing.sides import FOLDER, Stopped
from core.copying.tree import Tree
from core.copying.troubles import in_words
from core.destinations.marker import marker_of

STATES: Final = ("open", "aside", "gone", "kept", "astray", "back")


class Held:
    """The quarantine of a run, its receipts and its source. Raises Stopped where one of them is not what it was."""

    def __init__(self, own_data: Path, run_id: str) -> None:
        self._run_id = run_id
        self._path = receipt_path(own_data, run_id)
        self.began = began_in(self._path)
        with contextlib.ExitStack() as stack:
            self.source = _source_of(self.began)
            stack.callback(os.close, self.source)
            self._quarantine = _opened_below(self.source, run_id)
            stack.callback(os.close, self._quarantine)
            self.roots = [
                stack.enter_context(_held(root)) for root in self.began.roots if _is_there(Path(root))
            ]
            self.receipts = stack.enter_context(_receipts(own_data, run_id, self.roots))
            settle(self.receipts, self.source, self._quarantine)
            self.states, self.modes = self._read()
            self._stack = stack.pop_all()

    @property
    def attempts(self) -> list[int]:
        """Return which attempts took something away, the last one first."""
        return sorted(
            {line.attempt for line in lines_in(self._path) if isinstance(line, Began)}, reverse=True
        )

    def of_attempt(self, attempt: int, *states: str) -> Iterator[Moving]:
        """Yield what an attempt moved and is in one of these states."""
        wanted = {STATES.index(state) for state in states}
        for line in lines_in(self._path):
            if isinstance(line, Moving) and line.attempt == attempt and self.states[line.n] in wanted:
                yield line

    @contextlib.contextmanager
    def shelf(self, attempt: int) -> Iterator[Tree | None]:
        """Hold what an attempt took away; None where nothing of it is left."""
        try:
            tree = Tree(os.open(shelf_name(attempt), FOLDER, dir_fd=self._quarantine))
        except OSError:
            yield None
            return
        try:
            yield tree
        finally:
            tree.forget()
            os.close(tree.root)

    def missing(self, moving: Moving) -> Became:
        """Return what became of a file that is not in quarantine: it is back where it was if a kill came before that was noted."""
        folder, name = split(moving.name)
        tree = Tree(self.source)
        try:
            info = os.stat(name, dir_fd=tree.folder(folder), follow_symlinks=False)
        except OSError:
            there = False
        else:
            now = (info.st_ino, info.st_size, info.st_mtime_ns)
            there = stat.S_ISREG(info.st_mode) and now == (moving.inode, moving.size, moving.mtime_ns)
        finally:
            tree.forget()
        state: Literal["back", "gone"] = "back" if there else "gone"
        return Became(n=moving.n, state=state, why="it was not in quarantine any more")

    def tidy(self) -> bool:
        """Remove the quarantine as far as it is empty; tell whether nothing is left of it."""
        try:
            return remove_empty(self.source, self._run_id)
        except FileNotFoundError:
            return True

    def close(self) -> None:
        """Let go of all of it."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Return itself; it is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _read(self) -> tuple[bytearray, dict[bytes, int]]:
        """Return the state of each file by its number, and the modes of folders that were removed."""
        states, modes = bytearray(1), {}
        for line in lines_in(self._path):
            if isinstance(line, Moving):
                states.extend(bytes(max(0, line.n + 1 - len(states))))
            elif isinstance(line, Became) and line.n < len(states):
                states[line.n] = STATES.index(line.state)
            elif isinstance(line, Emptied):
                modes[line.name] = line.mode
        return states, modes


def began_in(path: Path) -> Began:
    """Return how the last attempt in a receipt began; raises Stopped where there is none."""
    found = None
    try:
        for line in lines_in(path):
            found = line if isinstance(line, Began) else found
    except OSError as error:
        raise Stopped(f"The receipts cannot be read: {in_words(error)}.") from error
    if found is None:
        raise Stopped("The receipts of this run do not say what was taken away.")
    return found


def _source_of(began: Began) -> int:
    try:
        handle = os.open(began.source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Stopped(f"The source {began.source} cannot be opened: {in_words(error)}.") from error
    info = os.fstat(handle)
    if (info.st_dev, info.st_ino) != (began.source_device, began.source_inode) and not _has_it(handle, began):
        os.close(handle)
        raise Stopped(f"{began.source} is another folder or another disk than the one files were taken from.")
    return handle


def _has_it(handle: int, began: Began) -> bool:
    """Tell whether a folder is the source by what lies in it: a disk that was mounted anew has another number."""
    if os.fstat(handle).st_ino != began.source_inode:
        return False
    with contextlib.suppress(OSError):
        os.close(_opened_below(handle, began.run_id))
        return True
    return False


def _opened_below(source: int, run_id: str) -> int:
    """Return the quarantine of a run; raises Stopped where it is not there, or not ours."""
    try:
        above = os.open(QUARANTINE, FOLDER, dir_fd=source)
        try:
            handle = os.open(run_id.encode(), FOLDER, dir_fd=above)
        finally:
            os.close(above)
    except OSError as error:
        raise Stopped(f"What was taken away is not at the source: {in_words(error)}.") from error
    if os.fstat(handle).st_uid != os.geteuid():
        os.close(handle)
        raise Stopped("The quarantine at the source is not a folder of Holdfast's own.")
    return handle


def _is_there(root: Path) -> bool:
    """Tell whether a destination is there with its marker; a disk that is not mounted leaves an empty folder behind."""
    return root.is_dir() and marker_of(root) is not None


@contextlib.contextmanager
def _held(root: str) -> Iterator[int]:
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _receipts(own_data: Path, run_id: str, roots: list[int]) -> Receipts:
    try:
        return opened(own_data, run_id, roots)
    except BlockingIOError:
        raise Stopped("Files of this run are being moved at this moment; wait until that is over.") from None
