"""What a job says about how fast its copy may be at which time."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from core.clock import SystemClock
from core.copying.paces import Pace, here, pace_in, rate_at, seconds_until_change
from core.copying.rates import rate_from

SHORTEST: Final = 1.0


def _checked(line: str) -> str:
    pace_in(line)
    return line.strip()


Rate = Annotated[Annotated[int, Field(ge=1024)] | None, BeforeValidator(rate_from)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_checked)]


class PaceWishes(BaseModel):
    """Options of every kind whose speed has a timetable; it goes by the clock on this machine's wall."""

    bandwidth_limit: Rate = Field(
        default=None,
        title="Limit",
        description="Bytes a second at most, or words such as 10 MB/s; empty is as fast as it can",
        json_schema_extra={"widget": "rate", "group": "more"},
    )
    bandwidth_times: tuple[Line, ...] = Field(
        default=(),
        max_length=50,
        title="Limit by the clock",
        description=(
            'Lines such as "mon-fri 08:00-18:00 2 MB/s", or with "off" for no limit; '
            "the limit above holds at all other times"
        ),
        json_schema_extra={"widget": "patterns", "group": "more"},
    )

    @property
    def paces(self) -> tuple[Pace, ...]:
        """Return the timetable."""
        return tuple(pace_in(line) for line in self.bandwidth_times)

    def rate_now(self, otherwise: int | None) -> int | None:
        """Return the limit of this moment, in bytes a second."""
        if not self.bandwidth_times:
            return otherwise
        return rate_at(self.paces, otherwise, here(SystemClock().now()))

    def seconds_at_this_rate(self, otherwise: int | None) -> float | None:
        """Return for how long the limit stays what it is; None where it always does."""
        if not self.bandwidth_times:
            return None
        seconds = seconds_until_change(self.paces, otherwise, here(SystemClock().now()))
        return None if seconds is None else max(seconds, SHORTEST)
