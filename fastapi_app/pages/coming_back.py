"""A form of a job that is left to make a destination: it travels in the address, and comes back filled in."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi_app.auth import LONGEST_NEXT

NOT_CARRIED: Final = frozenset({"csrf", "kind", "job", "then", "from"})
ROOM: Final = LONGEST_NEXT - 200
"""Letters of an address that a form may take: the rest is for the destination that is chosen at its end."""
CHOSEN: Final = "options.destination"
TYPE_FOR: Final[Mapping[str, str]] = {"copy": "folder", "rsync": "ssh", "restic": "restic-local"}
"""The type of destination that each kind of job most often needs, where there is one."""


def left_form(asked: Mapping[str, str]) -> dict[str, str]:
    """Return what stood in a form that was left, as its address has it; empty for an address without one."""
    return {name: value for name, value in asked.items() if name not in NOT_CARRIED}


def way_to_new_destination(form: str, values: Mapping[str, str], kind: str) -> str:
    """Return the address that makes a destination and then leads back to the form with all that stood in it."""
    carried = [(name, value) for name, value in values.items() if value and name not in NOT_CARRIED]
    back = _with(form, carried)
    while len(back) > ROOM:
        carried.remove(max(carried, key=lambda pair: len(pair[1])))
        back = _with(form, carried)
    kind_of_place = {"type": TYPE_FOR[kind]} if kind in TYPE_FOR else {}
    return f"/destinations/new?{urlencode({**kind_of_place, 'back': back})}"


def back_with(back: str, destination_id: str) -> str:
    """Return the way back to a form, with the destination chosen in it."""
    parts = urlsplit(back)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name != CHOSEN]
    return f"{parts.path}?{urlencode([*kept, (CHOSEN, destination_id)])}"


def _with(form: str, values: Iterable[tuple[str, str]]) -> str:
    sign = "&" if "?" in form else "?"
    return f"{form}{sign}{urlencode(list(values))}"
