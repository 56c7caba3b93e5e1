"""What this installation is set to: by the environment, by its admins while it runs, or as it is given.

What the environment names counts, and nobody changes it here; the rest is kept as one register.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from core.errors import InvalidOptions, Refused, VersionConflict
from core.lining import Change
from core.models import Value
from core.packed import thawed
from core.settings import MOST_DAYS, MOST_MEGABYTES, MOST_RUNS, Settings, variable_of

REGISTER: Final = "settings"


class Bounds(Value, frozen=True, kw_only=True):
    """From where to where a number may go."""

    least: int
    most: int


CHANGEABLE: Final[Mapping[str, Bounds]] = {
    "keep_runs": Bounds(least=1, most=MOST_RUNS),
    "keep_days": Bounds(least=0, most=MOST_DAYS),
    "keep_logs_days": Bounds(least=0, most=MOST_DAYS),
    "keep_logs_mb": Bounds(least=1, most=MOST_MEGABYTES),
    "keep_events_days": Bounds(least=0, most=MOST_DAYS),
    "own_backup_mb": Bounds(least=1, most=MOST_MEGABYTES),
    "failure_alert": Bounds(least=0, most=100),
}
"""What admins may set while it runs."""


class Kept(Value, frozen=True, kw_only=True):
    """What was set here; `version` counts the changes."""

    version: int = 0
    values: Mapping[str, int] = {}


class Registers(Protocol):
    """Where it is kept; the manager."""

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has; None where there is none."""
        ...

    def change_registers(self, change: Change, *, why: str = "") -> None:
        """Have registers as `change` makes them of what they are; durable when it returns."""
        ...


class Installation:
    """Safe to use from several threads; `put_in_force` is called with the settings that count from now on."""

    def __init__(
        self, registers: Registers, given: Settings, put_in_force: Callable[[Settings], None]
    ) -> None:
        self._registers = registers
        self._given = given
        self._put_in_force = put_in_force

    def open(self) -> None:
        """Put in force what was set here before."""
        self._put_in_force(self.settings)

    @property
    def kept(self) -> Kept:
        """Return what was set here; what cannot be understood was not said."""
        return _kept_in(self._registers.register(REGISTER))

    @property
    def settings(self) -> Settings:
        """Return the settings that count."""
        here = {name: value for name, value in self.kept.values.items() if name not in self._given.said}
        return replace(self._given, **here)

    def change(self, values: Mapping[str, int], version: int | None) -> Settings:
        """Set some of what is changeable; raises InvalidOptions, Refused or VersionConflict and changes nothing then."""
        self._check(values)

        def change(read: Callable[[str], Mapping[str, Any] | None]) -> Mapping[str, Mapping[str, Any]]:
            before = _kept_in(read(REGISTER))
            if version is not None and version != before.version:
                raise VersionConflict("What is set here", version, before.version)
            after = Kept(version=before.version + 1, values={**before.values, **values})
            return {REGISTER: msgspec.to_builtins(after)}

        self._registers.change_registers(change, why=f"changed settings: {', '.join(sorted(values))}")
        self.open()
        return self.settings

    def _check(self, values: Mapping[str, int]) -> None:
        problems = {}
        for name, value in values.items():
            bounds = CHANGEABLE.get(name)
            if bounds is None:
                problems[name] = "This cannot be changed here."
            elif not bounds.least <= value <= bounds.most:
                problems[name] = f"This must be a whole number from {bounds.least:,} to {bounds.most:,}."
        if problems:
            raise InvalidOptions(problems)
        if named := sorted(self._given.said.intersection(values)):
            variables = ", ".join(map(variable_of, named))
            raise Refused(
                f"{variables} says this already.", hint="Change it there, then start Holdfast again."
            )


def _kept_in(register: Mapping[str, Any] | None) -> Kept:
    if register is None:
        return Kept()
    try:
        kept = msgspec.convert(thawed(register), Kept)
    except msgspec.ValidationError:
        return Kept()
    good = {
        name: value
        for name, value in kept.values.items()
        if name in CHANGEABLE and CHANGEABLE[name].least <= value <= CHANGEABLE[name].most
    }
    return replace(kept, values=good)
