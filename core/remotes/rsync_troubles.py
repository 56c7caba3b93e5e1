"""What rsync and ssh mean by their exit codes and last words (rsync(1), EXIT VALUES; ssh(1), EXIT STATUS)."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from core.remotes.calls import Trouble, TroubleCode

SSH_FAILED: Final = 255
NOT_FOUND: Final = (126, 127)


class _Sign(NamedTuple):
    """Words by which a trouble is known, and what it is; what stands first counts."""

    words: re.Pattern[str]
    trouble: Trouble


def _sign(
    words: str,
    code: TroubleCode,
    sentence: str,
    hint: str,
    *,
    transient: bool = False,
    unreachable: bool = False,
) -> _Sign:
    trouble = Trouble(
        code=code, sentence=sentence, hint=hint, transient=transient or unreachable, unreachable=unreachable
    )
    return _Sign(re.compile(words, re.IGNORECASE), trouble)


SIGNS: Final = (
    _sign(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for",
        "host-key",
        "The host shows another key than the one that was confirmed: it may be another machine.",
        "Find out why its key changed. If it was set up anew, test the destination and confirm the new key.",
    ),
    _sign(
        r"Permission denied \([a-z][\w,-]*\)|Too many authentication failures",
        "login-refused",
        "The host refused the login: it does not take this key for this user.",
        "Put the public key into authorized_keys of that user on the host.",
    ),
    _sign(
        r"Load key .*(?:error in libcrypto|invalid format|incorrect passphrase)",
        "login-refused",
        "The private key cannot be used: it is damaged or needs a passphrase.",
        "Enter a private key without a passphrase, made for this destination alone.",
    ),
    _sign(
        r"Could not resolve hostname",
        "unreachable",
        "The name of the host cannot be resolved.",
        "Is the name right, and does this machine have a network?",
        unreachable=True,
    ),
    _sign(
        r"Connection refused",
        "unreachable",
        "The host refuses the connection.",
        "Does ssh answer there, at this port?",
        unreachable=True,
    ),
    _sign(
        r"Connection timed out|Operation timed out|No route to host|Network is unreachable|Host is down",
        "unreachable",
        "The host does not answer.",
        "Is it on, and does this machine have a network?",
        unreachable=True,
    ),
    _sign(
        r"No space left on device|Disk quota exceeded|\(28\)|\(122\)",
        "destination-full",
        "There is no room left at the destination.",
        "Free some space there, or choose another destination; what was copied stays.",
    ),
    _sign(
        r"Read-only file system",
        "refused",
        "The destination can only be read: it is mounted read-only.",
        "Look why: a disk with errors is often mounted like this.",
    ),
    _sign(
        r"rsync: (?:command )?not found|No such file or directory: rsync|Failed to exec rsync",
        "missing",
        "There is no rsync on the host.",
        "Install it there.",
    ),
    _sign(
        r"(?:change_dir#?\d*|link_stat|mkdir|mkpath) .*failed: No such file or directory",
        "missing",
        "The folder is not there.",
        "Is the disk mounted? Make the folder, or correct its path.",
    ),
    _sign(
        r"(?:mkdir|change_dir#?\d*|opendir) .*failed: (?:Permission denied|Operation not permitted)",
        "refused",
        "The folder may not be entered or written by this user.",
        "Give the user leave there, or choose another folder.",
    ),
    _sign(
        r"is your shell clean|protocol version mismatch|unknown option|protocol incompatibility",
        "failed",
        "The other side does not speak the rsync that is needed: its version is old, or its shell writes something of its own.",
        "Update rsync there, and let the login of that user print nothing.",
    ),
    _sign(
        r"Input/output error",
        "damaged",
        "A disk reports errors.",
        "Look at the disk before anything else is written to it.",
    ),
)
"""From what a person must know first to what may only be a consequence of it."""

CUT: Final = Trouble(
    code="connection-lost",
    sentence="The connection broke off in the middle.",
    hint="It goes on where it was when the run is tried again.",
    transient=True,
    unreachable=True,
)
SIGNS_OF_THE_WHOLE: Final = frozenset({"destination-full", "damaged"})
"""Troubles that concern more than the files that rsync names."""

KILLED: Final = Trouble(
    code="failed",
    sentence="rsync was ended from outside.",
    hint="Was there too little memory? The log has all it said.",
    transient=True,
)
BY_CODE: Final[dict[int, Trouble]] = {
    3: Trouble(code="missing", sentence="A folder cannot be used.", hint="The log says which and why."),
    10: CUT,
    12: CUT,
    19: KILLED,
    20: KILLED,
    16: KILLED,
    15: KILLED,
    22: Trouble(
        code="failed",
        sentence="There was too little memory.",
        hint="Try it again when less is going on.",
        transient=True,
    ),
    30: CUT,
    35: CUT,
    SSH_FAILED: CUT,
}


def trouble(code: int | None, said: Sequence[str]) -> Trouble:
    """Return what is wrong where rsync ended with this code and last words, the newest last; None is by a signal."""
    for sign in SIGNS:
        if any(sign.words.search(line) for line in said):
            return sign.trouble
    if code is None:
        return KILLED
    if code in NOT_FOUND:
        return Trouble(code="missing", sentence="There is no rsync on the host.", hint="Install it there.")
    if code in BY_CODE:
        return BY_CODE[code]
    return Trouble(
        code="failed", sentence=f"rsync ended with exit code {code}.", hint="The log has all it said."
    )
