"""Show me the command: what a person would type to do without Holdfast what a job or a run does."""

from collections.abc import Mapping
from typing import Any, Final

from core.acting import actor
from core.engines.base import EngineMaker
from core.errors import HoldfastError
from core.models import Value
from core.work import Surroundings

LONGEST: Final = 100_000
NONE: Final = "Nothing has to be typed for this kind of job: it runs no program."
FOR_ADMINS: Final = (
    "The command says where its destination is and how to log in there, which only admins see."
)


class Commands(Value, frozen=True, kw_only=True):
    """Lines to type in a shell, in their order; where there is none, `about` says why."""

    lines: tuple[str, ...] = ()
    about: str = ""


def commands_of(
    make: EngineMaker, kind: str, options: Mapping[str, Any], surroundings: Surroundings
) -> Commands:
    """Return the commands of a job's or a run's options as they would be now. No secret is in them: its file is named.

    Where a destination is, they tell admins alone.
    """
    try:
        engine = make(kind, options)
        if engine.destinations and not actor().admin:
            return Commands(about=FOR_ADMINS)
        lines = engine.command_in_words(surroundings)
    except HoldfastError as error:
        return Commands(about=f"{error} {error.hint}".strip())
    except ValueError as error:  # a pattern that the program cannot be told
        return Commands(about=str(error))
    except OSError as error:
        return Commands(about=f"What the command needs cannot be read: {error.strerror}.")
    if sum(map(len, lines)) > LONGEST:
        return Commands(about="The command is too long to be typed: it has too many patterns.")
    return Commands(lines=lines, about="" if lines else NONE)
