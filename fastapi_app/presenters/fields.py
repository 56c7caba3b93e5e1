"""One field of a form."""

from typing import Any

from core.models import Value


class Field(Value, frozen=True, kw_only=True):
    """One field: what it asks, what stands in it, and what is known to be true of that."""

    id: str
    name: str
    label: str
    help: str = ""
    widget: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    value: Any = ""
    placeholder: str = ""
    wide: bool = False
    shown_if: tuple[str, str] | None = None
    truth: str = ""
    good: bool = True
    focus: bool = False
    theirs: str | None = None

    @property
    def wrong(self) -> bool:
        """Tell whether what stands in it cannot be accepted."""
        return bool(self.truth) and not self.good
