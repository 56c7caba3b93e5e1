"""A member of the crew: takes requests from its standard input and answers on its standard output.

It ends when its parent does, however that comes about: by the signal asked for below, or because
nobody is at the other end of its input any more.
"""

import ctypes
import os
import signal
import struct
import sys
from typing import BinaryIO, Final

from core.copying.board import Board
from core.copying.look import Scanner
from core.copying.manifest import write_manifest
from core.copying.messages import (
    CopyUnit,
    LookInto,
    MakeLinks,
    ProveUnit,
    Reply,
    Request,
    SettleFolders,
    Setup,
    SyncAll,
    WriteManifest,
    pack,
    unpack_marks,
    unpack_request,
    unpack_setup,
    unpack_unit,
)
from core.copying.proof import Prover
from core.copying.settle import Finisher
from core.copying.transfer import Copier
from core.copying.troubles import DestinationLost, Halted, in_words

LENGTH: Final = struct.Struct("<I")
PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def die_with_parent(parent: int) -> None:
    """Let the kernel end this process when the thread that started it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def sync(handle: int) -> None:
    """Bring the file system of the handle from memory to its disk. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def read_frame(stream: BinaryIO) -> bytes | None:
    """Return the next message, or None when there will be no more."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    frame = stream.read(size)
    return frame if len(frame) == size else None


class Member:
    """Does what it is asked, one request after the other."""

    def __init__(self, setup: Setup, answers: BinaryIO) -> None:
        self._answers = answers
        self._destination = setup.destination
        self._board = Board(setup.board)
        self._scanner = Scanner(setup, self._board, self.send)
        self._copier = Copier(setup, self._board)
        self._prover = Prover(self._copier, self._copier.pace)
        self._finisher = Finisher(self._copier)

    def send(self, reply: Reply) -> None:
        """Answer, or answer a part."""
        frame = pack(reply)
        self._answers.write(LENGTH.pack(len(frame)) + frame)
        self._answers.flush()

    def serve(self, requests: BinaryIO) -> None:
        """Answer requests until there are no more."""
        while (frame := read_frame(requests)) is not None:
            try:
                self._handle(unpack_request(frame))
            except Halted:
                self.send(Reply("stopped"))
            except DestinationLost as lost:
                self.send(Reply("broken", reason=str(lost)))
            except OSError as error:
                self.send(Reply("broken", reason=in_words(error)))

    def _handle(self, request: Request) -> None:
        match request:
            case LookInto(folder):
                self._scanner.look(folder)
            case CopyUnit(unit):
                self.send(self._copier.copy(unpack_unit(unit)))
            case ProveUnit(unit, marks, chosen, content):
                known = unpack_marks(marks) if marks else ()
                self.send(self._prover.prove(unpack_unit(unit), known, chosen, bytes_too=content))
            case MakeLinks(pairs):
                self.send(self._finisher.link(pairs))
            case SettleFolders(folders):
                self.send(self._finisher.settle(folders))
            case SyncAll():
                sync(self._destination)
                self.send(Reply("done"))
            case WriteManifest():
                self.send(write_manifest(request))


def main() -> None:
    """Serve until the parent has no more requests."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to decide on
    os.umask(0)
    frame = read_frame(sys.stdin.buffer)
    if frame is None:
        return
    setup = unpack_setup(frame)
    die_with_parent(setup.parent)
    Member(setup, sys.stdout.buffer).serve(sys.stdin.buffer)


if __name__ == "__main__":
    main()
