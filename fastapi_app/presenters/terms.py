"""How a job is carried through, in words: what it comes after, how often it is tried, how long it may take."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from core.drafts import JobDraft
from core.models import AfterFailed, AfterWhen, Expectation, Job, Retry
from core.retries import drawn, promised
from core.spans import exact
from fastapi_app.presenters.texts import plural

MOST_WAITS: Final = 6
MOST_NAMED: Final = 8

WHEN: Final[Mapping[AfterWhen, str]] = {
    AfterWhen.ALL_SUCCEEDED: "when all of them have succeeded",
    AfterWhen.ANY_ENDED: "as soon as any of them is over",
    AfterWhen.ALL_ENDED: "when all of them are over, well or not",
}
WHEN_ONE: Final[Mapping[AfterWhen, str]] = {
    AfterWhen.ALL_SUCCEEDED: "when it has succeeded",
    AfterWhen.ANY_ENDED: "when it is over, well or not",
    AfterWhen.ALL_ENDED: "when it is over, well or not",
}
FAILED: Final[Mapping[AfterFailed, str]] = {
    AfterFailed.SKIP: "it is skipped",
    AfterFailed.FAIL: "it fails too",
    AfterFailed.RUN: "it runs all the same",
}


def retry_sentence(retry: Retry) -> str:
    """Return how often a run is tried and when: "Tries again after 30 s, 1 min and 2 min."."""
    waits = promised(retry)
    if not waits:
        return "Is not tried again when it fails."
    most = "up to " if drawn(retry) else ""
    if len(waits) > 1 and len(set(waits)) == 1:
        return f"Tries again after {most}{exact(waits[0])}, {_times(len(waits))} at most."
    told = [exact(wait) for wait in waits[:MOST_WAITS]]
    if len(waits) <= MOST_WAITS:
        return f"Tries again after {most}{_joined(told)}."
    longest = exact(max(waits))
    return (
        f"Tries again after {most}{', '.join(told)} and so on, up to {longest}; {_times(len(waits))} at most."
    )


def _times(many: int) -> str:
    return {1: "once", 2: "twice"}.get(many, f"{many} times")


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def after_sentence(after: Sequence[str], when: AfterWhen, failed: AfterFailed) -> str:
    """Return what the jobs of these names mean for the job; nothing where there are none."""
    if not after:
        return ""
    named = [f"“{name}”" for name in after[:MOST_NAMED]]
    if len(after) > MOST_NAMED:
        named.append(plural(len(after) - MOST_NAMED, "other"))
    condition = WHEN_ONE[when] if len(after) == 1 else WHEN[when]
    said = f"Begins after {_joined(named)}, {condition}"
    if when != AfterWhen.ALL_SUCCEEDED:
        return f"{said}."
    return f"{said}; if {'it' if len(after) == 1 else 'one'} does not, {FAILED[failed]}."


def limit_sentence(timeout: float | None, run_timeout: float | None) -> str:
    """Return how long an attempt and a run may take; nothing where they may take for ever."""
    if timeout is not None and run_timeout is not None:
        return f"An attempt is ended after {exact(timeout)}, a run with all its waits after {exact(run_timeout)}."
    if timeout is not None:
        return f"An attempt is ended after {exact(timeout)}."
    return "" if run_timeout is None else f"A run is ended after {exact(run_timeout)}, waits and all."


def groups_sentence(groups: Sequence[str]) -> str:
    """Return with what the job shares places; nothing where it shares none."""
    return f"Takes a place in {_joined([f'“{group}”' for group in groups])}." if groups else ""


def rhythm_sentence(expect: Expectation | None) -> str:
    """Return what is expected of the job; nothing where nothing is."""
    if expect is None:
        return ""
    ping = " Every success is told to an address outside." if expect.ping else ""
    return f"At least one good run every {exact(expect.every)}, with {exact(expect.grace)} of grace.{ping}"


def sentences_of(terms: Job | JobDraft, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for everything that is agreed about a job; `names` are of the jobs it comes after."""
    return tuple(sentence for _, sentence in labelled(terms, names))


def labelled(terms: Job | JobDraft, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the same, each with a label before it."""
    after = [names.get(one, one) for one in terms.after]
    once = terms.retry.max_attempts == 1
    said = (
        ("After", after_sentence(after, terms.after_when, terms.after_failed)),
        ("Attempts", "" if once else retry_sentence(terms.retry)),
        ("Time limit", limit_sentence(terms.timeout, terms.run_timeout)),
        ("Groups", groups_sentence(terms.groups)),
        ("Expected", rhythm_sentence(terms.expect)),
    )
    return ((label, sentence) for label, sentence in said if sentence)
