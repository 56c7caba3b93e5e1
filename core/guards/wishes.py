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
