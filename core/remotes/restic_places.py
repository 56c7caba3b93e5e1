"""Where a repository of restic may be, taken apart by a strict list: nothing that runs a program, nothing that holds a password."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from core.models import Value
from core.remotes import ssh

Backend = Literal["local", "sftp", "rest", "s3", "b2", "azure", "gs", "swift"]

LONGEST: Final = 4_096
BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}\Z")
HOST: Final = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})(?::\d{1,5})?\Z|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?\Z"
)
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@/:-]{0,254}\Z")
SFTP_SHORT: Final = re.compile(
    r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^@/:\[\]]+|\[[^\]/@]+\]):(?P<path>.+)\Z", re.DOTALL
)

SETTINGS: Final[Mapping[Backend, tuple[str, ...]]] = MappingProxyType(
    {
        "local": (),
        "sftp": ("host_key",),
        "rest": ("ca_certificate",),
        "s3": ("region", "bucket_lookup", "ca_certificate"),
        "b2": (),
        "azure": ("account_name",),
        "gs": ("project_id",),
        "swift": ("auth_url", "user_name", "user_domain", "project_name", "project_domain", "region"),
    }
)
"""What a destination may say beside its repository, by backend."""

SECRETS: Final[Mapping[Backend, tuple[str, ...]]] = MappingProxyType(
    {
        "local": ("password",),
        "sftp": ("password", "key"),
        "rest": ("password", "rest_user", "rest_password"),
        "s3": ("password", "key_id", "key_secret"),
        "b2": ("password", "account_id", "account_key"),
        "azure": ("password", "account_key", "sas_token"),
        "gs": ("password", "credentials"),
        "swift": ("password", "swift_password"),
    }
)
"""The secrets that a destination may have, by backend; `password` is the repository's own."""


class BadRepository(ValueError):
    """A text that names no repository that we go to; the message says why."""


class Place(Value, frozen=True, kw_only=True):
    """A repository taken apart: by which backend, and as restic is told; over ssh also who, where and by which port."""

    backend: Backend
    text: str
    host: str = ""
    user: str = ""
    port: int = ssh.DEFAULT_PORT


def place_in(repository: object) -> Place:
    """Return the repository taken apart; raises BadRepository in words for people."""
    if not isinstance(repository, str) or not repository:
        raise BadRepository("Name the repository, such as /mnt/disk/repository.")
    if len(repository) > LONGEST or not repository.isprintable():
        raise BadRepository("This is too long, or has characters that cannot be seen.")
    if repository.startswith("/"):
        return Place(backend="local", text=_good_path(repository))
    head, colon, rest = repository.partition(":")
    if head == "rclone":
        raise BadRepository(
            "Make a destination of type rclone instead: restic would start a program for this one."
        )
    if not colon or head not in _TAKERS:
        raise BadRepository(
            "This must be a path that begins with /, or begin with sftp:, rest:, s3:, b2:, azure:, gs: or swift:."
        )
    return _TAKERS[head](rest)


def settings_problems(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the settings of a destination with a repository, by field."""
    try:
        place = place_in(settings.get("repository"))
    except BadRepository as error:
        return {"repository": str(error)}
    allowed = ("repository", *SETTINGS[place.backend])
    found = {
        field: "There is no such setting for this kind of repository."
        for field in settings
        if field not in allowed
    }
    for field in SETTINGS[place.backend]:
        if problem := _problem_of(field, settings.get(field, "")):
            found[field] = problem
    if place.backend == "sftp":
        found |= _problems_of_ssh(place, settings)
    return found


def ssh_settings(place: Place, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a destination over ssh would have as its settings."""
    found = {"host": place.host.strip("[]"), "port": place.port, "user": place.user, "path": "/"}
    return found | {"host_key": settings.get("host_key", "")}


def _problems_of_ssh(place: Place, settings: Mapping[str, Any]) -> dict[str, str]:
    problems = ssh.settings_problems(ssh_settings(place, settings))
    return {field if field == "host_key" else "repository": words for field, words in problems.items()}


def _problem_of(field: str, value: object) -> str:
    if value == "" or field == "host_key":
        return ""
    if not isinstance(value, str):
        return "This must be a text."
    match field:
        case "ca_certificate":
            return "" if _is_good_path(value) else "This must be the whole path of a file, from / on."
        case "bucket_lookup":
            return "" if value in {"auto", "dns", "path"} else "This must be auto, dns or path."
        case "auth_url":
            return (
                "" if _is_good_url(value) else "This must be an address that begins with https:// or http://."
            )
    return "" if PLAIN.match(value) else "This may have letters, digits, spaces and . _ @ / : - in it."


# One for each backend


def _sftp(rest: str) -> Place:
    if rest.startswith("//"):
        return _sftp_url(f"sftp:{rest}")
    match = SFTP_SHORT.match(rest)
    if match is None:
        raise BadRepository("Write it as sftp:user@host:/path or sftp://user@host:port//path.")
    return _over_ssh(match["host"], match["user"] or "", ssh.DEFAULT_PORT, match["path"])


def _sftp_url(url: str) -> Place:
    try:
        parts = urlsplit(url)
        port = parts.port or ssh.DEFAULT_PORT
    except ValueError:
        raise BadRepository("This address cannot be understood.") from None
    if parts.query or parts.fragment or parts.password is not None or not parts.hostname:
        raise BadRepository(
            "Write it as sftp://user@host:port//path, without a password; a key is a secret of its own."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return _over_ssh(host, parts.username or "", port, parts.path.removeprefix("/"))


def _over_ssh(host: str, user: str, port: int, path: str) -> Place:
    if path.startswith(("-", "~", ":")) or ".." in path.split("/") or not path:
        raise BadRepository(
            "The path on the host begins with / or with the name of a folder, and has no .. in it."
        )
    text = f"sftp:{user}@{host}:{path}" if user else f"sftp:{host}:{path}"
    return Place(backend="sftp", text=text, host=host, user=user, port=port)


def _rest(rest: str) -> Place:
    if not _is_good_url(rest):
        raise BadRepository(
            "Write it as rest:https://host:8000/path, without a user or password; those are secrets of their own."
        )
    return Place(backend="rest", text=f"rest:{rest if rest.endswith('/') else rest + '/'}")


def _s3(rest: str) -> Place:
    bare = rest.removeprefix("https://").removeprefix("http://")
    host, slash, path = bare.partition("/")
    if (
        not HOST.match(host)
        or not slash
        or not BUCKET.match(path.partition("/")[0])
        or not _is_plain_path(path)
    ):
        raise BadRepository("Write it as s3:https://host/bucket/path.")
    return Place(backend="s3", text=f"s3:{rest}")


def _bucket(backend: Backend, rest: str) -> Place:
    bucket, colon, path = rest.partition(":")
    if not BUCKET.match(bucket) or not colon or not _is_plain_path(path.lstrip("/") or "x"):
        raise BadRepository(f"Write it as {backend}:bucket:/path.")
    return Place(backend=backend, text=f"{backend}:{rest}")


_TAKERS: Final[Mapping[str, Callable[[str], Place]]] = MappingProxyType(
    {
        "sftp": _sftp,
        "rest": _rest,
        "s3": _s3,
        "b2": partial(_bucket, "b2"),
        "azure": partial(_bucket, "azure"),
        "gs": partial(_bucket, "gs"),
        "swift": partial(_bucket, "swift"),
    }
)


def _good_path(path: str) -> str:
    if not _is_good_path(path) or path.strip("/") == "":
        raise BadRepository("Write the whole path of a folder, without .. in it.")
    return path


def _is_good_path(path: str) -> bool:
    return (
        path.startswith("/") and path.isprintable() and ".." not in path.split("/") and len(path) <= LONGEST
    )


def _is_plain_path(path: str) -> bool:
    return not path.startswith("-") and not any(part in {".", ".."} for part in path.split("/"))


def _is_good_url(text: str) -> bool:
    if not text.isascii() or any(character in text for character in " \\\"'?#@"):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(HOST.match(parts.netloc))
        and ".." not in parts.path.split("/")
    )
