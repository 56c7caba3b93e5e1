"""What a backup leaves out, settled before it begins, and said to restic and to the proof in the same way."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from core.copying.troubles import in_words
from core.errors import EngineFailed, StorageFailed
from core.models import Value
from core.processes.orders import Order
from core.processes.ours import argv_of
from core.repositories.leaving_out import MOST, TOO_MANY, LeavingOut, read_list
from core.repositories.patterns import CannotSay, lines_for, literal_line
from core.storage import atomic
from core.work import RunContext

PROGRAM: Final = "core.repositories.leaving_out"
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
OURS: Final = "/.holdfast-*"
"""Our own names at the root of a source: markers, and what was put aside."""

GITIGNORE_SPECIAL: Final = "\\*?[]!# "


class Omissions(Value, frozen=True, kw_only=True):
    """What is left out: the lines for restic, and the patterns beside the job's own that the proof needs."""

    lines: tuple[str, ...]
    patterns: tuple[str, ...] = ()


def settled(
    context: RunContext, source: Path, patterns: Sequence[str], *, caches: bool, disks: bool
) -> Omissions:
    """Return what to leave out of a source, whose path is the real one; a program looks where that has to be found out."""
    always = (*lines_for(source, (OURS,)), literal_line(os.path.realpath(context.surroundings.own_data)))
    try:
        said = lines_for(source, patterns)
    except CannotSay:
        said = None
    if said is not None and not (caches or disks):
        return Omissions(lines=(*said, *always))
    wishes = LeavingOut(source=str(source), patterns=tuple(patterns), caches=caches, other_disks=disks)
    found = _listed(context, wishes)
    literal = tuple(literal_line(os.path.join(source, path)) for path in found)  # noqa: PTH118 - maybe no UTF-8
    names = () if not (caches or disks) else tuple(as_pattern(path) for path in found)
    return Omissions(lines=(*(said or ()), *literal, *always), patterns=names)


def as_pattern(path: str) -> str:
    """Return a path within the source as a line of a .gitignore that matches nothing else."""
    return "/" + "".join(f"\\{letter}" if letter in GITIGNORE_SPECIAL else letter for letter in path)


def _listed(context: RunContext, wishes: LeavingOut) -> tuple[str, ...]:
    folder = context.workspace / "restic"
    asked, out = folder / "left-out.json", folder / f"left-out-{context.attempt}"
    with atomic.storage_errors("What is to be left out cannot be kept"):
        atomic.make_folder(folder)
        atomic.write_whole(asked, msgspec.json.encode(wishes), durable=False)
    order = Order(argv=argv_of(PROGRAM, str(asked), str(out)), folder="/", environment=ENVIRONMENT)
    ending = context.execute(order, name="left-out")
    if ending.code == TOO_MANY:
        message = f"The job leaves out more than {MOST:,} files by patterns that restic cannot be told."
        hint = "Leave out whole folders instead, or do without the patterns that take files back in."
        raise EngineFailed(message, hint=hint)
    if ending.code != 0:
        raise EngineFailed("What is to be left out could not be found out.", hint="The log says why.")
    try:
        return read_list(out)
    except OSError as error:
        message = f"What is to be left out cannot be read: {in_words(error)}."
        raise StorageFailed(message) from error
