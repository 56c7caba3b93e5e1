"""What the programs that reach a destination have to say about its settings and secrets, whatever its type."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from core.destinations.known import Destination, DestinationType
from core.errors import EngineFailed, WrongState
from core.remotes import rclone, restic, restic_places, ssh
from core.remotes.backends import secrets_of

SETTINGS: Final = "settings."
NO_SUCH: Final = "There is no such secret."
NEEDED: Final = "This is needed."
NEEDED_BY_RESTIC: Final = frozenset(
    {"key", "key_id", "key_secret", "account_id", "credentials", "swift_password"}
)
"""What a repository cannot do without; its own password may be made when it is prepared."""


def problems(kind: DestinationType, settings: Mapping[str, Any], secrets: Collection[str]) -> dict[str, str]:
    """Return what is wrong with settings in their proper form and with which secrets there are, by field."""
    known: dict[str, bool] | None  # None is that nobody can tell yet
    match kind:
        case "rclone":
            found = rclone.settings_problems(settings)
            known = None if "backend" in found else _secrets_of_rclone(settings)
        case "ssh":
            found, known = ssh.settings_problems(settings), {"key": True}
        case "restic":
            found = restic.settings_problems(settings)
            known = None if "repository" in found else _secrets_of_restic(settings)
        case _:
            return {}
    wrong = {SETTINGS + name: words for name, words in found.items()}
    if known is None:
        return wrong
    wrong |= {f"secrets.{name}": NO_SUCH for name in secrets if name not in known}
    return wrong | {
        f"secrets.{name}": NEEDED for name, needed in known.items() if needed and name not in secrets
    }


def _secrets_of_rclone(settings: Mapping[str, Any]) -> dict[str, bool]:
    """Return which secrets there may be, and whether each is needed."""
    backend = str(settings["backend"])
    options = secrets_of(backend, encrypted=bool(settings.get("encrypt")))
    return {option.name: option.needed for option in options}


def _secrets_of_restic(settings: Mapping[str, Any]) -> dict[str, bool]:
    backend = restic_places.place_in(settings["repository"]).backend
    return {name: name in NEEDED_BY_RESTIC for name in restic_places.SECRETS[backend]}


def derived(destination: Destination, given: Mapping[str, str], text: Callable[[str], str]) -> dict[str, str]:
    """Return the files that are made of a destination's secrets, for a program that reads them so.

    `given` are those that are new, `text` returns what any other file of it holds, nothing where there is none.
    Raises WrongState where the program that has a word in it is not there.
    """
    if destination.type != "rclone":
        return {}
    before = text(rclone.CONFIG)
    values = {name: given.get(name) or text(name) for name in destination.secrets}
    if "token" in values and "token" not in given:
        values["token"] = _token_in(before) or values["token"]
    try:
        return {rclone.CONFIG: rclone.config_text(destination.settings, values)}
    except EngineFailed as error:
        raise WrongState(str(error), hint=error.hint) from None


def _token_in(config: str) -> str:
    """Return the token in a configuration: rclone has renewed the one that was entered since."""
    lines = (line.partition("=") for line in config.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "token"), "")
