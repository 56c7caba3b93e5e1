"""What `holdfast store` does: through the Holdfast that runs on the folder, or by itself where none does."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from core.clock import SystemClock
from core.errors import NotFound, StorageFailed
from core.own_backups import OwnBackups
from core.service import Service
from core.settings import Settings
from core.storage import migration
from core.storage.archive import Told
from core.storage.base import Problem
from core.storage.folder import StoreFolder
from core.storage.own_backup import at_rest, backup_name, nothing_there_yet, take_backup

MEGABYTE: Final = 1_000_000
PATIENCE: Final = 3_600.0
"""Seconds that a running server has to back up or compact."""


def back_up(settings: Settings, target: Path | None, *, with_logs: bool, told: Told) -> dict[str, Any]:
    """Make a backup; None puts it where Holdfast puts its own. Raises StorageFull or StorageFailed."""
    place = {} if target is None else {"into": quote(os.fsencode(target))}
    made = _asked(settings, "/store/backup", params={"with_logs": with_logs, **place})
    if made is None:
        return _back_up_at_rest(settings, target, with_logs=with_logs, told=told)
    if target is not None and not target.exists():
        message = f"The Holdfast that runs made the backup, but {target} is not there."
        raise StorageFailed(
            message, hint="It sees other disks than this command. Name a place that both see."
        )
    return made if target is None else {**made, "path": str(target)}


def compacted(settings: Settings) -> dict[str, Any]:
    """Let go of what is not needed; return how many bytes there were `before` and `after`, and by `parts`."""
    freed = _asked(settings, "/store/compact")
    if freed is not None:
        return freed
    with Service(settings).opened(at_work=True) as service:
        done = service.compact()
    return {"before": done.before, "after": done.after, "parts": dict(done.parts)}


def _asked(settings: Settings, path: str, **request: Any) -> dict[str, Any] | None:  # noqa: ANN401 - as the door
    """Return the answer of the running server; None where none runs."""
    from fastapi_app.cli.door import open_door  # noqa: PLC0415 - only where a server may run

    door = open_door(settings.data)
    if door is None:
        return None
    with door:
        answer: dict[str, Any] = door.ask("POST", path, timeout=PATIENCE, **request)
        return answer


def new_file(file: Path) -> Path:
    """Return the file to write a backup to, in a folder or as named; raises Refused for one that is there."""
    target = file / backup_name(SystemClock()) if file.is_dir() else file
    nothing_there_yet(target)
    if not target.parent.is_dir():
        raise NotFound("folder", str(target.parent), hint="Make it first.")
    return target.absolute()


def a_store(settings: Settings) -> StoreFolder:
    """Return the folder of a store; raises NotFound where there is none."""
    if not (settings.data / "store.yaml").exists():
        raise NotFound("store", str(settings.data), hint="Name its folder with --data.")
    return StoreFolder(settings.data, SystemClock())


def bring_up(folder: StoreFolder) -> tuple[Problem, ...]:
    """Bring a store of an older format up to date; return what was bad."""
    with _taken(folder):
        return migration.bring_up(folder, SystemClock())


def known_backups(settings: Settings, more: Path | None = None) -> list[Path]:
    """Return the backups that Holdfast made by itself, and those in a folder."""
    elsewhere = sorted(more.glob("*.tar.zst")) if more else []
    return [*(kept.path for kept in _own_backups(settings).kept()), *elsewhere]


def _back_up_at_rest(
    settings: Settings, target: Path | None, *, with_logs: bool, told: Told
) -> dict[str, Any]:
    folder = a_store(settings)
    with _taken(folder):
        migration.bring_up(folder, SystemClock())
        if target is None:
            made = _own_backups(settings, folder).take(with_logs=with_logs, told=told)
        else:
            made = take_backup(at_rest(folder), target, SystemClock(), with_logs=with_logs, told=told)
    return {name: getattr(made, name) for name in made.__struct_fields__}


@contextlib.contextmanager
def _taken(folder: StoreFolder) -> Iterator[None]:
    folder.take()
    try:
        yield
    finally:
        folder.release()


def _own_backups(settings: Settings, folder: StoreFolder | None = None) -> OwnBackups:
    data = settings.data.absolute()
    held = folder or StoreFolder(data, SystemClock())
    return OwnBackups(
        settings.own_backup_dir or data / "backups" / "own-state",
        data,
        SystemClock(),
        lambda: at_rest(held),
        most_bytes=settings.own_backup_mb * MEGABYTE,
    )
