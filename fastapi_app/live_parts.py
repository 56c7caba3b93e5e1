"""What of which page is drawn again by itself: the one place where live parts are added."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from fastapi_app.board import add_board
from fastapi_app.pages import dead_letters, destinations, queue, schedules

if TYPE_CHECKING:
    from fastapi_app.house import House

PAGES: Final[tuple[Callable[["House"], None], ...]] = (
    add_board,
    queue.add_parts,
    schedules.add_parts,
    dead_letters.add_parts,
    destinations.add_parts,
)
"""One function a page: it adds the parts of its topics to `house.parts`."""


def add_live_parts(house: "House") -> None:
    """Add the parts of every page."""
    for add in PAGES:
        add(house)
