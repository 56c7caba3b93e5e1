"""Stand-ins that behave: a clock that is set, an engine that follows a script."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from core.engines.base import Engine, Outcome, RunContext, Surroundings
from core.errors import InvalidOptions, NotFound

Script = Callable[[RunContext], Outcome]


class SettableClock:
    """Stands still until it is set or told to pass."""

    def __init__(self, at: datetime = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)) -> None:
        self._at = at
        self._passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._at

    def monotonic(self) -> float:
        with self._lock:
            return self._passed

    def set(self, at: datetime) -> None:
        """Set the time of day, backwards too; spans do not notice."""
        with self._lock:
            self._at = at

    def pass_by(self, span: timedelta) -> None:
        """Let time pass on both clocks."""
        with self._lock:
            self._at += span
            self._passed += span.total_seconds()


class ScriptedEngine(Engine):
    """Follows the script of the name in its options; without one it is done at once."""

    kind: ClassVar[str] = "scripted"
    label: ClassVar[str] = "Follow a script"
    summary: ClassVar[str] = "For tests"
    stages: ClassVar[tuple[str, ...]] = ("one", "two")
    can_pause: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True
    scripts: ClassVar[dict[str, Script]] = {}

    script: str = ""
    word: str = ""

    def check(self, surroundings: Surroundings) -> None:
        if self.word == "bad":
            raise InvalidOptions({"options.word": "This word is a bad one."})

    def run(self, context: RunContext) -> Outcome:
        script = self.scripts.get(self.script)
        return script(context) if script else Outcome(result={"verified": True})


class OnceEngine(ScriptedEngine):
    """The same, but it must not be repeated or paused without a person's word."""

    kind: ClassVar[str] = "once"
    can_pause: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False


KINDS: Mapping[str, type[Engine]] = {"scripted": ScriptedEngine, "once": OnceEngine}


def make_scripted_engine(kind: str, options: Mapping[str, Any]) -> Engine:
    """Make an engine of this page; an unknown option is refused like any other."""
    if kind not in KINDS:
        what = "kind"
        raise NotFound(what, kind)
    unknown = set(options) - set(KINDS[kind].model_fields)
    if unknown:
        raise InvalidOptions({f"options.{name}": "There is no such option." for name in sorted(unknown)})
    return KINDS[kind](**options)
