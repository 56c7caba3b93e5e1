"""The arguments of a command taken apart by a list of what is known; what is not on it is not understood."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from core.imports.values import NotUnderstood
from core.models import NOTHING, Value


class Flags(NamedTuple):
    """What a program may be told: options with a value and without, each with the name that we give it.

    A name of "" is known and makes no difference.
    """

    with_value: Mapping[str, str]
    without: Mapping[str, str]


class Arguments(Value, frozen=True, kw_only=True):
    """What a program was told: the values of each option by our name, and what stands by itself."""

    values: Mapping[str, tuple[str, ...]] = NOTHING
    rest: tuple[str, ...] = ()

    def last(self, name: str) -> str:
        """Return the last value of an option; empty where it was not given."""
        return self.values.get(name, ("",))[-1]

    def __contains__(self, name: object) -> bool:
        """Tell whether an option was given."""
        return name in self.values


def taken_apart(words: Sequence[str], flags: Flags) -> Arguments:
    """Return what the words say; raises NotUnderstood for the first option that is not known."""
    values: dict[str, tuple[str, ...]] = {}
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            rest += left
        elif word.startswith("--"):
            name, value = _long(word, left, flags)
            values[name] = (*values.get(name, ()), value)
        elif word.startswith("-") and len(word) > 1:
            for name, value in _short(word, left, flags):
                values[name] = (*values.get(name, ()), value)
        else:
            rest.append(word)
    return Arguments(values=values, rest=tuple(rest))


def _long(word: str, left: Iterator[str], flags: Flags) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if name in flags.with_value:
        return flags.with_value[name], value if equals else _next(name, left)
    if name in flags.without:
        return flags.without[name], value
    raise NotUnderstood(f"its option {name[:40]} is not known here")


def _short(word: str, left: Iterator[str], flags: Flags) -> Iterator[tuple[str, str]]:
    for at, letter in enumerate(word[1:], start=2):
        name = f"-{letter}"
        if name in flags.with_value:
            yield flags.with_value[name], word[at:].removeprefix("=") or _next(name, left)
            return
        if name not in flags.without:
            raise NotUnderstood(f"its option {name} is not known here")
        yield flags.without[name], ""


def _next(name: str, left: Iterator[str]) -> str:
    value = next(left, None)
    if value is None:
        raise NotUnderstood(f"its option {name} has no value")
    return value
