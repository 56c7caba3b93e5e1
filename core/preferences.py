"""How each person wants their pages: kept as one register a person, the same in every browser."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from core.errors import InvalidOptions
from core.lining import Change
from core.models import Value
from core.packed import thawed
from core.terms import is_printable

PERSON: Final = "person/"
THEMES: Final = ("auto", "light", "dark")
DENSITIES: Final = ("comfortable", "compact")
MOST_VIEWS: Final = 20
LONGEST_NAME: Final = 60
LONGEST_ADDRESS: Final = 2_000
OURS: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A page of this Holdfast as addresses write it: no other host, no blank, no backslash."""


class SavedView(Value, frozen=True, kw_only=True):
    """A page as somebody set it up, under a name; `address` begins with the path."""

    name: str
    address: str


class Preferences(Value, frozen=True, kw_only=True):
    """What one person wants; `default_view` names the view that the list of jobs opens with, or nothing."""

    theme: str = THEMES[0]
    density: str = DENSITIES[0]
    shortcuts: bool = True
    views: tuple[SavedView, ...] = ()
    default_view: str = ""


AS_GIVEN: Final = Preferences()


class Registers(Protocol):
    """Where small things are kept; the manager."""

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has; None where there is none."""
        ...

    def change_registers(self, change: Change, *, why: str = "") -> None:
        """Have registers as `change` makes them of what they are; durable when it returns."""
        ...


class PreferenceBook:
    """What people want, by their names. Safe to use from several threads; reading never waits."""

    def __init__(self, registers: Callable[[], Registers]) -> None:
        self._registers = registers

    def of(self, name: str) -> Preferences:
        """Return what somebody wants; what everybody is given where they said nothing."""
        return _kept(self._registers().register(_place_of(name)))

    def set(self, name: str, **changes: Any) -> Preferences:  # noqa: ANN401 - fields of Preferences
        """Change some of what somebody wants, and return all of it; raises InvalidOptions and changes nothing then."""
        changed = AS_GIVEN

        def change(read: Callable[[str], Mapping[str, Any] | None]) -> Mapping[str, Mapping[str, Any] | None]:
            nonlocal changed
            changed = _with(_kept(read(_place_of(name))), changes)
            return {_place_of(name): None if changed == AS_GIVEN else msgspec.to_builtins(changed)}

        self._registers().change_registers(change, why="preferences were changed")
        return changed

    def forget(self, name: str) -> None:
        """Let go of what somebody wanted who is gone."""
        self._registers().change_registers(lambda _: {_place_of(name): None}, why="a person is gone")


def _place_of(name: str) -> str:
    return PERSON + name.casefold()


def _kept(register: Mapping[str, Any] | None) -> Preferences:
    """Return what a register says; what cannot be understood is as if it had not been said."""
    if register is None:
        return AS_GIVEN
    try:
        return msgspec.convert(thawed(register), Preferences)
    except msgspec.ValidationError:
        return AS_GIVEN


def _with(before: Preferences, changes: Mapping[str, Any]) -> Preferences:
    try:
        after = msgspec.convert(msgspec.to_builtins(before) | msgspec.to_builtins(dict(changes)), Preferences)
    except msgspec.ValidationError as error:
        raise InvalidOptions({"preferences": f"{error}."}) from error
    if problems := _problems_of(after):
        raise InvalidOptions(problems)
    return after


def _problems_of(wanted: Preferences) -> dict[str, str]:
    problems = {}
    if wanted.theme not in THEMES:
        problems["theme"] = f"This must be one of: {', '.join(THEMES)}."
    if wanted.density not in DENSITIES:
        problems["density"] = f"This must be one of: {', '.join(DENSITIES)}."
    if problem := _problem_of_views(wanted.views):
        problems["views"] = problem
    if wanted.default_view and wanted.default_view not in {view.name for view in wanted.views}:
        problems["default_view"] = "This must be the name of a saved view."
    return problems


def _problem_of_views(views: tuple[SavedView, ...]) -> str:
    if len(views) > MOST_VIEWS:
        return f"There may be {MOST_VIEWS} saved views. Remove one first."
    if len({view.name.casefold() for view in views}) < len(views):
        return "There is a view of this name already."
    for view in views:
        if not (0 < len(view.name.strip()) <= LONGEST_NAME and is_printable(view.name)):
            return f"Name a view in up to {LONGEST_NAME} printable characters."
        if len(view.address) > LONGEST_ADDRESS or not OURS.fullmatch(view.address):
            return "A view is a page of this Holdfast, written from its first slash."
    return ""
