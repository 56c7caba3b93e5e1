"""Which versions of the programs are installed, where, and what is known to be wrong with old ones."""

import os
import re
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from core.models import Value
from core.remotes.asking import ask

ANSWER_WITHIN: Final = 10.0
NUMBER: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
BEHIND: Final = "A distribution may have mended its own older one; its changelog says."


class Known(Value, frozen=True, kw_only=True):
    """A program, how it is asked for its version, and from which version on nothing bad is known of it.

    `below` says what is wrong with older ones, `newer` how to get a newer one, `used_by` the types of destinations
    that need it.
    """

    name: str
    argument: str
    floor: tuple[int, ...] = ()
    below: str = ""
    newer: str = ""
    used_by: tuple[str, ...] = ()


class Found(Value, frozen=True, kw_only=True):
    """What is installed; `path` is empty where nothing is, `version` where it does not say."""

    path: str = ""
    version: tuple[int, ...] = ()

    @property
    def in_words(self) -> str:
        """Return it for people."""
        if not self.path:
            return "not installed"
        number = ".".join(map(str, self.version))
        return f"{number}, {self.path}" if number else f"{self.path}, its version cannot be told"


KNOWN: Final[Mapping[str, Known]] = MappingProxyType(
    {
        known.name: known
        for known in (
            Known(
                name="rsync",
                argument="--version",
                floor=(3, 4, 3),
                below="Versions before 3.4.3 have known holes.",
                newer=f"Get a newer one from your distribution's backports or rsync.samba.org. {BEHIND}",
                used_by=("ssh",),
            ),
            Known(name="ssh", argument="-V", used_by=("ssh",)),
            Known(
                name="rclone",
                argument="version",
                floor=(1, 74, 3),
                below="Versions before 1.74.3 have known holes. Holdfast never starts its remote control, where the worst was.",
                newer=f"Get a newer one from rclone.org/downloads. {BEHIND}",
                used_by=("rclone",),
            ),
            Known(
                name="restic",
                argument="version",
                floor=(0, 17),
                below=(
                    "Versions before 0.17 have no exit code for a locked repository or a wrong password; "
                    "Holdfast reads their words instead."
                ),
                newer="Get a newer one from restic.net, or let it: restic self-update.",
                used_by=("restic",),
            ),
        )
    }
)
"""The programs that copy for us."""


def found(known: Known) -> Found:
    """Return what is installed of a program."""
    path = shutil.which(known.name)
    if path is None:
        return Found()
    try:
        stamp = Path(path).stat().st_mtime_ns
    except OSError:
        stamp = 0
    return _asked(path, known.argument, stamp)


@lru_cache(maxsize=64)
def _asked(path: str, argument: str, stamp: int) -> Found:  # noqa: ARG001 - another program is asked again
    answer = ask(
        (path, argument), {"PATH": os.defpath, "HOME": "/", "LANG": "C.UTF-8"}, seconds=ANSWER_WITHIN
    )
    number = NUMBER.search(answer.out or answer.err)
    version = tuple(int(part) for part in number.groups() if part) if number else ()
    return Found(path=path, version=version)


def weakness(known: Known, what: Found) -> str:
    """Return what is known to be wrong with an installed program, and how to mend that; empty where nothing is."""
    if not what.path or not known.floor or what.version >= known.floor:
        return ""
    return f"{known.below} {known.newer}"


def warnings_for(destination_type: str) -> tuple[str, ...]:
    """Return what people should know of the programs that a type of destination needs."""
    return tuple(
        words for known in KNOWN.values() if destination_type in known.used_by if (words := _warning(known))
    )


def _warning(known: Known) -> str:
    what = found(known)
    if not what.path:
        return f"{known.name} is not installed on this machine."
    weak = weakness(known, what)
    return f"{known.name} {what.in_words}: {weak}" if weak else ""
