"""`holdfast restart`: the server begins anew, and programs at work stay at work."""

import time
from pathlib import Path
from typing import Final

from core.errors import HoldfastError, WrongState
from fastapi_app.cli.door import door_left_in, open_door
from fastapi_app.cli.house import settings_for
from fastapi_app.cli.terminal import Data, say

BACK_WITHIN: Final = 60.0
LOOK_EVERY: Final = 0.1


class NotBack(HoldfastError):
    """The server was told to begin anew and was not seen again."""

    code = "not-back"
    hint = "Look at its log; `holdfast serve` starts it again, and takes up what is at work."

    def __init__(self) -> None:
        super().__init__(f"Holdfast was told to restart and does not answer after {BACK_WITHIN:.0f} seconds.")


def restart(data: Data = None) -> None:
    """Let the server that runs on the data folder begin anew, with what is installed now.

    Programs that jobs run stay at work and are taken up again with their log and their exit code. The same as
    sending it SIGHUP.
    """
    folder = settings_for(data).data
    before = door_left_in(folder)
    door = open_door(folder)
    if door is None:
        message = "No Holdfast runs on this data folder."
        raise WrongState(message, hint="Start it with `holdfast serve`.")
    with door:
        door.ask("POST", "/restart")
    _wait_until_it_is_back(folder, before.token if before else "")
    say("Holdfast has restarted.")


def _wait_until_it_is_back(folder: Path, token: str) -> None:
    """Return once a server answers that is not the one from before; raises NotBack."""
    until = time.monotonic() + BACK_WITHIN
    while time.monotonic() < until:
        left = door_left_in(folder)
        if left is not None and left.token != token and _answers(folder):
            return
        time.sleep(LOOK_EVERY)
    raise NotBack


def _answers(folder: Path) -> bool:
    try:
        door = open_door(folder)
    except HoldfastError:
        return False
    if door is None:
        return False
    with door:
        return True
