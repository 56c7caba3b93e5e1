"""Making a destination ready: its folder, its marker, a new repository; and removing locks that nobody holds any more."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.destinations import marker
from core.destinations.known import Destination, Destinations
from core.errors import EngineFailed, HoldfastError
from core.places.looks import folder, host
from core.places.looks.looking import Ours
from core.places.looks.patience import Patience
from core.remotes import rclone, restic, ssh
from core.remotes.asking import Asked
from core.remotes.calls import Call, Trouble
from core.remotes.restic_places import place_in

PATIENCE: Final = 60.0
"""Seconds that making something may take."""

LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
GROUPS: Final = 7
LETTERS_IN_A_GROUP: Final = 4


class NotPrepared(HoldfastError):
    """What was to be made there could not be made."""

    code = "not-prepared"

    def __init__(self, message: str, *, hint: str = "", unsure: bool = False) -> None:
        """With `unsure` it may have been made all the same: nobody saw how it ended."""
        super().__init__(message, hint=hint)
        self.unsure = unsure


def new_password() -> str:
    """Return a password that can be copied from paper: 28 letters, 140 bits."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(LETTERS_IN_A_GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def prepare_host(
    destination: Destination, destinations: Destinations, ours: Ours, patience: Patience
) -> None:
    """Make the folder on another machine, with the marker in it; raises NotPrepared."""
    path = host.path_there(destination.settings)
    command = f"umask 077 && mkdir -p -- {path} && cat > {path}/{marker.NAME}"
    try:
        argv = ssh.command_there(destination, destinations, command)
    except EngineFailed as error:
        raise NotPrepared(str(error), hint=error.hint) from None
    asked = patience.ask(argv, ssh.ENVIRONMENT, stdin=_marker(ours))
    if asked.code != 0:
        raise _refused(
            asked, ssh.trouble(asked.code, asked.err.splitlines()), "The folder could not be made there."
        )


def prepare_cloud(
    destination: Destination, destinations: Destinations, ours: Ours, patience: Patience
) -> None:
    """Make the path in a remote, with the marker in it; raises NotPrepared."""
    try:
        call = rclone.call(destination, destinations)
        place = rclone.call(destination, destinations, marker.NAME).place
    except (EngineFailed, FileNotFoundError):
        message = "What rclone needs to log in is not there."
        raise NotPrepared(message, hint="Enter the secrets of the destination again.") from None
    for words, stdin in ((("mkdir", "--", call.place), ""), (("rcat", "--", place), _marker(ours))):
        asked = patience.ask((*call.argv, *words), call.environment, stdin=stdin)
        if asked.code != 0:
            trouble = rclone.trouble(asked.code, asked.err.splitlines())
            raise _refused(asked, trouble, "The path could not be made there.")


def check_room_for(destination: Destination, own_data: Path, patience: Patience) -> None:
    """Raise NotPrepared where a folder of this machine cannot hold a new repository, or its disk is not there."""
    place = place_in(destination.settings["repository"])
    if place.backend != "local":
        return
    seen = folder.look(place.text, own_data, Ours(""), patience, mounted=False)
    if seen.code == "missing":
        above = str(Path(place.text).parent)
        if patience.ask(("test", "-d", above), folder.ENVIRONMENT).code != 0:
            message = f"There is no folder {above} in which it could be made."
            raise NotPrepared(
                message, hint="If it is on a disk of its own, mount that. Otherwise make the folder."
            )
    elif seen.code:
        raise NotPrepared(seen.sentence, hint=seen.hint)


def make_repository(call: Call, patience: Patience) -> None:
    """Make a new repository; raises NotPrepared, also where there is one already."""
    _restic(restic.init(call), call, patience, "The repository could not be made.")


def remove_dead_locks(call: Call, patience: Patience) -> None:
    """Have restic remove the locks that it takes for left behind, and no others; raises NotPrepared."""
    _restic(restic.unlock(call), call, patience, "The repository could not be unlocked.")


def _restic(argv: Sequence[str], call: Call, patience: Patience, failed: str) -> None:
    asked = patience.ask(argv, call.environment)
    if asked.code != 0:
        raise _refused(asked, restic.trouble(asked.code, asked.err.splitlines()), failed)


def _marker(ours: Ours) -> str:
    return marker.text_of(marker.Marker(store=ours.store, destination=ours.destination)).decode()


def _refused(asked: Asked, trouble: Trouble, failed: str) -> NotPrepared:
    if asked.timed_out:
        return NotPrepared(
            f"{failed} There was no answer in time.", hint="Look whether it can be reached, then try again."
        )
    return NotPrepared(f"{failed} {trouble.sentence}", hint=trouble.hint)
