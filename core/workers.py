"""Who carries runs out: each worker with its slots, since when it is there, and what it has in hand."""

import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from core.dispatch.base import Dispatcher
from core.models import Value
from core.worker import Worker

PACKAGE: Final = "holdfast-jobs"


class WorkerSeen(Value, frozen=True, kw_only=True):
    """A worker as it is now; `working` tells that its slots take what is in line, `runs` are those in hand."""

    name: str
    host: str
    slots: int
    busy: int
    working: bool
    since: datetime
    version: str
    runs: tuple[str, ...]


def local_worker(worker: Worker, dispatcher: Dispatcher, since: datetime) -> WorkerSeen:
    """Return the worker of this process, which is there since then."""
    load = dispatcher.load()
    return WorkerSeen(
        name=worker.name,
        host=platform.node() or "here",
        slots=load.slots,
        busy=load.busy,
        working=dispatcher.is_working(),
        since=since,
        version=_version(),
        runs=tuple(sorted(worker.carried)),
    )


def _version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""
