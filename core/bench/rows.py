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


class Beside(Value, frozen=True, kw_only=True):
    """What a figure stands beside: the yardstick of the same run, and how far ours may be from it.

    `times` None is as far as it likes.
    """

    figure: float
    name: str
    times: float | None = None


def at_most(name: str, ours: float, unit: str, budget: float | None, beside: Beside | None = None) -> Row:
    """Return the line of a figure that should be small: at most the budget, and so many times the yardstick."""
    words, met = [], True
    if budget is not None:
        words.append(f"at most {budget:,g} {unit}")
        met = ours <= budget
    if beside and beside.times is not None:
        words.append(f"at most {beside.times:g} times")
        met = met and ours <= beside.times * beside.figure
    return _row(name, ours, unit, words, beside, met=met)


def at_least(name: str, ours: float, unit: str, budget: float | None, beside: Beside | None = None) -> Row:
    """Return the line of a figure that should be large: at least the budget, and so many times the yardstick."""
    words, met = [], True
    if budget is not None:
        words.append(f"at least {budget:,g} {unit}")
        met = ours >= budget
    if beside and beside.times is not None:
        words.append(f"at least {beside.times:g} times")
        met = met and ours >= beside.times * beside.figure
    return _row(name, ours, unit, words, beside, met=met)


def _row(name: str, ours: float, unit: str, words: list[str], beside: Beside | None, *, met: bool) -> Row:
    return Row(
        name=name,
        ours=ours,
        yardstick=beside.figure if beside else None,
        yardstick_name=beside.name if beside else "",
        unit=unit,
        budget=", ".join(words),
        met=met,
    )
