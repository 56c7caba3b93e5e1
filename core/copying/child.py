"""A member of the crew: takes requests from its standard input and answers on its standard output.

It ends when its parent does, however that comes about: by the signal asked for below, or because
nobody is at the other end of its input any more.
"""

import os
import struct
import sys
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final

from core.copying.board import Board
from core.copying.kernel import die_with_parent
from core.copying.look import Scanner
from core.copying.messages import (
    CopyUnit,
    LookInto,
    MakeLinks,
    ProveFolders,
    ProveLinks,
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
from core.copying.troubles import DestinationLost, Halted, in_words

# What only copying and proving needs is loaded when that begins: a pass over a tree in which
# nothing has changed is over sooner than all of it is loaded.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from core.copying.linking import Linker, LinkProver
    from core.copying.proof import Prover
    from core.copying.settle import Finisher
    from core.copying.transfer import Copier

LENGTH: Final = struct.Struct("<I")


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
        self._setup = setup
        self._answers = answers
        self._board = Board(setup.board)
        self._scanner = Scanner(setup, self._board, self.send)

    @cached_property
    def _copier(self) -> "Copier":
        from core.copying.transfer import Copier

        return Copier(self._setup, self._board)

    @cached_property
    def _finisher(self) -> "Finisher":
        from core.copying.settle import Finisher

        return Finisher(self._copier)

    @cached_property
    def _linker(self) -> "Linker":
        from core.copying.linking import Linker

        return Linker(self._copier)

    @cached_property
    def _link_prover(self) -> "LinkProver":
        from core.copying.linking import LinkProver

        return LinkProver(self._linker, self._prover)

    @cached_property
    def _prover(self) -> "Prover":
        from core.copying.proof import Prover

        # What is proved is what stands under these names now, not what was written to.
        self._copier.source.forget()
        self._copier.destination.forget()
        return Prover(self._copier)

    def _sync(self) -> Reply:
        from core.copying.kernel import sync

        sync(self._setup.destination)
        return Reply("done")

    def _write_manifest(self, request: WriteManifest) -> Reply:
        from core.copying.manifest import write_manifest

        return write_manifest(request)

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
                self.send(self._linker.link(pairs))
            case ProveLinks(pairs):
                self.send(self._link_prover.prove(pairs))
            case ProveFolders(folders):
                self.send(self._finisher.prove(folders))
            case SettleFolders(folders):
                self.send(self._finisher.settle(folders))
            case SyncAll():
                self.send(self._sync())
            case WriteManifest():
                self.send(self._write_manifest(request))


def main() -> None:
    """Serve until the parent has no more requests."""
    os.umask(0)
    frame = read_frame(sys.stdin.buffer)
    if frame is None:
        return
    try:
        setup = unpack_setup(frame)
        die_with_parent(setup.parent)
        Member(setup, sys.stdout.buffer).serve(sys.stdin.buffer)
    except BrokenPipeError:  # nobody is there any more to hear the answer
        os._exit(1)


if __name__ == "__main__":
    main()
