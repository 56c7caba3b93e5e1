"""Change a destination's secret in a child that is killed at one call after the other; tell where it was neither old nor new."""

import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

from core.places.drafts import DestinationDraft, DestinationPatch
from core.service import Service
from core.settings import Settings
from tests.core.storage.programs.kill_at_every_call import EVENTS, Killer

OLD, NEW = "the old one", "the new one"


class KillerByHandle(Killer):
    """Sees what is done below a handle too, where a path says only a name."""

    @property
    def left(self) -> int:
        """Return how many calls there would be until it strikes."""
        return self._left

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = arguments[0] if arguments else None
        if event in EVENTS and isinstance(path, str | bytes | os.PathLike):
            text = os.fsdecode(path)
            if text.startswith(self._folder) or not text.startswith("/"):
                self._count()


def a_service(data: Path) -> Service:
    return Service(Settings(data=data))


def begin(data: Path) -> None:
    settings = {"host": "nas.example", "path": "x"}
    with a_service(data).opened(at_work=True) as service:
        service.destinations.create(
            DestinationDraft(name="NAS", type="ssh", settings=settings, secrets={"key": OLD})
        )


def change(data: Path) -> None:
    with a_service(data).opened(at_work=True) as service:
        service.destinations.edit("nas", 1, DestinationPatch(secrets={"key": NEW}))


def killed_at(number: int, data: Path) -> int:
    """Kill a child at that call; returns how many there were where it is never reached."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        killer = KillerByHandle(number, data)
        change(data)
        os.write(tell, str(number - killer.left).encode())
        os._exit(0)
    os.close(tell)
    os.waitpid(child, 0)
    with os.fdopen(told) as answer:
        return int(answer.read() or 0)


def found(data: Path) -> tuple[int, str, list[str]]:
    with a_service(data).opened(at_work=True) as service:
        version = service.destinations.destination("nas").version
        path = service.destinations.secret("nas", "key")
        return version, path.read_text(), sorted(each.name for each in path.parent.iterdir())


def anew(source: Path, data: Path) -> None:
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(source, data)


def main(scratch: Path, most: int) -> None:
    source, data = scratch / "source", scratch / "data"
    begin(source)
    anew(source, data)
    calls = killed_at(1_000_000, data)
    luck, first = random.Random(calls), max(1, calls - 4 * most)  # the store is opened first
    numbers = sorted(luck.sample(range(first, calls + 1), min(most, calls - first + 1)))
    wrong = []
    for number in numbers:
        anew(source, data)
        killed_at(number, data)
        version, secret, files = found(data)
        if (version, secret) not in {(1, OLD), (2, NEW)} or files != ["key"]:
            wrong.append((number, version, secret, files))
    sys.stdout.write(json.dumps({"calls": calls, "kills": len(numbers), "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
