"""What a job says about its source once the copy is proved."""

from typing import Literal

from pydantic import BaseModel, Field


class ClearingWishes(BaseModel):
    """Options of every kind that can take away what it has copied."""

    delete_source: bool = Field(
        default=False,
        title="Delete the source after a verified copy",
        description="Only what a run copied, read back and found equal; nothing is deleted by the program that copies",
        json_schema_extra={"widget": "toggle", "group": "delete"},
    )
    delete_mode: Literal["verified", "each"] = Field(
        default="verified",
        title="What is deleted",
        description="Whether one bad file keeps all of them, or only itself",
        json_schema_extra={
            "widget": "choice",
            "group": "delete",
            "shown_if": {"delete_source": True},
            "choices": {
                "verified": "All of it, once the whole copy is proved",
                "each": "Every file that is proved, even if another is not",
            },
        },
    )
    quarantine_days: int = Field(
        default=7,
        ge=0,
        le=365,
        title="Keep aside",
        description="Days that what was taken away can be put back; 0 removes it at once",
        json_schema_extra={"group": "delete", "shown_if": {"delete_source": True}},
    )
    ask_before_delete: bool = Field(
        default=True,
        title="Ask each time",
        description="Wait for a person between the proof and the deletion, with the list of what would go",
        json_schema_extra={
            "widget": "toggle",
            "group": "delete",
            "shown_if": {"delete_source": True},
        },
    )
    delete_most_files: int = Field(
        default=1_000,
        ge=1,
        title="Delete at most",
        description="Files a run may take away without asking",
        json_schema_extra={"group": "delete", "shown_if": {"delete_source": True}},
    )
    delete_most_percent: float = Field(
        default=10.0,
        gt=0,
        le=100,
        title="Of the source at most",
        description="Percent of the source's files a run may take away without asking",
        json_schema_extra={"group": "delete", "shown_if": {"delete_source": True}},
    )
    remove_empty_folders: bool = Field(
        default=False,
        title="Remove emptied folders",
        description="Also folders that have nothing left in them once their files are taken away",
        json_schema_extra={"widget": "toggle", "group": "delete", "shown_if": {"delete_source": True}},
    )

    @property
    def clears_each(self) -> bool:
        """Tell whether each file that is proved is taken away by itself, even if another is not good."""
        return self.delete_source and self.delete_mode == "each"
