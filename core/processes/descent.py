"""Who is below a process, and who bears a mark: what /proc tells. Standard library only; a supervisor loads this."""

import contextlib
import os
from collections.abc import Iterable
from typing import Final, NamedTuple

ZOMBIE: Final = "Z"
BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


class Known(NamedTuple):
    """A process as /proc shows it; `started` is in ticks since the machine did, and tells it from a later namesake."""

    pid: int
    state: str
    parent: int
    started: int


def known(pid: int) -> Known | None:
    """Return the process of this number; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs a supervisor 5 ms
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return None
    if len(fields) <= 19:  # noqa: PLR2004 - proc(5): the start time is field 22, the name was two
        return None
    return Known(pid, fields[0].decode(), int(fields[1]), int(fields[19]))


def everybody() -> list[Known]:
    """Return every process there is."""
    found = (known(int(name)) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - as above
    return [one for one in found if one is not None]


def below(pids: Iterable[int], among: Iterable[Known]) -> list[Known]:
    """Return everything that descends from some processes and still lives, the processes themselves left out."""
    children: dict[int, list[Known]] = {}
    for one in among:
        children.setdefault(one.parent, []).append(one)
    found: list[Known] = []
    waiting = list(pids)
    while waiting:
        next_ones = children.pop(waiting.pop(), [])
        waiting += [one.pid for one in next_ones]
        found += [one for one in next_ones if one.state != ZOMBIE]
    return found


def bearers(mark: bytes) -> list[Known]:
    """Return every living process with this entry ("NAME=value") in its environment, and all that descends from it."""
    among = everybody()
    marked = [one for one in among if one.state != ZOMBIE and mark in _environment(one.pid)]
    pids = {one.pid for one in marked}
    return marked + [one for one in below(pids, among) if one.pid not in pids]


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            return file.read().split(b"\0")
    except OSError:
        return []


def boot_id() -> str:
    """Return what tells this start of the machine from every other; empty where nobody knows."""
    with contextlib.suppress(OSError), open(BOOT_ID) as file:  # noqa: PTH123 - as above
        return file.read().strip()
    return ""


def signal_one(process: Known, number: int) -> bool:
    """Send a signal to exactly this process; tell whether it was there and could be sent one."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        now = known(process.pid)
        if now is None or now.started != process.started:
            return False
        _send(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _send(handle: int, number: int) -> None:
    import signal  # noqa: PLC0415 - whoever only looks needs none of it

    signal.pidfd_send_signal(handle, number)
