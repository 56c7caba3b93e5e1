"""What a job says is to be done before and after its copy."""

from pydantic import BaseModel


class StepWishes(BaseModel):
    """Options of every kind that can have steps around it."""
