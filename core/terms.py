"""What is agreed about a job beside what its kind does: attempts, limits, groups and the rhythm it keeps; checked."""

import math
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from core.models import MOST_ATTEMPTS, SECONDS_OF_A_CENTURY, Expectation, Retry
from core.spans import span

MOST_GROUPS: Final = 10
LONGEST_WORD: Final = 60
"""Of a group or a tag."""
MOST_PARENTS: Final = 100
SHORTEST_LIMIT: Final = 1.0
SHORTEST_RHYTHM: Final = 60.0
LONGEST_PING: Final = 2_000

TOO_LONG: Final = "This is longer than a hundred years."


def problems_of_retry(retry: Retry) -> dict[str, str]:
    """Return what is wrong with the attempts, by field."""
    problems = {}
    if not 1 <= retry.max_attempts <= MOST_ATTEMPTS:
        problems["retry.max_attempts"] = f"A run has at least 1 attempt and at most {MOST_ATTEMPTS}."
    for name, seconds in (("wait", retry.wait), ("longest_wait", retry.longest_wait)):
        if not _is_span(seconds):
            problems[f"retry.{name}"] = TOO_LONG
    if not problems and retry.wait > retry.longest_wait:
        longest = span(retry.longest_wait)
        problems["retry.wait"] = f"This is more than the longest wait, which is {longest}."
    return problems


def problems_of_limits(timeout: float | None, run_timeout: float | None) -> dict[str, str]:
    """Return what is wrong with the time that an attempt and a run may take, by field."""
    problems = {}
    for name, seconds in (("timeout", timeout), ("run_timeout", run_timeout)):
        if seconds is not None and not _is_span(seconds):
            problems[name] = TOO_LONG
        elif seconds is not None and seconds < SHORTEST_LIMIT:
            problems[name] = "The shortest limit is one second; leave it empty for none."
    if not problems and timeout is not None and run_timeout is not None and run_timeout < timeout:
        problems["run_timeout"] = "A whole run cannot be given less time than one of its attempts."
    return problems


def problems_of_groups(groups: tuple[str, ...]) -> dict[str, str]:
    """Return what is wrong with the names of the groups."""
    if len(groups) <= MOST_GROUPS and all(is_good_name(group) for group in groups):
        return {}
    return {
        "groups": f"Up to {MOST_GROUPS} groups, each of 1 to {LONGEST_WORD} printable characters, no commas."
    }


def problems_of_parents(after: tuple[str, ...]) -> dict[str, str]:
    """Return what is wrong with the list of jobs it comes after; whether they are there is known elsewhere."""
    if len(after) <= MOST_PARENTS:
        return {}
    return {"after": f"A job comes after {MOST_PARENTS} others at most."}


def problems_of_rhythm(expect: Expectation | None) -> dict[str, str]:
    """Return what is wrong with the rhythm that is expected, by field."""
    if expect is None:
        return {}
    problems = {}
    if not SHORTEST_RHYTHM <= expect.every <= SECONDS_OF_A_CENTURY:
        problems["expect.every"] = "Expect a success every minute at most, and every hundred years at least."
    if not _is_span(expect.grace):
        problems["expect.grace"] = TOO_LONG
    if expect.ping and not _is_web_address(expect.ping):
        problems["expect.ping"] = "An address on the web begins with https:// or http:// and names a host."
    return problems


def tidied(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names without spaces around them, each once."""
    return tuple(dict.fromkeys(name.strip() for name in names))


def _is_span(seconds: float) -> bool:
    return math.isfinite(seconds) and 0 <= seconds <= SECONDS_OF_A_CENTURY


def is_good_name(name: str) -> bool:
    """Tell whether a group or a tag can be called that."""
    return 0 < len(name.strip()) <= LONGEST_WORD and "," not in name and is_printable(name)


def is_printable(text: str) -> bool:
    """Tell whether a text is on one line and whole."""
    if text.isprintable():  # as nearly every one is; of spaces it knows only the plain one
        return True
    return not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text)


def _is_web_address(text: str) -> bool:
    if len(text) > LONGEST_PING or not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
