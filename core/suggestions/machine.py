"""The machine as suggestions see it: some files, read as far as is sensible, and nothing else."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from core.models import NOTHING, Value
from core.remotes.asking import ask

LONGEST_FILE: Final = 256_000
MOST_FILES: Final = 200
PATIENCE: Final = 5.0
PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def own_crontab() -> str:
    """Return the crontab of the person that this runs as; empty without one, or without cron."""
    answer = ask(("crontab", "-l"), {"PATH": PATH, "LANG": "C.UTF-8"}, seconds=PATIENCE)
    return answer.out[:LONGEST_FILE] if answer.code == 0 else ""


class Machine(Value, frozen=True, kw_only=True):
    """Where to look. Whoever tries this out names another root, another home and another crontab."""

    root: Path = Path("/")
    home: Path
    environment: Mapping[str, str] = NOTHING
    crontab: Callable[[], str] = own_crontab

    @classmethod
    def here(cls) -> "Machine":
        """Return the machine that this runs on."""
        wanted = ("RCLONE_CONFIG", "RESTIC_REPOSITORY")
        known = {name: os.environ[name] for name in wanted if name in os.environ}
        return cls(home=Path(os.path.expanduser("~")), environment=known)  # noqa: PTH111 - raises nothing


def text_of(path: Path) -> str | None:
    """Return what stands in a plain file, as far as is sensible; None where it cannot be read.

    It is opened without waiting, so that neither a pipe nor a device in its place holds anybody up.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        return os.read(file, LONGEST_FILE).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(file)


def files_in(folder: Path) -> Iterator[Path]:
    """Give the files of a folder by name, at most so many; none where it cannot be looked into."""
    try:
        names = sorted(os.listdir(folder))[:MOST_FILES]  # noqa: PTH208 - names are enough
    except OSError:
        return
    yield from (folder / name for name in names)
