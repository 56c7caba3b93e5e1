"""The sections of Holdfast: what the navigation, the bar of a phone and the palette lead to."""

from collections.abc import Iterable
from typing import Final

from core.models import Value


class Section(Value, frozen=True, kw_only=True):
    """A page that is always within reach.

    `here` is what a page calls itself; `key` follows G; `count` names the live count beside it, and `counted` says
    for those who hear it what is counted. Who only an admin may see is `ruled`.
    """

    here: str
    address: str
    icon: str
    word: str
    key: str = ""
    count: str = ""
    counted: str = ""
    ruled: bool = False


FIRST: Final = (
    Section(here="dashboard", address="/", icon="i-home", word="Dashboard", key="d"),
    Section(here="jobs", address="/jobs", icon="i-list", word="Jobs", key="j", count="jobs"),
    Section(here="schedules", address="/schedules", icon="i-clock", word="Schedules", key="s"),
    Section(
        here="queue", address="/queue", icon="i-queue", word="Queue and workers", key="q", count="in_line"
    ),
    Section(
        here="dead-letters",
        address="/dead-letters",
        icon="st-failed",
        word="Failed runs",
        key="f",
        count="letters",
        counted="to see to",
    ),
    Section(here="destinations", address="/destinations", icon="i-place", word="Destinations", key="e"),
)
"""What people come for most."""

TAKEN_AWAY: Final = Section(
    here="quarantines", address="/quarantines", icon="i-backup", word="Taken away", key="t"
)
LATER: Final = (
    Section(here="files", address="/files", icon="i-files", word="Files", key="l"),
    Section(here="notifications", address="/notifications", icon="i-bell", word="Notifications", key="n"),
    Section(here="events", address="/events", icon="i-pulse", word="Events", key="v"),
    Section(here="audit", address="/audit", icon="i-book", word="Audit log", key="a", ruled=True),
    Section(here="users", address="/users", icon="i-person", word="People", key="u", ruled=True),
    Section(
        here="store",
        address="/store",
        icon="i-store",
        word="Store",
        key="o",
        count="problems",
        counted="to look at",
    ),
    Section(here="settings", address="/settings", icon="i-gear", word="Settings", key="c"),
)
"""What people come for now and then."""

AT_HAND: Final = ("dashboard", "jobs", "new", "queue")
"""What the bar of a phone has; the rest is behind its fifth."""


class Sections(Value, frozen=True, kw_only=True):
    """What one person can go to, and what of it a phone has behind More."""

    first: tuple[Section, ...]
    later: tuple[Section, ...]
    behind: tuple[Section, ...]

    @property
    def all(self) -> tuple[Section, ...]:
        """Return every one."""
        return self.first + self.later


def sections_for(*, may_rule: bool, took_away: bool) -> Sections:
    """Return what somebody can go to; what was taken away is there once something was."""
    later = tuple(_within(((TAKEN_AWAY,) if took_away else ()) + LATER, may_rule=may_rule))
    behind = tuple(each for each in FIRST + later if each.here not in AT_HAND)
    return Sections(first=FIRST, later=later, behind=behind)


def _within(sections: Iterable[Section], *, may_rule: bool) -> Iterable[Section]:
    return (each for each in sections if may_rule or not each.ruled)
