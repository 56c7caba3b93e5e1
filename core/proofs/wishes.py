"""What a job says about how its copy is read back."""

from typing import Literal

from pydantic import BaseModel, Field


class ProvingWishes(BaseModel):
    """Options of every kind whose copy is read back."""

    verify: Literal["full", "sample", "fast"] = Field(
        default="full",
        title="Proof",
        description="Full reads every file back, sample a random share, fast looks at sizes and times only",
        json_schema_extra={
            "widget": "choice",
            "group": "proof",
            "choices": {
                "full": "Full: every file is read back",
                "sample": "Sample: a random share is read back",
                "fast": "Fast: sizes and times only, proves nothing",
            },
        },
    )
    sample_confidence: float = Field(
        default=0.95,
        ge=0.5,
        le=0.9999,
        title="Confidence",
        description="How sure a sample must make us, from 0.5 to 0.9999",
        json_schema_extra={"group": "proof", "shown_if": {"verify": "sample"}},
    )
    sample_good_share: float = Field(
        default=0.99,
        ge=0.5,
        le=0.99999,
        title="Share of good files",
        description="Of which share of good files a sample must make us sure, from 0.5 to 0.99999",
        json_schema_extra={"group": "proof", "shown_if": {"verify": "sample"}},
    )
