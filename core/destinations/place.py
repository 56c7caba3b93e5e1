"""A place as an option of a job names it."""

from typing import Annotated

from pydantic import AfterValidator, Field

from core.destinations.known import target_in


def _as_target(text: str) -> str:
    target_in(text)
    return text


Place = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_as_target)]
"""A folder of this machine, or a destination with a path below it."""
