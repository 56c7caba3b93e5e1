"""The fields of a job's form that every kind has: what it comes after, attempts, time limits, groups, rhythm."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from core.drafts import JobDraft
from core.models import ONCE, AfterFailed, AfterWhen, Backoff, Expectation, Retry, Value
from core.spans import exact, seconds_in
from core.work import Fact
from fastapi_app.presenters.fields import Field
from fastapi_app.presenters.terms import limit_sentence, retry_sentence, rhythm_sentence
from fastapi_app.presenters.texts import Exactly

Chosen = TypeVar("Chosen", bound=StrEnum)

NO_SPAN: Final = "Write a span of time, such as 30 s, 5 min, 1 h 30 min or 2 days."
NO_COUNT: Final = "Write a whole number, such as 3."
NO_RHYTHM: Final = "Say how often a good run is expected."
LONGEST_COUNT: Final = 9
RHYTHM: Final = "expect."
TERMS: Final = "after_when"
"""A field that every form has which asks for these."""

NAMES: Final = (
    *("after", "after_when", "after_failed", "groups", "retry", "timeout", "run_timeout", "expect"),
)
"""The fields of a draft that these are about."""

WHEN: Final = (
    (AfterWhen.ALL_SUCCEEDED, "All of them have succeeded"),
    (AfterWhen.ALL_ENDED, "All of them are over, well or not"),
    (AfterWhen.ANY_ENDED, "Any of them is over"),
)
IF_FAILED: Final = (
    (AfterFailed.SKIP, "Is skipped"),
    (AfterFailed.FAIL, "Fails too"),
    (AfterFailed.RUN, "Runs all the same"),
)
BACKOFFS: Final = (
    (Backoff.FIXED, "The same each time"),
    (Backoff.LINEAR, "Grows evenly: 1, 2, 3 times"),
    (Backoff.EXPONENTIAL, "Doubles: 1, 2, 4 times"),
    (Backoff.FIBONACCI, "Grows by the two before: 1, 1, 2, 3, 5 times"),
    (Backoff.DECORRELATED, "By lot, up to three times the one before"),
)


class Terms(Value, frozen=True, kw_only=True):
    """What was read from a form: fields of a draft, and what cannot be read, with a sentence and as it was typed."""

    fields: Mapping[str, Any] = {}
    typed: Mapping[str, str] = {}
    problems: Mapping[str, str] = {}


class _Reading:
    """Reads the fields of a form one by one, and notes what cannot be read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.problems: dict[str, str] = {}

    @property
    def unread(self) -> dict[str, str]:
        """Return what stood in the fields that cannot be read, with all of a rhythm that makes no sense."""
        rhythm = [name for name in self._values if name.startswith(RHYTHM)]
        lost = rhythm if any(name.startswith(RHYTHM) for name in self.problems) else ()
        return {name: str(self._values.get(name, "")) for name in (*self.problems, *lost)}

    def text(self, name: str) -> str:
        return str(self._values.get(name, "")).strip()

    def span(self, name: str, otherwise: float | None) -> float | None:
        text = self.text(name)
        if not text:
            return otherwise
        seconds = seconds_in(text)
        if seconds is None:
            self.problems[name] = NO_SPAN
        return otherwise if seconds is None else seconds

    def count(self, name: str, otherwise: int) -> int:
        text = self.text(name)
        if not text:
            return otherwise
        if text.isascii() and text.isdigit() and len(text) <= LONGEST_COUNT:
            return int(text)
        self.problems[name] = NO_COUNT
        return otherwise

    def chosen(self, name: str, words: type[Chosen], otherwise: Chosen) -> Chosen:
        text = self.text(name)
        return next((word for word in words if word == text), otherwise)


def read_terms(values: Mapping[str, Any]) -> Terms:
    """Return what a form says about these; what it does not say is as jobs usually have it."""
    form = _Reading(values)
    fields = {
        "after": tuple(line.strip() for line in form.text("after").splitlines() if line.strip()),
        "after_when": form.chosen("after_when", AfterWhen, AfterWhen.ALL_SUCCEEDED),
        "after_failed": form.chosen("after_failed", AfterFailed, AfterFailed.SKIP),
        "groups": tuple(group.strip() for group in form.text("groups").split(",") if group.strip()),
        "retry": Retry(
            max_attempts=form.count("retry.max_attempts", ONCE.max_attempts),
            backoff=form.chosen("retry.backoff", Backoff, ONCE.backoff),
            wait=form.span("retry.wait", ONCE.wait) or 0.0,
            longest_wait=form.span("retry.longest_wait", ONCE.longest_wait) or 0.0,
            jitter=values.get("retry.jitter") == "true",
        ),
        "timeout": form.span("timeout", None),
        "run_timeout": form.span("run_timeout", None),
        "expect": _expected(form),
    }
    return Terms(fields=fields, typed=form.unread, problems=form.problems)


def _expected(form: _Reading) -> Expectation | None:
    every = form.span("expect.every", None)
    grace, ping = form.span("expect.grace", 3_600.0), form.text("expect.ping")
    if every is None:
        if ping and "expect.every" not in form.problems:
            form.problems["expect.every"] = NO_RHYTHM
        return None
    return Expectation(every=every, grace=grace or 0.0, ping=ping)


def facts_of_terms(draft: JobDraft) -> Iterator[Fact]:
    """Yield what the fields mean, as far as they are about more than one attempt."""
    if draft.retry.max_attempts > 1:
        yield Fact(field="retry.max_attempts", good=True, text=retry_sentence(draft.retry))
    if sentence := limit_sentence(draft.timeout, draft.run_timeout):
        yield Fact(field="timeout" if draft.timeout is not None else "run_timeout", good=True, text=sentence)
    if sentence := rhythm_sentence(draft.expect):
        yield Fact(field="expect.every", good=True, text=sentence)


def term_fields(draft: JobDraft, typed: Mapping[str, str]) -> dict[str, tuple[Field, ...]]:
    """Return the fields by the title of their group; `typed` is what stood in them when they were sent."""
    return {
        "After other jobs": _after_fields(draft, typed),
        "If it fails": _retry_fields(draft, typed),
        "What is expected": _rhythm_fields(draft, typed),
    }


def _after_fields(draft: JobDraft, typed: Mapping[str, str]) -> tuple[Field, ...]:
    return (
        _field(
            "after",
            "Begins after",
            "\n".join(draft.after),
            typed,
            help="Names or ids of jobs, one a line. Begin to write, and those that fit are offered",
            widget="jobs",
        ),
        _choice("after_when", "And when", WHEN, draft.after_when),
        _choice("after_failed", "If one of them does not succeed, it", IF_FAILED, draft.after_failed),
        _field(
            "groups",
            "Groups",
            ", ".join(draft.groups),
            typed,
            help="Of one group only so many run at once, say “to nas-02”. With commas between them",
        ),
    )


def _retry_fields(draft: JobDraft, typed: Mapping[str, str]) -> tuple[Field, ...]:
    retry = draft.retry
    return (
        _field(
            "retry.max_attempts",
            "Attempts",
            str(retry.max_attempts),
            typed,
            help="How often it is tried at most, where waiting may help. 1 is not again",
        ),
        _choice("retry.backoff", "The wait between two", BACKOFFS, retry.backoff),
        _field("retry.wait", "First wait", exact(retry.wait), typed, help="Such as 30 s or 5 min"),
        _field("retry.longest_wait", "Longest wait", exact(retry.longest_wait), typed),
        Field(
            id="retry-jitter",
            name="retry.jitter",
            label="Draw each wait by lot",
            help="Between nothing and what it would be, so that many do not come back at once",
            widget="toggle",
            value=retry.jitter,
            wide=True,
        ),
        _field(
            "timeout",
            "Longest attempt",
            _span(draft.timeout),
            typed,
            help="It is ended after that, and tried again where attempts are left. Empty is no limit",
        ),
        _field(
            "run_timeout",
            "Longest run",
            _span(draft.run_timeout),
            typed,
            help="All attempts and waits together. Empty is no limit",
        ),
    )


def _rhythm_fields(draft: JobDraft, typed: Mapping[str, str]) -> tuple[Field, ...]:
    expect = draft.expect
    return (
        _field(
            "expect.every",
            "At least one good run every",
            _span(expect.every if expect else None),
            typed,
            help="Such as 26 h. You are told when it stays away. Empty is nothing expected",
        ),
        _field(
            "expect.grace",
            "And so much grace",
            _span(expect.grace if expect else None),
            typed,
            placeholder="1 h",
        ),
        _field(
            "expect.ping",
            "Tell every success to",
            expect.ping if expect else "",
            typed,
            help="An address outside that watches over Holdfast itself",
            placeholder="https://",
        ),
    )


def _span(seconds: float | None) -> str:
    return "" if seconds is None else exact(seconds)


def _id(name: str) -> str:
    return name.replace(".", "-").replace("_", "-")


def _field(name: str, label: str, value: str, typed: Mapping[str, str], **about: Any) -> Field:  # noqa: ANN401
    return Field(id=_id(name), name=name, label=label, value=Exactly(typed.get(name, value)), **about)


def _choice(name: str, label: str, pairs: Sequence[tuple[StrEnum, str]], value: StrEnum) -> Field:
    choices = tuple((str(word), said) for word, said in pairs)
    return Field(id=_id(name), name=name, label=label, widget="choice", choices=choices, value=str(value))
