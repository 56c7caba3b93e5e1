"""What people most often want of a kind, as fields of its form that are filled in together."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.models import NOTHING, Value

NIGHTLY: Final[Mapping[str, str]] = MappingProxyType(
    {"schedule.when": "times", "schedule.times": "02:00", "schedule.days": "* * *"}
)
RUBBISH: Final = ".cache/\nnode_modules/\n*.tmp\n.Trash-*/"


class Preset(Value, frozen=True, kw_only=True):
    """A wish in few words, and the fields of the form that say it; `job_name` stands where no name was given."""

    name: str
    label: str
    about: str
    job_name: str
    values: Mapping[str, str] = NOTHING

    def over(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return what a form says once it is filled in with this."""
        name = values.get("name", "").strip() or self.job_name
        return {**values, **self.values, "name": name}


class Rhythm(Value, frozen=True, kw_only=True):
    """A common rhythm in few words, and the fields of the schedule that say it."""

    name: str
    label: str
    values: Mapping[str, str]

    @property
    def fills(self) -> str:
        """Return the fields as the script of the page reads them."""
        return json.dumps(dict(self.values))

    def over(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return what a form says once it is filled in with this."""
        return {**values, **self.values}


def _at(times: str, days: str) -> Mapping[str, str]:
    return {"schedule.when": "times", "schedule.times": times, "schedule.days": days}


RHYTHMS: Final = (
    Rhythm(name="night", label="Every night", values=_at("02:00", "* * *")),
    Rhythm(name="workday", label="Weekdays at 18:00", values=_at("18:00", "* * 1-5")),
    Rhythm(name="hour", label="Every hour", values={"schedule.when": "every", "schedule.every": "1 h"}),
    Rhythm(name="week", label="Sundays at 04:00", values=_at("04:00", "* * 0")),
    Rhythm(name="month", label="The 1st of the month", values=_at("03:00", "1 * *")),
)
"""When most jobs are due."""


PRESETS: Final[Mapping[str, tuple[Preset, ...]]] = MappingProxyType(
    {
        "copy": (
            Preset(
                name="disk",
                label="Copy to a disk",
                about="Every night, each file read back",
                job_name="Copy to a disk",
                values={**NIGHTLY, "options.verify": "full"},
            ),
            Preset(
                name="archive",
                label="Large archive",
                about="By hand, a sample read back",
                job_name="Archive",
                values={"schedule.when": "", "options.verify": "sample"},
            ),
        ),
        "rsync": (
            Preset(
                name="photos",
                label="Photos to the NAS over SSH",
                about="Every night, each file read back",
                job_name="Photos to the NAS",
                values={**NIGHTLY, "options.verify": "full"},
            ),
            Preset(
                name="disk",
                label="Mirror to a disk",
                about="Every night, without caches and temporary files",
                job_name="Mirror to a disk",
                values={**NIGHTLY, "options.verify": "full", "options.exclude": RUBBISH},
            ),
            Preset(
                name="server",
                label="A large folder to a server",
                about="At night, a sample read back, gently on the line",
                job_name="Folder to the server",
                values={**NIGHTLY, "options.verify": "sample", "options.bandwidth_limit": "4 MB/s"},
            ),
        ),
        "rclone": (
            Preset(
                name="cloud",
                label="Documents to the cloud",
                about="Every night, each file read back",
                job_name="Documents to the cloud",
                values={**NIGHTLY, "options.verify": "full"},
            ),
            Preset(
                name="photos",
                label="Many photos to the cloud",
                about="Every night, a sample read back: less to download",
                job_name="Photos to the cloud",
                values={**NIGHTLY, "options.verify": "sample"},
            ),
        ),
        "restic": (
            Preset(
                name="documents",
                label="Encrypted snapshots",
                about="Every night, without caches and temporary files",
                job_name="Encrypted snapshots",
                values={**NIGHTLY, "options.verify": "sample", "options.exclude": RUBBISH},
            ),
            Preset(
                name="often",
                label="Every hour, while I work",
                about="Small snapshots, a sample read back",
                job_name="Hourly snapshots",
                values={"schedule.when": "every", "schedule.every": "1 h", "options.verify": "sample"},
            ),
        ),
    }
)
"""For each kind what it is mostly wanted for."""


def presets_of(kind: str) -> tuple[Preset, ...]:
    """Return what a kind is mostly wanted for; nothing for one that is different every time."""
    return PRESETS.get(kind, ())


def preset_named(kind: str, name: str) -> Preset | None:
    """Return a preset of a kind; None where there is none of that name."""
    return next((preset for preset in presets_of(kind) if preset.name == name), None)


def rhythm_named(name: str) -> Rhythm | None:
    """Return a common rhythm; None where there is none of that name."""
    return next((rhythm for rhythm in RHYTHMS if rhythm.name == name), None)
