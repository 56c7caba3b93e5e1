"""On which disk a folder lies: told so that the same disk is known again after a restart, under whatever name."""

import os
from pathlib import Path
from typing import Final

from core.copying.mounts import FIELDS, TABLE, lies_in, unescaped
from core.models import Value

BY_UUID: Final = Path("/dev/disk/by-uuid")
DASH: Final = "-"


class Standing(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Where a folder stands: what is mounted there, of which kind, where within, and under which folder it is mounted.

    `uuid` is the file system's own name for itself, empty where nobody tells.
    """

    source: str
    type: str
    within: str
    point: str
    uuid: str = ""

    @property
    def in_words(self) -> str:
        """Return it for people."""
        where = f" mounted at {self.point}" if self.point != "/" else ", the system's own disk"
        return f"{self.source} ({self.type}){where}"


def standing_of(folder: Path, *, table: Path = TABLE, by_uuid: Path = BY_UUID) -> Standing | None:
    """Return where a folder stands; None where the system does not tell. To look makes what mounts by itself do so."""
    try:
        real = Path(os.path.realpath(folder))
        os.stat(real)  # noqa: PTH116 - what mounts on demand does now
        text = table.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    mounted = [found for line in text.splitlines() if (found := _standing_in(line, real)) is not None]
    if not mounted:
        return None
    deepest = max(
        reversed(mounted), key=lambda one: len(one.point)
    )  # of several at one point the last is seen
    return _named(deepest, by_uuid)


def _standing_in(line: str, real: Path) -> Standing | None:
    """Return what a line of the table says of a folder; None where that is mounted elsewhere: see proc_pid_mountinfo(5)."""
    fields = line.split(" ")
    if len(fields) <= FIELDS or DASH not in fields[FIELDS:]:
        return None
    point = Path(unescaped(fields[4]))
    if not lies_in(real, point):
        return None
    kind, source = fields[fields.index(DASH, FIELDS) + 1 :][:2]
    within = Path(unescaped(fields[3])) / real.relative_to(point)
    return Standing(
        source=_readable(unescaped(source)),
        type=kind,
        within=_readable(str(within)),
        point=_readable(str(point)),
    )


def _readable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _named(standing: Standing, by_uuid: Path) -> Standing:
    if not standing.source.startswith("/dev/"):
        return standing
    device = os.path.realpath(standing.source)
    try:
        names = sorted(by_uuid.iterdir())
    except OSError:
        names = []
    uuid = next((name.name for name in names if os.path.realpath(name) == device), "")
    return Standing(
        source=standing.source, type=standing.type, within=standing.within, point=standing.point, uuid=uuid
    )


def is_other(before: Standing, now: Standing) -> bool:
    """Tell whether a folder lies elsewhere than before; the names of disks may change, what they call themselves does not."""
    if before.within != now.within:
        return True
    if before.uuid and now.uuid:
        return before.uuid != now.uuid
    return (before.source, before.type) != (now.source, now.type)
