"""A Holdfast with a kind that has steps and copies nothing; run as a program, it can be killed.

`python -m tests.core.steps.serving DATA PROGRAMS` starts it and says "ready".
"""

import sys
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

from core import steps
from core.engines.base import Engine
from core.errors import EngineFailed
from core.processes.orders import Order
from core.service import Service
from core.settings import Settings
from core.steps.wishes import StepWishes
from core.work import Copied, Outcome, RunContext

SYSTEMCTL = """#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
for unit; do :; done
case "$*" in
  show*) test ! -e "$here/no-systemd" || { echo "System has not been booted with systemd" >&2; exit 1; }
    case "$unit" in *typo*) echo LoadState=not-found; echo ActiveState=inactive; exit 0 ;; esac
    echo LoadState=loaded
    test -e "$here/running.$unit" && echo ActiveState=active || echo ActiveState=inactive ;;
  *stop*) test ! -e "$here/stop-fails" || { echo "Failed to stop $unit" >&2; exit 1; }; rm -f "$here/running.$unit" ;;
  *start*) test ! -e "$here/start-fails" || { echo "Failed to start $unit" >&2; exit 1; }; : > "$here/running.$unit" ;;
esac
"""
MARIADB_DUMP = """#!/bin/sh
echo "mariadb-dump $*" >> "$(dirname "$0")/calls"
for word; do case "$word" in --result-file=*) echo "-- a dump" > "${word#--result-file=}" ;; esac; done
"""
DOCKER = """#!/bin/sh
here=$(dirname "$0")
echo "docker $*" >> "$here/calls"
for name; do :; done
case "$1" in
  inspect) test -e "$here/known.$name" || { echo "No such container: $name" >&2; exit 1; }
    test -e "$here/running.$name" && echo true || echo false ;;
  stop) rm -f "$here/running.$name" ;;
  start) : > "$here/running.$name" ;;
esac
"""


class SteppedEngine(StepWishes, Engine):
    """Does its steps around a script."""

    kind: ClassVar[str] = "stepped"
    label: ClassVar[str] = "Do steps"
    summary: ClassVar[str] = "For tests"
    repeatable: ClassVar[bool] = True
    uses_programs: ClassVar[bool] = True
    can_pause: ClassVar[bool] = True

    says: str = "true"

    @property
    def needs_admin(self) -> bool:
        return steps.are_commands(self)

    def run(self, context: RunContext) -> Outcome:
        with steps.around(context, self) as done:
            order = Order(argv=("sh", "-c", self.says), environment={"PATH": "/usr/bin:/bin"}, grace=0.5)
            ending = context.execute(order)
        if ending.code:
            message = f"It ended with {ending.code}."
            raise EngineFailed(message)
        return Outcome(warnings=done.told(Copied(since_ns=0)).warnings)


class OnceSteppedEngine(SteppedEngine):
    """The same, but it must not be repeated without a person's word."""

    kind: ClassVar[str] = "stepped-once"
    repeatable: ClassVar[bool] = False


def make(kind: str, options: Any) -> Engine:
    """Make an engine of this page."""
    found = {"stepped": SteppedEngine, "stepped-once": OnceSteppedEngine}[kind]
    return found(**{name: options[name] for name in options})


def service_on(data: Path, programs: Path) -> Service:
    """Return a Holdfast on this data, whose steps find their programs there first."""
    return Service(Settings(data=data, step_programs=programs, own_backup="off", grace=0), make_engine=make)


def fake_programs(folder: Path) -> Path:
    """Make a folder with a systemctl and a docker that note what they are told and keep what runs as files."""
    folder.mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("docker", DOCKER), ("mariadb-dump", MARIADB_DUMP)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


if __name__ == "__main__":
    service = service_on(Path(sys.argv[1]), Path(sys.argv[2]))
    service.start()
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    Event().wait()
