"""What a measurement says: a figure of ours beside a yardstick of the same run, and the budget."""

from core.models import Value


class Row(Value, frozen=True, kw_only=True):
    """One line of the bench. `ours` and `yardstick` are in `unit`; `met` tells of the budget."""

    name: str
    ours: float
    yardstick: float | None
    yardstick_name: str
    unit: str
    budget: str
    met: bool

    @property
    def ratio(self) -> float | None:
        """Return ours as a multiple of the yardstick."""
        return self.ours / self.yardstick if self.yardstick else None
