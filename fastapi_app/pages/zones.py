"""In whose time zone a page draws days: the browser's, which its script tells in a cookie, else this machine's."""

from typing import Annotated, Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from fastapi import Depends
from starlette.requests import Request

from core.models import Value
from core.schedules import zone_named

COOKIE: Final = "zone"
LONGEST: Final = 60


class Zone(Value, frozen=True, kw_only=True):
    """A zone, and whether the browser told it."""

    zone: ZoneInfo
    of_browser: bool

    @property
    def name(self) -> str:
        """Return what the zone is called."""
        return self.zone.key


async def _zone(request: Request) -> Zone:
    told = unquote(request.cookies.get(COOKIE, ""))
    if told and len(told) <= LONGEST and (zone := zone_named(told)) is not None:
        return Zone(zone=zone, of_browser=True)
    return Zone(zone=zone_named("") or ZoneInfo("UTC"), of_browser=False)


TheZone = Annotated[Zone, Depends(_zone)]
