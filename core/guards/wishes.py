"""What a job says about its guards."""

from pydantic import BaseModel, Field


class GuardWishes(BaseModel):
    """Options of every kind whose runs are watched for harm."""

    guard_changes: bool = Field(
        default=True,
        title="Hold unusual runs",
        description="Ask before going on when far more is gone or changed than usual, or the source shrank",
        json_schema_extra={"widget": "toggle", "group": "guards"},
    )
    guard_places: bool = Field(
        default=True,
        title="Look whether the disks are mounted",
        description="Ask when the source or a destination folder lies on another disk than last time; "
        "puts a small marker file into a destination folder",
        json_schema_extra={"widget": "toggle", "group": "guards"},
    )
    require_marker: bool = Field(
        default=False,
        title="Only with a marker in the source",
        description="Run only while a file .holdfast-source lies in the source: a disk that is not mounted has none",
        json_schema_extra={"widget": "toggle", "group": "guards"},
    )
    not_on_battery: bool = Field(
        default=False,
        title="Not on battery",
        description="Fail, to be tried again, while this machine runs on its battery",
        json_schema_extra={"widget": "toggle", "group": "guards"},
    )
