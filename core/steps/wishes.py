"""What a job says is to be done before and after its copy."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from core.steps.kinds import AnyStep
from core.steps.words import MOST_STEPS, entered

Steps = Annotated[tuple[AnyStep, ...], BeforeValidator(entered), Field(max_length=MOST_STEPS)]


class StepWishes(BaseModel):
    """Options of every kind that can have steps around it."""

    steps: Steps = Field(
        default=(),
        title="Before and after",
        description="One step a line, undone afterwards: stop-service nextcloud.service, stop-container photoprism, "
        "dump-postgresql /srv/photos/photos.sql database=photos, dump-mariadb, dump-sqlite, command",
        json_schema_extra={"widget": "steps", "group": "steps"},
    )
