"""What an admin enters for a destination, checked before it becomes one."""

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from core.destinations.known import DestinationType
from core.destinations.secret_files import LARGEST
from core.errors import InvalidOptions
from core.models import NOTHING, Value
from core.places.settings import BY_TYPE, a_folder_here, settings_from
from core.terms import is_printable

LONGEST_NAME: Final = 80
LONGEST_ID: Final = 41
MOST_SECRETS: Final = 20
SECRET_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,60}\Z")
SEVERAL_LINES: Final = "-----BEGIN "
"""How a secret begins that has more than one line: a private key."""

Judge = Callable[[DestinationType, Mapping[str, Any], Collection[str]], Mapping[str, str]]
"""Returns what the remote of a type finds wrong with settings and the names of secrets, by field."""


class DestinationDraft(Value, frozen=True, kw_only=True):
    """A destination as entered. `secrets` are values: they are never shown."""

    name: str
    type: DestinationType
    settings: Mapping[str, Any] = NOTHING
    secrets: Mapping[str, str] = NOTHING

    def __repr__(self) -> str:
        """Return it without what nobody may read."""
        return f"DestinationDraft({self.name!r}, {self.type!r})"


class DestinationPatch(Value, frozen=True, kw_only=True):
    """What of a destination is to be changed; what is unset stays, and so does a secret that is not named.

    A secret that is None goes.
    """

    name: str | UnsetType = UNSET
    settings: Mapping[str, Any] | UnsetType = UNSET
    secrets: Mapping[str, str | None] = NOTHING

    def __repr__(self) -> str:
        """Return it without what nobody may read."""
        return f"DestinationPatch({self.name!r}, {sorted(self.secrets)})"


def checked(
    draft: DestinationDraft, others: Collection[str], data: Path, has: Collection[str], judge: Judge
) -> DestinationDraft:
    """Return the draft in its proper form; raises InvalidOptions naming every field that is wrong.

    `others` are the names that are taken, `has` the secrets that it has already.
    """
    problems = _problems_of_name(draft.name, others)
    settings, wrong = settings_from(draft.type, draft.settings)
    problems |= wrong
    secrets, wrong = _secrets_in(draft)
    problems |= wrong
    if not problems:
        problems |= _problems_of_folder(draft.type, settings, data)
        problems |= judge(draft.type, settings, {*has, *secrets})
    if problems:
        raise InvalidOptions(problems)
    return replace(draft, name=draft.name.strip(), settings=settings, secrets=secrets)


def slug_of(name: str, otherwise: str) -> str:
    """Return what a destination of this name can be called in paths and jobs: "Büro NAS" is "buro-nas"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: LONGEST_ID - 4].strip("-")
    return slug or otherwise


def _problems_of_name(name: str, others: Collection[str]) -> dict[str, str]:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not is_printable(name):
        return {"name": f"A destination needs a name of 1 to {LONGEST_NAME} printable characters."}
    if name.casefold() in {other.casefold() for other in others}:
        return {"name": "There is a destination of this name."}
    return {}


def _secrets_in(draft: DestinationDraft) -> tuple[dict[str, str], dict[str, str]]:
    """Return the secrets in their proper form, and what is wrong with each; none of them is repeated."""
    allowed = BY_TYPE[draft.type].secrets
    found, problems = {}, {}
    if len(draft.secrets) > MOST_SECRETS:
        return {}, {"secrets": f"A destination has at most {MOST_SECRETS} secrets."}
    for name, value in draft.secrets.items():
        if not SECRET_NAME.match(name) or (allowed is not None and name not in allowed):
            problems["secrets"] = "There is no such secret."
            continue
        secret = _in_form(value)
        if problem := _problem_of_secret(secret):
            problems[f"secrets.{name}"] = problem
        else:
            found[name] = secret
    return found, problems


def _in_form(value: str) -> str:
    """Return a secret as programs want it: a private key ends its last line, anything else is one line."""
    if value.lstrip().startswith(SEVERAL_LINES):
        lines = value.strip().splitlines()
        return "".join(f"{line.rstrip()}\n" for line in lines)
    return (
        _on_one_line(value) if value.lstrip().startswith("{") else value.removesuffix("\n").removesuffix("\r")
    )


def _on_one_line(value: str) -> str:
    """Return what is JSON without its line breaks: tokens and service accounts come so."""
    try:
        return json.dumps(json.loads(value), separators=(",", ":"))
    except (ValueError, RecursionError):
        return value


def _problem_of_secret(secret: str) -> str:
    if not secret:
        return "This is empty. Leave it out to keep what is there."
    try:
        size = len(secret.encode())
    except UnicodeEncodeError:
        return "This has half a character in it."
    if size > LARGEST:
        return f"This has more than {LARGEST:,} bytes."
    lines = secret.splitlines() if secret.startswith(SEVERAL_LINES) else [secret]
    if any(ord(letter) < ord(" ") or letter == "\x7f" for line in lines for letter in line):
        return "This cannot contain line breaks or control characters."
    return ""


def _problems_of_folder(kind: DestinationType, settings: Mapping[str, Any], data: Path) -> dict[str, str]:
    """Return why a folder of this machine cannot be it, whichever program writes there."""
    field, path = _folder_here(kind, settings)
    if not field:
        return {}
    try:
        a_folder_here(path)
    except ValueError as error:
        return {f"settings.{field}": str(error)}
    folder = Path(path)  # as it is written: following links may wait for a disk, and probing does it
    if folder.is_relative_to(data) or data.is_relative_to(folder):
        return {f"settings.{field}": "Holdfast keeps its own data there. Choose a folder of its own."}
    return {}


def _folder_here(kind: DestinationType, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return the setting that names a folder of this machine and the folder; empty where it is elsewhere."""
    if kind == "folder" or (kind == "rclone" and settings.get("backend") == "local"):
        return "path", str(settings.get("path", ""))
    repository = str(settings.get("repository", ""))
    return ("repository", repository) if kind == "restic" and repository.startswith("/") else ("", "")
