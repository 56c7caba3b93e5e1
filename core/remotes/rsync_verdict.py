"""What it means how rsync ended (rsync(1), EXIT VALUES)."""

from typing import Final

from core.errors import EngineFailed
from core.processes.orders import Exit
from core.remotes.calls import failure
from core.remotes.rsync_said import Listener
from core.remotes.rsync_troubles import SIGNS_OF_THE_WHOLE, trouble

PARTLY, VANISHED, BUDGET = 23, 24, 25
GOOD: Final = frozenset({0, VANISHED, BUDGET})
"""Codes after which everything that was there has been carried."""


def judged(ending: Exit, heard: Listener) -> tuple[str, ...]:
    """Return what to warn of; raises EngineFailed by how rsync ended."""
    warnings = []
    if heard.vanished or ending.code == VANISHED:
        noun = "file" if heard.vanished == 1 else "files"
        warnings.append(f"{max(heard.vanished, 1):,} {noun} vanished from the source while it was copied.")
    if heard.skipped:
        noun = "special file or link was" if heard.skipped == 1 else "special files or links were"
        warnings.append(f"{heard.skipped:,} {noun} left out.")
    if ending.code in GOOD:
        return tuple(warnings)
    found = trouble(ending.code, heard.said)
    if ending.code != PARTLY or found.code in SIGNS_OF_THE_WHOLE:
        raise failure(found, heard.last_words)
    if heard.troubled and heard.only_attributes:
        names = _some(heard)
        return (*warnings, f"Times, owners or rights of {heard.troubled:,} could not be kept: {names}.")
    message = f"{max(heard.troubled, 1):,} could not be copied: {_some(heard)}."
    hint = "Look who may read them, and whether the disk is well. The rest was copied; the log has all that rsync said."
    result = {"copied": heard.files, "copied_bytes": heard.bytes, "not_copied": list(heard.named)}
    raise EngineFailed(message, hint=hint, code="partial", result=result, warnings=warnings)


def _some(heard: Listener) -> str:
    shown = heard.named[:5]
    more = heard.troubled - len(shown)
    names = ", ".join(shown) or "the log names them"
    return f"{names} and {more:,} more" if more > 0 and shown else names
