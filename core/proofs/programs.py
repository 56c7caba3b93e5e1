"""Reading a destination back by a program that knows how."""

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Final, TypeVar

from core.copying.tree import Tree
from core.copying.troubles import in_words
from core.proofs import contents
from core.proofs.answers import archive_in, digests_in, sizes_in
from core.proofs.children import reading
from core.proofs.readers import CannotRead, Desk, Reader
from core.proofs.spool import Seen
from core.proofs.values import Algorithm, ProgramReading
from core.remotes.rclone_names import as_is, as_said

AT_ONCE: Final = 1_000
RESTORED_FILES: Final = 2_000
RESTORED_BYTES: Final = 1 << 30
"""So much of a sample is written below our folder at once, then read and removed."""
FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
BREAKS: Final = (
    "The destination has a name with a line break in it, or what lists it says more than names: "
    "what it says of its files cannot be trusted."
)
UNTELLABLE: Final = "its name cannot be told in a list: it has a line break, or is not UTF-8"

Answer = TypeVar("Answer")


class ProgramReader(Reader):
    """Lets a program read, and understands what it says."""

    def __init__(self, desk: Desk, wishes: ProgramReading, folder: Path) -> None:
        super().__init__(desk)
        self._wishes = wishes
        self._folder = folder
        self._strip = os.fsencode(wishes.strip)
        self._algorithm: Algorithm = "blake3"

    @property
    def algorithm(self) -> Algorithm:
        """Return how the digests of what is proved are made."""
        return self._algorithm

    # A fast look

    def look(self) -> None:
        """Compare sizes, if the program can list them."""
        if self._wishes.sizes_argv:
            self._leave_out_untellable()
            self._listed(self.desk.spool.tell_sizes)
            self.settle_sizes()

    def _listed(self, tell: Callable[[Iterable[tuple[bytes, int]]], None]) -> None:
        """Hear names and sizes; whatever is not of that form stands against the whole proof."""
        with self._running(self._wishes.sizes_argv) as stream:
            self._take(self._as_they_are(sizes_in(stream, self._strip)), tell)

    # Reading

    def read(self, *, whole: bool) -> None:
        """Read everything, or what was drawn where the program can do that."""
        if whole or not self._wishes.some_argv:
            self._read_all()
        elif self._wishes.some_understood == "restored":
            self._leave_out_untellable(asked=True, told=False)
            self._read_restored()
        else:
            self._leave_out_untellable(asked=True, told=self._wishes.some_understood == "digests")
            self._read_some(self._wishes.some_understood)
        self.settle(self._algorithm)

    def _read_all(self) -> None:
        wishes = self._wishes
        if wishes.understood == "digests":
            self._leave_out_untellable()
            if wishes.sizes_argv:  # a name cannot pass for two lines of both lists
                self._listed(self.desk.spool.tell_sizes)
        with self._running(wishes.argv) as stream:
            self._understand(stream, wishes.understood)

    def _read_some(self, understood: str) -> None:
        drawn = (seen for page in self.desk.spool.pages() for seen, _ in page)
        asked = self._write_list(drawn)
        with self._running(self._filled(asked)) as stream:
            self._understand(stream, understood)

    def _understand(self, stream: IO[bytes], understood: str) -> None:
        spool, teller = self.desk.spool, self.desk.teller
        if understood == "tar":
            self._algorithm = "blake3"
            self._take(archive_in(stream, "blake3", self._strip, teller.read), spool.tell_digests)
            return
        self._algorithm = self._wishes.algorithm
        said = digests_in(stream, self._algorithm, self._strip)
        self._take(self._as_they_are(said), spool.tell_digests, counts=True)

    def _as_they_are(
        self, said: "Iterator[tuple[bytes, Answer] | None]"
    ) -> "Iterator[tuple[bytes, Answer] | None]":
        """Give what is said of files by their names on a disk of this machine."""
        if self._wishes.names == "plain":
            return said
        return (one and (as_is(one[0]), one[1]) for one in said)

    def _take(
        self,
        said: "Iterator[tuple[bytes, Answer] | None]",
        tell: "Callable[[Iterable[tuple[bytes, Answer]]], None]",
        *,
        counts: bool = False,
    ) -> None:
        """Hear all of it, some at a time."""
        share = self.desk.spool.bytes // max(self.desk.spool.files, 1) if counts else 0
        odd = False
        while some := list(islice(said, AT_ONCE)):
            odd = odd or None in some
            tell(answer for answer in some if answer is not None)
            self.desk.teller.read(share * len(some))
        if odd:
            self.desk.findings.against(BREAKS)

    @contextmanager
    def _running(self, argv: Sequence[str]) -> Iterator[IO[bytes]]:
        with reading(argv, self._wishes.environment, self._wishes.good_codes) as stream:
            yield stream

    # Names that a list cannot hold

    def _leave_out_untellable(self, *, asked: bool = False, told: bool = True) -> None:
        """Count as unreadable what cannot be named; `asked` is that we name it, `told` that the program does."""
        lines = told or (asked and self._wishes.list_ends == "line")
        if not lines or self._wishes.names == "rclone":
            return
        spool = self.desk.spool
        for page in spool.pages():
            spool.settle(
                (seen.path, *self.desk.cannot_read(seen, UNTELLABLE))
                for seen, _ in page
                if not _is_tellable(seen.path)
            )

    # Asking for some

    def _write_list(self, some: Iterable[Seen]) -> Path:
        """Write the names of files as the program wants them."""
        end = b"\0" if self._wishes.list_ends == "zero" else b"\n"
        path = self._folder / "asked"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.writelines(self._in_list(seen.path) + end for seen in some)
        return path

    def _in_list(self, path: bytes) -> bytes:
        name = self._strip + (as_said(path) if self._wishes.names == "rclone" else path)
        if not self._wishes.list_is_patterns:
            return name
        for letter in (b"\\", b"*", b"?", b"["):
            name = name.replace(letter, b"\\" + letter)
        return name

    def _filled(self, asked: Path, folder: Path | None = None) -> list[str]:
        places = {"{list}": str(asked), "{folder}": str(folder or "")}
        return [places.get(argument, argument) for argument in self._wishes.some_argv]

    def _read_restored(self) -> None:
        """Let the program write some files at a time below a folder of ours, read them, remove them."""
        self._algorithm = "blake3"
        for some in self._portions():
            folder = self._folder / "restored"
            _remove(folder)
            folder.mkdir(mode=0o700)
            try:
                with self._running(self._filled(self._write_list(some), folder)):
                    pass
                self.desk.spool.tell_digests(self._restored_digests(folder, some))
            finally:
                _remove(folder)

    def _portions(self) -> Iterator[list[Seen]]:
        portion: list[Seen] = []
        size = 0
        for page in self.desk.spool.pages():
            for seen, _ in page:
                if portion and (len(portion) >= RESTORED_FILES or size + seen.size > RESTORED_BYTES):
                    yield portion
                    portion, size = [], 0
                portion.append(seen)
                size += seen.size
        if portion:
            yield portion

    def _restored_digests(self, folder: Path, some: Iterable[Seen]) -> Iterator[tuple[bytes, bytes]]:
        root = os.open(folder, FOLDER)
        tree = Tree(root)
        try:
            for seen in some:
                digest = self._restored_digest(tree, seen)
                if digest is not None:
                    yield seen.path, digest
        finally:
            tree.forget()
            os.close(root)

    def _restored_digest(self, tree: Tree, seen: Seen) -> bytes | None:
        """Return the digest of a file that was given back; None where it was not."""
        path = (self._strip + seen.path).lstrip(b"/")
        folder, _, name = path.rpartition(b"/")
        try:
            handle = tree.folder(folder)
            info = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if stat.S_ISREG(info.st_mode) and not info.st_mode & stat.S_IRUSR:
                os.chmod(name, 0o600, dir_fd=handle)
            with contents.opened(tree, path) as (file, _):
                return contents.digest_of(file, "blake3", self.desk.teller.read)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            message = f"What was given back of the destination cannot be read: {in_words(error)}."
            raise CannotRead(message) from error


def _is_tellable(path: bytes) -> bool:
    if b"\n" in path or b"\r" in path:
        return False
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def _remove(folder: Path) -> None:
    """Remove what was given back, also where it may not be written to."""
    if not folder.exists():
        return
    for place, names, _ in os.walk(folder):
        for name in names:
            inner = Path(place, name)
            if not inner.is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(folder)
