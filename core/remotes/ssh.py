"""rsync over ssh: how a destination is named in its words, by which one host key it is known, and what its troubles mean.

The command line of ssh is ours alone: no configuration of a user or of the machine is read, no agent, no password, no
forwarding, no host that is not known by the key that an admin has seen.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.destinations.known import Destination, Destinations
from core.errors import EngineFailed, Unreachable
from core.remotes import asking
from core.remotes.calls import Call
from core.remotes.rsync_troubles import trouble
from core.storage import atomic

PATH: Final = "/usr/local/bin:/usr/bin:/bin"
ENVIRONMENT: Final = {"PATH": PATH, "HOME": "/nonexistent", "LANG": "C.UTF-8"}
__all__ = ["call", "scan_key", "settings_problems", "trouble"]

ALIAS: Final = "holdfast-destination"
"""The name by which ssh looks for the host's key in a file that has only that one."""

DEFAULT_PORT: Final = 22
MOST_KEYS: Final = 20
KNOWN_HOSTS: Final = "known_hosts"
FIELDS: Final = ("host", "port", "user", "path", "host_key")

NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\Z")
USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\Z")
KEY_TYPE: Final = re.compile(
    r"(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]{1,60})\Z"
)

ALWAYS: Final = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    f"HostKeyAlias={ALIAS}",
    "CheckHostIP=no",
    "UpdateHostKeys=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    "ControlPath=none",
    "EscapeChar=none",
    "LogLevel=ERROR",
)


class HostKeys(NamedTuple):
    """The keys a host shows: as they are kept with a destination, and as a person compares them."""

    lines: str
    fingerprints: tuple[str, ...]


def call(destination: Destination, destinations: Destinations, below: str = "") -> Call:
    """Return how rsync is called to reach the destination; raises EngineFailed where its key is not there."""
    shell = shell_to(destination, destinations)
    return Call(
        argv=("rsync", f"--rsh={in_rsync_words(shell)}"),
        environment=dict(ENVIRONMENT),
        place=place_of(destination.settings, below),
    )


def shell_to(destination: Destination, destinations: Destinations) -> tuple[str, ...]:
    """Return the command of ssh without the host; raises EngineFailed where its key is not there."""
    settings = destination.settings
    if problems := settings_problems(settings):
        message = f"The destination {destination.name} cannot be used: {' '.join(problems.values())}"
        raise EngineFailed(message, hint="Correct the destination.")
    if not settings.get("host_key"):
        message = f"The key of the host of {destination.name} was never confirmed."
        raise EngineFailed(message, hint="Test the destination and compare the fingerprint.", code="host-key")
    key = _key_of(destination, destinations)
    return shell_for(settings, key, _pinned(str(settings["host_key"]), key.parent))


def command_there(destination: Destination, destinations: Destinations, command: str) -> tuple[str, ...]:
    """Return how the host is asked to run a command of ours; raises EngineFailed as `shell_to` does."""
    settings = destination.settings
    who = f"{settings['user']}@{settings['host']}" if settings.get("user") else str(settings["host"])
    return (*shell_to(destination, destinations), "--", who, command)


def shell_for(settings: Mapping[str, Any], key: Path, known_hosts: Path) -> tuple[str, ...]:
    """Return the command of ssh without the host."""
    files = (f"UserKnownHostsFile={_in_ssh_words(known_hosts)}", f"IdentityFile={_in_ssh_words(key)}")
    options = [part for option in (*ALWAYS, *files) for part in ("-o", option)]
    return ("ssh", "-F", "none", *options, "-p", str(settings.get("port") or DEFAULT_PORT))


def place_of(settings: Mapping[str, Any], below: str = "") -> str:
    """Return "user@host:path" as rsync understands it, with an address of IPv6 in brackets."""
    host = str(settings["host"])
    if ":" in host:
        host = f"[{host}]"
    user = settings.get("user")
    path = str(settings.get("path") or ".").rstrip("/") or "/"
    path = path if path.startswith("/") else f"./{path}"
    whole = f"{path.rstrip('/')}/{below}" if below else path
    return f"{user}@{host}:{whole}" if user else f"{host}:{whole}"


def in_rsync_words(words: Sequence[str]) -> str:
    """Return a command as rsync takes it apart again: at spaces, but for what is in quotes."""
    return " ".join("'" + word.replace("'", "''") + "'" if _is_odd(word) else word for word in words)


def _is_odd(word: str) -> bool:
    return not word or any(character in word for character in " '\"")


def _in_ssh_words(path: Path) -> str:
    """Return a path as a value of ssh's configuration, in which % and quotes have a meaning."""
    text = str(path)
    if '"' in text or "${" in text or "\\" in text:
        message = f"ssh cannot be told of the file {text}."
        raise EngineFailed(message, hint="Keep Holdfast's data in a folder without quotes, ${ and \\.")
    text = text.replace("%", "%%")
    return f'"{text}"' if " " in text else text


def _key_of(destination: Destination, destinations: Destinations) -> Path:
    if "key" not in destination.secrets:
        message = f"{destination.name} has no private key to log in with."
        raise EngineFailed(message, hint="Give the destination a key.", code="login-refused")
    try:
        return destinations.secret(destination.id, "key")
    except FileNotFoundError:
        message = f"The private key of {destination.name} is gone."
        raise EngineFailed(message, hint="Enter it again.", code="login-refused") from None


def _pinned(host_key: str, folder: Path) -> Path:
    """Return the file with the one host key there is to believe, beside the key that proves who we are."""
    text = known_hosts_text(host_key)
    path = folder / f"{KNOWN_HOSTS}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not path.is_file():
        with atomic.storage_errors("The key of the host could not be kept"):
            atomic.write_whole(path, text.encode())
    return path


def known_hosts_text(host_key: str) -> str:
    """Return the kept lines under the one name that ssh is told to look for."""
    return "".join(f"{ALIAS} {kind} {key}\n" for kind, key in keys_in(host_key))


def keys_in(host_key: str) -> tuple[tuple[str, str], ...]:
    """Return the type and the key of each line, with or without names before; raises ValueError for anything else."""
    found = []
    for line in host_key.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        kind, key = words[:2] if KEY_TYPE.match(words[0]) else [*words[1:3], "", ""][:2]
        if not KEY_TYPE.match(kind) or not _is_key(kind, key):
            message = "this is no line of a known_hosts file"
            raise ValueError(message)
        found.append((kind, key))
    if not 0 < len(found) <= MOST_KEYS:
        message = "this has no key in it, or too many"
        raise ValueError(message)
    return tuple(found)


def _is_key(kind: str, key: str) -> bool:
    try:
        content = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return False
    return content[4 : 4 + len(kind)] == kind.encode() and len(content) <= 10_000  # noqa: PLR2004 - far beyond any


def fingerprint_of(key: str) -> str:
    """Return what `ssh-keygen -l` shows for a key."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def scan_key(
    host: str,
    port: int = DEFAULT_PORT,
    *,
    seconds: float = 15.0,
    enough: Callable[[], bool] = asking.never,
) -> HostKeys:
    """Return the keys that a host shows, for a person to compare; raises Unreachable where it shows none."""
    if problem := _problem_of_host(host) or _problem_of_port(port):
        raise EngineFailed(problem, hint="Correct the destination.")
    argv = ["ssh-keyscan", "-T", str(max(1, int(seconds) - 3)), "-p", str(port), "--", host]
    answer = asking.ask(argv, {"PATH": PATH, "LANG": "C.UTF-8"}, seconds=seconds, enough=enough)
    lines = [line for line in answer.out.splitlines() if line.strip() and not line.startswith("#")]
    try:
        keys = sorted(keys_in("\n".join(lines)))
    except ValueError:
        message = f"{host} showed no host key at port {port}."
        raise Unreachable(message, hint="Is it on, and does ssh answer there?") from None
    fingerprints = tuple(f"{kind} {fingerprint_of(key)}" for kind, key in keys)
    name = host if port == DEFAULT_PORT else f"[{host}]:{port}"
    return HostKeys("\n".join(f"{name} {kind} {key}" for kind, key in keys), fingerprints)


def settings_problems(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the settings of a destination over ssh, by field."""
    found = {field: "There is no such setting." for field in settings if field not in FIELDS}
    found["host"] = _problem_of_host(settings.get("host"))
    found["port"] = _problem_of_port(settings.get("port", DEFAULT_PORT))
    found["user"] = _problem_of_user(settings.get("user", ""))
    found["path"] = _problem_of_path(settings.get("path"))
    found["host_key"] = _problem_of_host_key(settings.get("host_key", ""))
    return {field: problem for field, problem in found.items() if problem}


def _problem_of_host(host: object) -> str:
    if not isinstance(host, str) or not host:
        return "Name the host."
    if host.startswith("-"):
        return "This cannot begin with -, as programs take that for an option."
    if NAME.match(host) and ".." not in host:
        return ""
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return "This is no name of a host and no address."
    return "" if "%" not in host else "Leave out the part after %."


def _problem_of_port(port: object) -> str:
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65_535:  # noqa: PLR2004 - all there are
        return "A port is a number from 1 to 65535."
    return ""


def _problem_of_user(user: object) -> str:
    return "" if user == "" or (isinstance(user, str) and USER.match(user)) else "This is no name of a user."


def _problem_of_path(path: object) -> str:
    if not isinstance(path, str) or not path:
        return "Name the folder on the host."
    if len(path) > 4096 or not all(character.isprintable() for character in path):  # noqa: PLR2004 - the kernel's
        return "A path has no control characters and at most 4096 letters."
    if path.startswith(("~", "-", ":")):
        return "Begin it with / or, for a folder in the user's home, with the folder's name."
    if ".." in path.split("/"):
        return "The path must not go up with `..`; write where it really is."
    return ""


def _problem_of_host_key(host_key: object) -> str:
    if host_key == "":
        return ""
    try:
        keys_in(host_key if isinstance(host_key, str) and len(host_key) < 100_000 else "")  # noqa: PLR2004 - far beyond
    except ValueError as error:
        return f"{str(error)[:1].upper()}{str(error)[1:]}."
    return ""
