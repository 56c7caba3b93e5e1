"""What a job says about what to leave out."""

from typing import Annotated

from pydantic import BaseModel, Field

from core.copying.patterns import BadPattern, check_pattern

Pattern = Annotated[str, Field(min_length=1, max_length=1000)]


class PatternWishes(BaseModel):
    """Options of every kind that copies what patterns leave."""

    exclude: tuple[Pattern, ...] = Field(
        default=(),
        max_length=1000,
        title="Leave out",
        description="Patterns as in .gitignore, one a line",
        json_schema_extra={"widget": "patterns", "group": "more"},
    )
    include: tuple[Pattern, ...] = Field(
        default=(),
        max_length=1000,
        title="But keep",
        description="Patterns that take back in what the ones above leave out",
        json_schema_extra={"widget": "patterns", "group": "more"},
    )

    def bad_patterns(self) -> dict[str, str]:
        """Return what is wrong with the patterns, by option."""
        problems = {}
        for field, patterns in (("exclude", self.exclude), ("include", self.include)):
            for pattern in patterns:
                try:
                    check_pattern(pattern)
                except BadPattern as error:
                    problems[field] = str(error)
        return problems
