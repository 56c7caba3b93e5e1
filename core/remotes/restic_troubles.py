"""What restic means by its exit codes and last words: those of 0.14, which says all in words, and the codes of later ones."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from core.models import Value
from core.remotes.calls import Trouble, TroubleCode

NO_REPOSITORY: Final = 10
LOCKED: Final = 11
WRONG_PASSWORD: Final = 12
INTERRUPTED: Final = 130
NOT_FOUND: Final = (126, 127)
INCOMPLETE: Final = 3
LONGEST_WORDS: Final = 300


class Sign(NamedTuple):
    """Words by which a trouble is known, and what it is; what stands first counts."""

    words: re.Pattern[str]
    trouble: Trouble


def _trouble(
    code: TroubleCode, sentence: str, hint: str, *, transient: bool = False, unreachable: bool = False
) -> Trouble:
    return Trouble(
        code=code, sentence=sentence, hint=hint, transient=transient or unreachable, unreachable=unreachable
    )


PASSWORD_WRONG: Final = _trouble(
    "wrong-password",
    "The repository does not open with this password.",
    "Enter the right password at the destination; trying again does not help.",
)
NOTHING_THERE: Final = _trouble(
    "missing",
    "There is no repository at this place.",
    "Look whether its disk is mounted and its name is right, or prepare the destination to make a new one.",
)
IN_USE: Final = _trouble(
    "locked",
    "The repository is locked by somebody else.",
    "Wait until they are done. If they are gone for good, unlock the repository at the destination's page.",
    transient=True,
)
BROKEN: Final = _trouble(
    "damaged",
    "The repository is damaged: what was read there is not what was written.",
    "Keep the source as it is. Look at the disk of the repository, then mend it with `restic check` and `restic repair`.",
)
LOST: Final = _trouble(
    "connection-lost",
    "The connection to the repository was lost.",
    "It is tried again; what was carried over already is not carried again.",
    transient=True,
)

AT_WORK: Final = re.compile(r"^(?:Save|Load|List|Remove)\(", re.MULTILINE)
"""What restic says of each request that it tries again: it had reached the repository before."""

SIGNS: Final = tuple(
    Sign(re.compile(words, re.IGNORECASE), trouble)
    for words, trouble in (
        (r"wrong password or no key found", PASSWORD_WRONG),
        (
            r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed",
            _trouble(
                "host-key",
                "The host shows another key than the one that was confirmed: it may be another machine.",
                "Find out why its key changed. If it was set up anew, test the destination and confirm the new key.",
            ),
        ),
        (r"already locked|unable to create lock in backend: repository is", IN_USE),
        (
            r"no space left on device|disk quota exceeded|insufficient storage|\b507\b|QuotaExceeded|storage cap",
            _trouble(
                "destination-full",
                "There is no room left at the repository.",
                "Free some space there, or forget and prune old snapshots; nothing that was there is lost.",
            ),
        ),
        (
            r"ExpiredToken|expired_auth_token|token (?:has |is )?expired|invalid_grant",
            _trouble(
                "token-expired",
                "The login at the storage has expired.",
                "Enter new credentials at the destination.",
            ),
        ),
        (
            (
                r"unexpected HTTP response \((?:401|403)\)|\b(?:401 Unauthorized|403 Forbidden)\b|Access ?Denied|"
                r"InvalidAccessKeyId|SignatureDoesNotMatch|bad_auth_token|AuthenticationFailed|Permission denied \("
            ),
            _trouble(
                "login-refused",
                "The storage refuses the login.",
                "Look at the user and the password or key of the destination, and what they may do there.",
            ),
        ),
        (
            r"\b429\b|SlowDown|TooManyRequests|too many requests|rate limit",
            _trouble(
                "too-many-requests",
                "The storage is asked too much at once.",
                "It is tried again later; a limit at the job helps if this goes on.",
                transient=True,
            ),
        ),
        (
            (
                r"ciphertext verification failed|hash mismatch|(?:ID|hash|data) does not match|does not match id|"
                r"repository contains errors|invalid data returned|data corrupt|unexpected (?:pack|file) size|"
                r"not found in (?:the )?(?:index|repository)|unable to load tree|Pack \w+ (?:contains|does not)|"
                r"error\(s\) for pack|integrity"
            ),
            BROKEN,
        ),
        (
            (
                r"connection refused|no such host|no route to host|network is unreachable|Name or service not known|"
                r"Could not resolve hostname|TLS handshake timeout|dial tcp .*(?:i/o timeout|timed out)|"
                r"Connection timed out|host is down|server misbehaving"
            ),
            _trouble(
                "unreachable",
                "The repository's host does not answer.",
                "Is it on and in the network, and does the service run there?",
                unreachable=True,
            ),
        ),
        (
            (
                r"connection reset|broken pipe|unexpected EOF|: EOF\b|use of closed network connection|connection lost|"
                r"i/o timeout|subprocess ssh|client disconnected|server closed|stream error|50[0234] "
            ),
            LOST,
        ),
        (
            r"permission denied|operation not permitted|read-only file system",
            _trouble(
                "refused",
                "The repository's folder is closed to the user that Holdfast runs as.",
                "Give it to that user, or mount it so that it can be written to.",
            ),
        ),
        (
            (
                r"Is there a repository at the following location|repository does not exist|"
                r"unable to open config file|unexpected HTTP response \(404\)|NoSuchBucket|NoSuchKey"
            ),
            NOTHING_THERE,
        ),
        (
            r"config file already exists|config already exists|already initialized",
            _trouble(
                "refused",
                "There is a repository at this place already.",
                "Use it with its password, or choose another place for a new one.",
            ),
        ),
        (
            r"unknown (shorthand )?flag|unsupported repository version|invalid argument \S+ for ",
            _trouble(
                "failed",
                "This version of restic cannot do what the job asks for.",
                "Install a newer restic, or leave out the options that it does not know.",
            ),
        ),
    )
)

BY_CODE: Final = {NO_REPOSITORY: NOTHING_THERE, LOCKED: IN_USE, WRONG_PASSWORD: PASSWORD_WRONG}


class LockWords(Value, frozen=True, kw_only=True):
    """Who holds a repository, as restic says it when it finds it locked."""

    pid: int
    host: str
    user: str
    since: datetime | None = None


def trouble(code: int | None, said: Sequence[str]) -> Trouble:
    """Return what went wrong, by how restic ended and its last words, newest last."""
    text = "\n".join(said)
    if code in NOT_FOUND and (not said or "cannot be started" in text or "not found" in text):
        return _trouble(
            "failed",
            "restic is not installed on this machine.",
            "Install the package restic, then try again.",
        )
    found = BY_CODE.get(code or 0) or next((sign.trouble for sign in SIGNS if sign.words.search(text)), None)
    if found is not None and found.code == "unreachable" and AT_WORK.search(text):
        return LOST
    if found is not None:
        return _with_holder(found, text) if found.code == "locked" else found
    if code == INTERRUPTED or code is None:
        return _trouble(
            "failed", "restic was ended before it was done.", "It is tried again.", transient=True
        )
    words = last_words(said)
    sentence = (
        f"restic ended with {code} and said: {words}"
        if words
        else f"restic ended with {code} and said nothing."
    )
    return _trouble("failed", sentence, "Its own words are in the run's log.")


def last_words(said: Sequence[str]) -> str:
    """Return the last line that says something, without the word by which restic begins its last."""
    lines = [line.strip() for line in said if line.strip()]
    return lines[-1].removeprefix("Fatal: ")[:LONGEST_WORDS] if lines else ""


def holder_in(text: str) -> LockWords | None:
    """Return who holds the repository by what restic says of it; None where it does not."""
    match = re.search(r"locked(?: exclusively)? by PID (\d+) on (\S+) by (.+?) \(UID", text)
    if match is None:
        return None
    created = re.search(r"lock was created at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", text)
    since = None
    if created is not None:  # restic writes the machine's own time without its zone
        since = datetime.fromisoformat(created[1]).astimezone(UTC)
    return LockWords(pid=int(match[1]), host=match[2], user=match[3], since=since)


def _with_holder(found: Trouble, text: str) -> Trouble:
    holder = holder_in(text)
    if holder is None:
        return found
    since = f" since {holder.since:%Y-%m-%d %H:%M} UTC" if holder.since else ""
    sentence = f"The repository is locked by process {holder.pid} of {holder.user} on {holder.host}{since}."
    return _trouble("locked", sentence, found.hint, transient=True)
