"""Sizes and rates, with at most three digits and a space before the unit."""

from core.sizes import size, size_parts

__all__ = ["amount_of", "rate", "size", "size_parts"]


def amount_of(done: float, total: float | None, unit: str) -> str:
    """Return how much of how much: "161 GB of 251 GB", "148,220 of 212,904 files"; nothing where nobody says of what."""
    if not unit:
        return ""
    if unit == "bytes":
        return size(done) if total is None else f"{size(done)} of {size(total)}"
    return f"{done:,.0f} {unit}" if total is None else f"{done:,.0f} of {total:,.0f} {unit}"


def rate(per_second: float | None, unit: str) -> str:
    """Return a rate: "38.2 MB/s", "340 files/s"; nothing where it is unknown."""
    if per_second is None:
        return ""
    return f"{size(per_second)}/s" if unit == "bytes" else f"{per_second:,.0f} {unit}/s"
