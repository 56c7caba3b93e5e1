"""Everything that one running Holdfast has, in one bundle."""

from dataclasses import dataclass

from core.accounts import Accounts
from core.roster import Roster
from core.service import Service
from core.settings import Settings
from fastapi_app.board import Board
from fastapi_app.courses import Courses
from fastapi_app.disk import Disk
from fastapi_app.exposition import Exposition
from fastapi_app.health import Health
from fastapi_app.hub import Hub
from fastapi_app.monitor import Monitor
from fastapi_app.notices import Notices
from fastapi_app.outside import Outside
from fastapi_app.painter import Painter
from fastapi_app.parts import Parts
from fastapi_app.rows import Rows
from fastapi_app.scribe import Scribe
from fastapi_app.sites import Site
from fastapi_app.templating import Templates


@dataclass(frozen=True, kw_only=True)
class House:
    """What routes, the gate and the live parts share."""

    settings: Settings
    service: Service
    accounts: Accounts
    roster: Roster
    site: Site
    templates: Templates
    disk: Disk
    outside: Outside
    courses: Courses
    rows: Rows
    board: Board
    scribe: Scribe
    parts: Parts
    hub: Hub
    monitor: Monitor
    notices: Notices
    painter: Painter
    health: Health
    exposition: Exposition

    @property
    def position(self) -> tuple[str, int]:
        """Return epoch and seq; a page reads them before it reads what it shows."""
        return self.hub.epoch, self.hub.seq
