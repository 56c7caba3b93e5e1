"""Looking at a folder of another machine, by SSH: its key first, then the login, the folder, and how much is free."""

import shlex
from collections.abc import Mapping
from typing import Any, Final

from core.destinations.known import Destination, Destinations
from core.errors import EngineFailed
from core.places.looks.patience import Patience
from core.places.states import Room, Seen
from core.remotes import ssh
from core.remotes.calls import Call
from core.sizes import size

NO_ANSWER: Final = Seen(
    reachable=False,
    sentence="The host did not answer in time.",
    hint="Is it on, and can this machine reach it?",
    code="unreachable",
)
KIBIBYTE: Final = 1_024
WRITABLE: Final = "holdfast:writable"
FREE: Final = 3
FIELDS_OF_DF: Final = 6


def look(destination: Destination, destinations: Destinations, patience: Patience) -> Seen:
    """Return what there is to see of a folder of another machine."""
    if not destination.settings.get("host_key"):
        return with_the_key_of(destination.settings, patience)
    try:
        call = ssh.call(destination, destinations)
        there = patience.ask(
            (*call.argv, "-s", "--timeout=15", "--list-only", "--dirs", "--", call.place), call.environment
        )
    except EngineFailed as error:
        return Seen(reachable=False, sentence=str(error), hint=error.hint, code=error.code)
    if there.timed_out:
        return NO_ANSWER
    if there.code != 0:
        trouble = ssh.trouble(there.code, there.err.splitlines())
        gone = trouble.code == "missing"
        return Seen(
            reachable=False,
            sentence=trouble.sentence,
            hint="Prepare the destination, which makes the folder." if gone else trouble.hint,
            code=trouble.code,
            prepared=not gone,
        )
    return _with_room(destination, destinations, call, patience)


def with_the_key_of(settings: Mapping[str, Any], patience: Patience) -> Seen:
    """Return the keys that a host shows, for a person to compare: nothing is sent to it before one is pinned."""
    try:
        keys = ssh.scan_key(
            str(settings["host"]),
            int(settings.get("port") or ssh.DEFAULT_PORT),
            seconds=min(15.0, patience.left),
            enough=patience.enough,
        )
    except EngineFailed as error:
        return Seen(reachable=False, sentence=str(error), hint=error.hint, code=error.code)
    return Seen(
        reachable=False,
        sentence="The host answers. Whether it is the right one, only you can tell, by its fingerprint.",
        hint="On that machine, ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub shows it. If they are the same, confirm it.",
        code="host-key",
        fingerprints=keys.fingerprints,
        host_key=keys.lines,
    )


def path_there(settings: Mapping[str, Any]) -> str:
    """Return the folder as a shell there takes it: one word that is no option."""
    path = str(settings["path"])
    return shlex.quote(path if path.startswith("/") else f"./{path}")


def _with_room(destination: Destination, destinations: Destinations, call: Call, patience: Patience) -> Seen:
    """Return that it is there, and what the host says of its room where it lets us ask: a restricted login may not."""
    path = path_there(destination.settings)
    command = f"df -Pk {path} && test -w {path} && echo {WRITABLE}"
    asked = patience.ask(ssh.command_there(destination, destinations, command), call.environment)
    room = room_in(asked.out)
    if room is None:
        return Seen(
            reachable=True,
            sentence="The login works and the folder is there.",
            facts=("The host does not say how much is free.",),
        )
    if WRITABLE not in asked.out:
        return Seen(
            reachable=False,
            sentence="The folder is there, and this user may not write into it.",
            hint="Give it to that user, or log in as another one.",
            code="refused",
            room=room,
        )
    sentence = f"The login works, the folder can be written to, and {size(room.free or 0)} are free."
    return Seen(reachable=True, sentence=sentence, room=room)


def room_in(text: str) -> Room | None:
    """Return what `df -Pk` says; None where that cannot be read."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= FIELDS_OF_DF and all(
            word.isascii() and word.isdigit() for word in words[1 : FREE + 1]
        ):
            total, used, free = (int(word[:18]) * KIBIBYTE for word in words[1 : FREE + 1])
            return Room(total=total, used=used, free=free)
    return None
