"""What rclone's exit codes and last words mean for people."""

import json
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from core.remotes.calls import Trouble, TroubleCode

FOLDER_NOT_FOUND: Final = 3
FILE_NOT_FOUND: Final = 4
"""Exit codes, from "Exit code" in rclone's documentation; 1 and 2 are anything else."""

DELETE_LIMIT: Final = "--max-delete threshold reached"
"""What it says where a mirror would remove more than it may."""

PATH: Final = re.compile(
    r"\b(?:\w*open|\w*stat|\w*mkdir|read\w*|write|rename\w*|remove|unlink\w*|ch\w+|symlink|truncate) /.*: "
)
"""What the system was asked to do with which file, as programs in Go put it before why it refused."""


class Sign(NamedTuple):
    """Words by which a trouble is known, and what it is."""

    words: tuple[str, ...]
    code: TroubleCode
    sentence: str
    hint: str
    transient: bool = False
    unreachable: bool = False


SIGNS: Final = (
    Sign(
        ("corrupted on transfer", "corrupted transfer"),
        "failed",
        "What arrived at the destination is not what was sent.",
        "It is sent again. If this goes on, look at the disks on both sides and at the memory of this machine.",
        transient=True,
    ),
    Sign(
        ("failed to open source", "error reading source", "can't copy - source file"),
        "failed",
        "Some files of the source could not be read.",
        "The log names them. Look who may read them.",
        transient=True,
    ),
    Sign(
        ("couldn't decrypt", "bad password", "failed to authenticate decrypted block", "not an encrypted file"),
        "wrong-password",
        "The copy there was encrypted with another password.",
        "Give the destination the password that it was made with.",
    ),
    Sign(
        ("invalid_grant", "token expired", "token has expired", "expiredtoken", "expired_access_token",
         "token has been expired", "couldn't fetch token", "refresh token", "invalid bearer", "invalid_token"),
        "token-expired",
        "The login of the destination has expired.",
        "Give the destination a new token: rclone authorize prints one.",
    ),
    Sign(
        ("no space left", "insufficient storage", "insufficientstorage", "507 ", "quota exceeded", "quotaexceeded",
         "storagequotaexceeded", "disk quota", "insufficient_space", "storage_cap_exceeded", "not enough space", "remaining disk space",
         "552 ", "quotalimitreached"),
        "destination-full",
        "The destination is full.",
        "Make room there, or choose another destination.",
    ),
    Sign(
        ("too many requests", "429 ", "toomanyrequests", "slow down", "slowdown", "ratelimitexceeded",
         "rate limit", "rate_limit", "503 service unavailable", "server busy", "too_many_requests"),
        "too-many-requests",
        "The destination asks for fewer requests.",
        "It is tried again later; fewer transfers at once may help.",
        transient=True,
    ),
    Sign(
        ("knownhosts", "host key mismatch", "key mismatch", "key is unknown"),
        "host-key",
        "The server's key is not the one that is known.",
        "Find out whether the server was changed before you accept its new key.",
    ),
    Sign(
        ("401 ", "401:", "403 forbidden", "unauthorized", "unable to authenticate", "authentication failed", "accessdenied",
         "access denied", "invalidaccesskeyid", "signaturedoesnotmatch", "530 ", "logon failure", "login incorrect",
         "logon is invalid", "bad_auth_token", "invalid credentials", "login failed", "status_logon_failure",
         "permission to access", "authorizationfailed", "authenticationfailed", "forbidden"),
        "login-refused",
        "The destination refused the login.",
        "Look at the user and the password or key of the destination.",
    ),
    Sign(
        ("nosuchbucket", "bucket does not exist", "bucket not found", "container not found", "containernotfound",
         "directory not found", "notfound: bucket"),
        "missing",
        "The folder or bucket is not at the destination.",
        "Make it there, or correct its name.",
    ),
    Sign(
        ("connection refused", "no such host", "no route to host", "network is unreachable", "i/o timeout dial",
         "dial tcp", "couldn't connect", "host is down", "name or service not known", "connect: "),
        "unreachable",
        "The destination cannot be reached.",
        "Look whether it is up and this machine may come in.",
        transient=True,
        unreachable=True,
    ),
    Sign(
        ("connection reset", "broken pipe", "unexpected eof", "i/o timeout", "connection lost", "use of closed network",
         "eof", "timeout", "server closed", "tls handshake", "502 bad gateway", "504 gateway", "context deadline"),
        "connection-lost",
        "The connection to the destination was lost.",
        "What is there already is not sent again.",
        transient=True,
    ),
    Sign(
        ("permission denied", "read-only file system", "550 "),
        "refused",
        "The destination may not be read or written.",
        "Look who may write there.",
    ),
)  # fmt: skip


def trouble(code: int | None, said: Sequence[str]) -> Trouble:
    """Return what went wrong; `said` are rclone's last lines, newest last, as text or as its JSON log."""
    for text in map(_message, reversed(said)):
        if not text.startswith("can't retry"):  # it only says that it gives up
            for sign in SIGNS:
                if any(_has(text, word) for word in sign.words):
                    return _trouble_of(sign)
    if code in {FOLDER_NOT_FOUND, FILE_NOT_FOUND}:
        return _trouble_of(next(sign for sign in SIGNS if sign.code == "missing"))
    return Trouble(
        code="failed",
        sentence="rclone did not carry everything over." if code else "rclone did not end by itself.",
        hint="The log has all it said.",
        transient=code != 1 or bool(said),
    )


def in_the_middle(found: Trouble) -> Trouble:
    """Return the trouble of a program to which the destination was open a moment before: a login that ends then has expired."""
    if found.code != "login-refused":
        return found
    return Trouble(
        code="token-expired",
        sentence="The login was good when the run began and is refused now: it has expired, or was taken back.",
        hint="Give the destination a new token or password, then start the job again.",
    )


def _trouble_of(sign: Sign) -> Trouble:
    return Trouble(
        code=sign.code,
        sentence=sign.sentence,
        hint=sign.hint,
        transient=sign.transient,
        unreachable=sign.unreachable,
    )


def _has(text: str, word: str) -> bool:
    """Tell whether a text has a word; a number is not the end of a longer one."""
    at = text.find(word)
    while at > 0 and word[0].isdigit() and text[at - 1].isdigit():
        at = text.find(word, at + 1)
    return at >= 0


def _message(line: str) -> str:
    """Return what a line says, in small letters: the names of files could say anything, and are not part of it."""
    try:
        entry = json.loads(line) if line.startswith("{") else None
    except ValueError:
        entry = None
    text = str(entry.get("msg", "")) if isinstance(entry, dict) else line
    name = str(entry.get("object", "")) if isinstance(entry, dict) else ""
    text = text.replace(f"/{name}", "/") if name else text
    return PATH.sub(" ", text).lower()
