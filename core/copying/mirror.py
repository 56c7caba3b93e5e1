"""One attempt at a copy, from the first look to the proof."""

import copy
import hashlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from core.copying.account import Account
from core.copying.board import Board
from core.copying.copying import Copy
from core.copying.crew import Crew, CrewLost, MemberEnded
from core.copying.desk import Desk
from core.copying.limits import members
from core.copying.messages import Setup
from core.copying.names import shown
from core.copying.proving import prove, write_manifest
from core.copying.roots import Roots
from core.copying.scanning import scan
from core.copying.state import Files, Notes, forget_notes, load_notes
from core.copying.troubles import in_words
from core.copying.verdict import failure_hint, is_verified, too_much_vanished
from core.copying.wishes import Control, Report, Stopped, Wishes
from core.errors import EngineFailed

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
FOLDER: Final = "copy"
FORMAT: Final = 2
"""Of what a run keeps between attempts; another one is not gone on with."""


def mirror(wishes: Wishes, control: Control, left_out: tuple[Path, ...] = ()) -> Report:
    """Copy the source to the destination and prove it.

    Raises EngineFailed when something is not safe, and whatever `control` raises when the run is
    asked to stop. `left_out` are folders that are never looked into.
    """
    control.raise_if_asked()
    with Roots(wishes.source, wishes.destination) as roots:
        folder = control.workspace / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        key = key_of(wishes, roots)
        notes = load_notes(folder, key)
        with Files(folder, keep=notes is not None) as files:
            attempt = Attempt(wishes, control, roots, files, notes or Notes(key))
            try:
                report = attempt.run(left_out)
            except Stopped:
                control.raise_if_asked()
                raise
            except EngineFailed:
                forget_notes(folder)
                raise
            except OSError as error:
                raise broken_off(error) from error
        shutil.rmtree(folder)
        return report


def broken_off(error: OSError) -> EngineFailed:
    """Return what to say when not the copy but Holdfast itself could not go on."""
    what = in_words(error)
    if error.filename is not None:
        what = f"{shown(os.fsencode(error.filename))}: {what}"
    return EngineFailed(
        f"Holdfast could not keep its own notes, or start its processes: {what}.",
        hint="Look at the disk that holds Holdfast's data. The copy goes on from there.",
        transient=True,
    )


def boot_id() -> str:
    """Return what is different after each start of the machine."""
    return BOOT_ID.read_text().strip()


def key_of(wishes: Wishes, roots: Roots) -> str:
    """Return what must be the same for an attempt to go on from the one before."""
    # How fast it may be is no reason to begin anew.
    told = msgspec.json.encode(
        msgspec.structs.replace(wishes, bandwidth_limit=None, bandwidth_times=()), enc_hook=str
    )
    return hashlib.sha256(f"{FORMAT} {boot_id()} {roots.identity} ".encode() + told).hexdigest()


def identities(paths: tuple[Path, ...]) -> tuple[tuple[int, int], ...]:
    """Return device and inode of the paths that exist."""
    found = []
    for path in paths:
        try:
            info = path.stat()
        except OSError:
            continue
        found.append((info.st_dev, info.st_ino))
    return tuple(found)


class Attempt:
    """Goes through the stages with a crew of its own."""

    def __init__(self, wishes: Wishes, control: Control, roots: Roots, files: Files, notes: Notes) -> None:
        self._wishes = wishes
        self._control = control
        self._roots = roots
        self._files = files
        self._notes = notes

    def run(self, left_out: tuple[Path, ...]) -> Report:
        """Make the attempt."""
        board = Board()
        try:
            crew = Crew(members(), self._setup(board, left_out), board)
            try:
                return self._go(self._desk(crew))
            finally:
                crew.end()
        finally:
            board.close()

    def _desk(self, crew: Crew) -> Desk:
        return Desk(self._wishes, self._control, self._roots, crew, self._files, self._notes)

    def _setup(self, board: Board, left_out: tuple[Path, ...]) -> Setup:
        wishes = self._wishes
        destination = os.fstat(self._roots.destination)
        return Setup(
            source=self._roots.source,
            destination=self._roots.destination,
            board=board.handle,
            seat=0,
            parent=0,
            boot=boot_id(),
            digests=wishes.verify == "full",
            content=wishes.content,
            prove_all=wishes.verify != "fast",
            resumed=self._notes.stage != "scan",
            patterns=wishes.patterns,
            left_out=(*identities(left_out), (destination.st_dev, destination.st_ino)),
            times=self._roots.times(),
            own_names=wishes.own_names,
        )

    def _go(self, desk: Desk) -> Report:
        try:
            proof = self._stages(desk)
        except CrewLost as lost:
            self._roots.check()
            full = bool(desk.account.problems.get("full"))
            message = f"The copy broke off: {lost}. {self._said(desk)}"
            hint = "Free some space" if full else "Look at the destination's disk"
            if isinstance(lost, MemberEnded):
                hint = "Look whether the machine ran out of memory, or who ended it"
            hint += ", then run the job again: what is complete is not copied again."
            raise EngineFailed(message, hint=hint, transient=not full, **self._shown(desk)) from lost
        self._roots.check()
        return self._conclude(desk, proof)

    def _stages(self, desk: Desk) -> dict[str, Any]:
        if self._notes.stage == "scan":
            scanned_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            with desk.timed("scan"):
                scan(desk)
            self._notes.scanned_at = scanned_at
            desk.enter("copy")
        if self._notes.stage == "copy":
            Copy(desk).run()
            self._roots.check()
            self._notes.account = copy.deepcopy(desk.account)
            desk.enter("verify")
        else:
            self._files.copied.replay(Account())  # what it counted is in the notes already
        self._control.info("Comparing the destination with the source.")
        with desk.timed("verify"):
            return prove(desk) | write_manifest(desk)

    def _said(self, desk: Desk) -> str:
        done = desk.account["copied"] + desk.account["unchanged"]
        total = desk.account["files"]
        return f"{done:,} of {total:,} files are at the destination, whole but not verified."

    def _shown(self, desk: Desk) -> dict[str, Any]:
        result = desk.account.as_result() | {"verified": False}
        return {"result": result, "warnings": desk.account.warnings()}

    def _conclude(self, desk: Desk, proof: dict[str, Any]) -> Report:
        account = desk.account
        manifest = {name: proof.pop(name) for name in tuple(proof) if name.startswith("manifest")}
        seconds = {name: round(taken, 3) for name, taken in desk.notes.seconds.items()}
        result = account.as_result() | {"verification": proof, "seconds": seconds} | manifest
        if failed := account.failure_sentence() or too_much_vanished(account):
            raise EngineFailed(
                f"{failed}; {self._rest(desk)}.",
                hint=failure_hint(account),
                result=result | {"verified": False},
                warnings=account.warnings(),
            )
        result["verified"] = is_verified(desk)
        return Report(result, account.warnings())

    def _rest(self, desk: Desk) -> str:
        full = self._wishes.verify == "full"
        others = desk.account["proved"] if full else desk.account["files"] - desk.account.failures
        verb = "is" if others == 1 else "are"
        return f"the other {max(0, others):,} {verb} copied" + (" and verified" if full else "")
