"""What the settings of a destination may be, by its type; what they may say beyond that, its remote knows."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from core.copying.refusals import problem_with_path, system_folders
from core.destinations.known import DestinationType
from core.engines import plain, sentence

LONGEST: Final = 4_096
LONGEST_KEYS: Final = 50_000
MOST_OPTIONS: Final = 40
OPTION: Final = r"^[a-z][a-z0-9_.-]{0,60}$"


def a_value(text: str) -> str:
    """Return the text if a program takes it for a value and nothing else; raises ValueError, saying why not."""
    if text.startswith(("-", ":")):
        raise ValueError("This cannot begin with - or :, as programs take that for an option.")
    if not text.isprintable():
        raise ValueError("This cannot contain control characters or line breaks.")
    return text


def a_path_there(text: str) -> str:
    """Return the path on another machine if it leads straight somewhere; raises ValueError, saying why not."""
    if ".." in text.split("/"):
        raise ValueError("A path cannot go up with `..`; write where it really is.")
    if text.startswith("~"):
        raise ValueError("Leave out ~/: what has no leading / is below the home folder.")
    return a_value(text)


def a_folder_here(text: str) -> str:
    """Return the folder of this machine if copies may go there; raises ValueError, saying why not."""
    a_value(text)
    path = Path(text)
    if not path.is_absolute():
        raise ValueError("This must be a path that begins with /.")
    if ".." in path.parts:
        raise ValueError("A path cannot go up with `..`; write where it really is.")
    if len(path.parts) == 1 or path in system_folders():
        raise ValueError("This folder belongs to the system.")
    if (problem := problem_with_path(path)) is not None:
        raise ValueError(problem)
    return str(path)


Text = Annotated[str, Field(strict=True, max_length=LONGEST), AfterValidator(a_value)]
Needed = Annotated[Text, Field(min_length=1)]
PathThere = Annotated[str, Field(strict=True, max_length=LONGEST), AfterValidator(a_path_there)]
Option = Annotated[str, Field(pattern=OPTION)]
Options = Annotated[dict[Option, StrictBool | StrictInt | Text], Field(max_length=MOST_OPTIONS)]


class Settings(BaseModel):
    """Settings of one type of destination."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secrets: ClassVar[frozenset[str] | None] = frozenset()
    """Which secrets there may be; None is as its remote says."""


class FolderSettings(Settings):
    """A folder of this machine; where it is `mounted`, a marker must be there before anything is written."""

    path: Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST), AfterValidator(a_folder_here)]
    mounted: StrictBool = False


class SshSettings(Settings):
    """A folder of another machine, reached by SSH; `host_key` are the lines of known_hosts that are pinned."""

    secrets: ClassVar = frozenset({"key"})

    host: Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST)]  # what it may be, `ssh` says
    port: Annotated[StrictInt, Field(ge=1, le=65_535)] = 22
    user: Text = ""
    path: Annotated[PathThere, Field(min_length=1)]
    host_key: Annotated[str, Field(strict=True, max_length=LONGEST_KEYS)] = ""


class RcloneSettings(Settings):
    """A path of a remote that rclone knows: its `backend` and the options of that."""

    secrets: ClassVar = None

    backend: Annotated[str, Field(strict=True, pattern=r"^[a-z0-9 ]{1,40}$")]
    options: Options = {}
    path: PathThere = ""
    encrypt: Annotated[str, Field(strict=True, pattern=r"^[a-z]{0,20}$")] = ""
    encrypt_folders: StrictBool = True


class ResticSettings(Settings):
    """A repository of restic; which of the rest it may have depends on where that is."""

    secrets: ClassVar = None

    repository: Needed
    host_key: Annotated[str, Field(strict=True, max_length=LONGEST_KEYS)] = ""
    ca_certificate: Text = ""
    region: Text = ""
    bucket_lookup: Text = ""
    account_name: Text = ""
    project_id: Text = ""
    auth_url: Text = ""
    user_name: Text = ""
    user_domain: Text = ""
    project_name: Text = ""
    project_domain: Text = ""


BY_TYPE: Final[Mapping[DestinationType, type[Settings]]] = {
    "folder": FolderSettings,
    "ssh": SshSettings,
    "rclone": RcloneSettings,
    "restic": ResticSettings,
}

OUR_WORDS: Final = {
    "string_pattern_mismatch": "This is not a name that is known.",
    "too_long": "These are too many.",
    "string_unicode": "This has half a character in it.",
    "extra_forbidden": "There is no such setting.",
}


def settings_from(kind: DestinationType, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what of the settings is said, in its proper form, and what is wrong with each; no value is repeated."""
    try:
        good = BY_TYPE[kind].model_validate(plain(given))
        return good.model_dump(mode="json", exclude_defaults=True), {}
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return {}, {_place(each["loc"]): OUR_WORDS.get(each["type"]) or sentence(each) for each in found}


def _place(steps: tuple[int | str, ...]) -> str:
    """Return which setting it is; a name that was made up is not repeated."""
    names = [str(step) for step in steps if re.fullmatch(r"[a-z][a-z0-9_]{0,60}", str(step))]
    return ".".join(("settings", *names[:2]))
