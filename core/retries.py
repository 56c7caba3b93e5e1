"""Whether and when a failed attempt is followed by another. Pure: nothing is remembered between two waits."""

from collections.abc import Callable, Mapping
from typing import Final

from core.models import Backoff, Retry

Draw = Callable[[float, float], float]
"""Draws a number between two others, each as likely as any: `random.uniform`."""


def wait_after(retry: Retry, attempt: int, previous: float, draw: Draw) -> float | None:
    """Return how many seconds pass before the attempt after `attempt`; None: give up.

    Attempts count from 1. `previous` is the wait before `attempt`, 0 before the first. Where the retry asks for
    jitter it is drawn between nothing and what the formula says; a decorrelated wait is drawn as it is.
    """
    if attempt >= retry.max_attempts:
        return None
    if retry.backoff == Backoff.DECORRELATED:
        return min(retry.longest_wait, draw(retry.wait, 3 * max(previous, retry.wait)))
    longest = min(retry.longest_wait, retry.wait * FACTORS[retry.backoff](attempt))
    return draw(0.0, longest) if retry.jitter else longest


def promised(retry: Retry) -> tuple[float, ...]:
    """Return the longest that each wait can be, in seconds: one for each attempt after the first."""
    return tuple(_longest(retry, attempt) for attempt in range(1, retry.max_attempts))


def _longest(retry: Retry, attempt: int) -> float:
    factor = 3**attempt if retry.backoff == Backoff.DECORRELATED else FACTORS[retry.backoff](attempt)
    return min(retry.longest_wait, retry.wait * factor)


def drawn(retry: Retry) -> bool:
    """Tell whether the waits are drawn by lot, so that what is promised is the most."""
    return retry.jitter or retry.backoff == Backoff.DECORRELATED


def _fibonacci(attempt: int) -> int:
    before, this = 0, 1
    for _ in range(attempt - 1):
        before, this = this, before + this
    return this


FACTORS: Final[Mapping[Backoff, Callable[[int], int]]] = {
    Backoff.FIXED: lambda _attempt: 1,
    Backoff.LINEAR: lambda attempt: attempt,
    Backoff.EXPONENTIAL: lambda attempt: 2 ** (attempt - 1),
    Backoff.FIBONACCI: _fibonacci,
}
"""How many times the first wait each attempt is followed by."""
