"""What people type to find jobs: plain words and `key:value`, taken apart; nothing of it is ignored.

A word that is plain must be in what is said of a job. `key:value` asks for something in particular; several values of
one key mean any of them, written apart or with commas. A minus in front asks for the opposite, quotes keep blanks
together and make plain what would be a key otherwise; a quotation mark that is meant is written twice in them.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from core.errors import InvalidOptions
from core.models import Value
from core.states import RunState

NEVER_RUN: Final = "never"
WARNED: Final = "warned"
"""What a job shows beside its state whose latest run ended well, with warnings."""

LATE: Final = "late"
HELD: Final = "held"
"""What a job shows beside its state that is late, and one that somebody paused."""

STATES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "running": (RunState.RUNNING, RunState.PAUSING, RunState.CANCELLING),
        "waiting": (RunState.QUEUED, RunState.BLOCKED, RunState.SCHEDULED),
        "failed": (RunState.FAILED,),
        "paused": (RunState.PAUSED, HELD),
        LATE: (LATE,),
        "good": (RunState.COMPLETED,),
        WARNED: (WARNED,),
        "cancelled": (RunState.CANCELLED, RunState.SKIPPED),
        NEVER_RUN: (NEVER_RUN,),
    }
)
"""The groups of states that people speak of; every state by its own name goes as well."""

EACH_STATE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {**{state.value: (state.value,) for state in RunState}, **STATES}
)
LAST: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "good": (RunState.COMPLETED,),
        WARNED: (WARNED,),
        "failed": (RunState.FAILED,),
        "cancelled": (RunState.CANCELLED,),
        "skipped": (RunState.SKIPPED,),
        NEVER_RUN: (NEVER_RUN,),
    }
)
"""How a latest run ended."""

IS: Final = ("late", "paused", "off", "on", "going", "asking", "needing", "scheduled")
"""What else a job can be."""

KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "kind": "what kind of job it is",
        "tag": "a tag that it has",
        "state": "how it is now",
        "last": "how its latest run ended",
        "name": "a part of its name",
        "owner": "whose it is",
        "is": "late, paused, off, on, going, asking, needing or scheduled",
        "after": "the name or the id of a job that it comes after",
    }
)
"""What can be asked for in particular, and what each means."""

WORDS_OF: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"state": tuple(EACH_STATE), "last": tuple(LAST), "is": IS}
)
"""The values that keys can have of which there are only so many."""

MOST_TERMS: Final = 50
TERM: Final = re.compile(
    r'(?P<minus>-)?(?:(?P<key>[A-Za-z]+):(?![/\\]))?(?P<value>(?:"(?:""|[^"])*"?|[^\s"])*)'
)
QUOTED: Final = re.compile(r'"((?:""|[^"])*)"?')


class Term(Value, frozen=True, kw_only=True):
    """One thing that is asked for: any of the values of a key, casefolded; or a word, where the key is empty."""

    key: str
    values: tuple[str, ...]
    negated: bool = False


Search = tuple[Term, ...]


@lru_cache(256)
def search_of(text: str) -> Search:
    """Return what is asked for; raises InvalidOptions for a key or a value that there is none of."""
    found: dict[tuple[str, bool], list[str]] = {}
    words: list[Term] = []
    for match in TERM.finditer(text):
        if not match["key"] and not (match.group().strip("-") and _plain(match["value"]).strip()):
            continue
        negated, key = bool(match["minus"]), (match["key"] or "").casefold()
        if key:
            found.setdefault((_known(key), negated), []).extend(_values_of(key, match["value"]))
        else:
            words.append(Term(key="", values=(_plain(match["value"]),), negated=negated))
    terms = [Term(key=key, values=tuple(values), negated=no) for (key, no), values in found.items()]
    if len(terms) + len(words) > MOST_TERMS:
        raise InvalidOptions({"q": f"A search has {MOST_TERMS} words at most."})
    return (*terms, *words)


def folded(text: str) -> str:
    """Return the text as it is compared: without case, and each accent written in the same way."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _plain(value: str) -> str:
    return folded(QUOTED.sub(lambda quoted: quoted[1].replace('""', '"'), value))


def _known(key: str) -> str:
    if key not in KEYS:
        message = (
            f"There is no “{key[:40]}:”. What can be asked for: {', '.join(f'{known}:' for known in KEYS)}."
        )
        raise InvalidOptions({"q": f'{message} Quotes make it plain words: "{key[:40]}:…".'})
    return key


def _values_of(key: str, written: str) -> list[str]:
    values = [plain for piece in _pieces(written) if (plain := _plain(piece))]
    if not values:
        raise InvalidOptions({"q": f"“{key}:” wants a value: {KEYS[key]}."})
    if key in WORDS_OF:
        unknown = next((value for value in values if value not in WORDS_OF[key]), None)
        if unknown is not None:
            raise InvalidOptions({"q": f"“{key}:” can be {', '.join(WORDS_OF[key])}; not “{unknown[:40]}”."})
    return values


def _pieces(written: str) -> list[str]:
    """Return what stands between commas that are not in quotes."""
    return re.findall(r'(?:"(?:""|[^"])*"?|[^,"])+', written)


def states_of(term: Term) -> frozenset[str]:
    """Return the states that a term of `state:` or `last:` means."""
    known = EACH_STATE if term.key == "state" else LAST
    return frozenset(state for value in term.values for state in known[value])


def with_term(text: str, key: str, value: str) -> str:
    """Return the search that asks for this value of a key, and for no other of it."""
    plain = re.fullmatch(r'[^\s",]+', value) is not None
    doubled = value.replace('"', '""')
    term = f"{key}:{value}" if plain else f'{key}:"{doubled}"'
    return f"{without_key(text, key)} {term}".strip()


def without_key(text: str, key: str) -> str:
    """Return the search that asks for no value of a key; what it asks not to be stays."""
    kept = (
        match.group()
        for match in TERM.finditer(text)
        if match.group() and (match["minus"] or (match["key"] or "").casefold() != key)
    )
    return " ".join(kept)
