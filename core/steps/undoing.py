"""Undoes what steps did: at the end of a run, or when a run is found that nobody is at work on.

It is done by short programs of this process and not by programs of the attempt: those are refused to a run that is being
cancelled. What is cut short here is noted still, and done again at the next look; all of it may be done twice.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from core.commanding.environment import environment_for
from core.errors import StorageFailed
from core.remotes.asking import Asked, ask
from core.steps.journal import Entry, Journal, journals_in

log = logging.getLogger(__name__)

LAST_WORDS: Final = 300

Say = Callable[[str], object]


def undo(journal: Journal, say: Say) -> tuple[str, ...]:
    """Undo what is noted, the last thing first; return what could not be undone, in words. The journal is held meanwhile.

    What failed stays noted.
    """
    return tuple(_troubles(journal, say))


def _troubles(journal: Journal, say: Say) -> Iterator[str]:
    noted = journal.entries()
    if not noted:
        journal.forget()
    for entry in reversed(noted):
        with entry.held():
            trouble = _undo_one(journal, entry, say)
        if trouble:
            yield trouble


def _undo_one(journal: Journal, entry: Entry, say: Say) -> str:
    """Undo one thing, or leave that to another run that has need of it still; return what went wrong, in words."""
    if journal.is_shared(entry):
        journal.drop(entry)
        say(f"Afterwards: {entry.deed.words} is left to another run, which has need of it as it is.")
        return ""
    asked = ask(entry.deed.argv, surroundings_of(entry), seconds=entry.seconds)
    if asked.code != 0:
        return f"{_first_up(entry.deed.words)} failed: {reason_of(asked)}. It is tried again every minute."
    journal.drop(entry)
    say(f"Afterwards: {entry.deed.words}.")
    return ""


def surroundings_of(entry: Entry) -> dict[str, str]:
    """Return the environment of what undoes."""
    return environment_for(entry.deed.user, {**entry.deed.environment, "PATH": entry.path}, ())


def reason_of(asked: Asked) -> str:
    """Return why a program did not do what it should, in a few words."""
    if asked.timed_out:
        return "it took too long"
    said = (asked.err.strip() or asked.out.strip())[-LAST_WORDS:].replace("\n", " ")
    how = "it could not be run" if asked.code is None else f"it ended with {asked.code}"
    return f"{how} ({said})" if said else how


def _first_up(words: str) -> str:
    return words[:1].upper() + words[1:]


def recover(own_data: Path, is_at_work: Callable[[str], bool], say: Callable[[str, str], object]) -> None:
    """Undo the steps of all runs that nobody is at work on: over, paused, or waiting after their server was killed.

    `say` is told the run and the words for its log. Raises StorageFailed with what could not be undone.
    """
    troubles: list[str] = []
    for journal in journals_in(own_data):
        with journal.held():
            if not is_at_work(journal.run_id):
                troubles += _undone(journal, say)
    if troubles:
        raise StorageFailed(" ".join(troubles), hint="Do it by hand where it is urgent; it is tried again.")


def _undone(journal: Journal, say: Callable[[str, str], object]) -> tuple[str, ...]:
    try:
        found = undo(journal, lambda words: say(journal.run_id, words))
    except StorageFailed as error:
        return (f"{error} {error.hint}",)
    for trouble in found:
        log.warning("run %s: %s", journal.run_id, trouble)
    return found
