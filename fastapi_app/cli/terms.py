"""Options of `job create` and `job edit` about how a job is carried through."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from msgspec.structs import replace

from core.errors import InvalidOptions
from core.models import MOST_ATTEMPTS, AfterFailed, AfterWhen, Backoff, Expectation, Job, Retry
from core.spans import seconds_in
from fastapi_app.cli.finding import find_job
from fastapi_app.cli.house import House

NONE: Final = "none"
SPAN: Final = "A span, such as 30s, 5min, 1h30min or 2days"

After = Annotated[
    list[str] | None, typer.Option("--after", help="Name or id of a job it comes after; can be given often.")
]
When = Annotated[
    AfterWhen | None, typer.Option("--after-when", help="What the jobs it comes after must have done.")
]
IfFailed = Annotated[
    AfterFailed | None, typer.Option("--after-failed", help="What becomes of it when one of them did not.")
]
Retries = Annotated[
    int | None,
    typer.Option(
        "--retries", min=0, max=MOST_ATTEMPTS - 1, help="How often a run is tried again, where that may help."
    ),
]
TheBackoff = Annotated[
    Backoff | None, typer.Option("--backoff", help="How the wait grows from one attempt to the next.")
]
Wait = Annotated[str | None, typer.Option("--wait", help=f"The first wait. {SPAN}.")]
LongestWait = Annotated[str | None, typer.Option("--longest-wait", help="No wait is longer than this.")]
Jitter = Annotated[
    bool | None, typer.Option("--jitter/--no-jitter", help="Draw each wait between nothing and its length.")
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", help=f"How long one attempt may take. {SPAN}; none is for ever.")
]
RunTimeout = Annotated[
    str | None,
    typer.Option("--run-timeout", help="How long a run may take, waits and all; none is for ever."),
]
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", help="A group of which only so many run at once; can be given often."),
]
Expect = Annotated[
    str | None, typer.Option("--expect-every", help="At least one good run every so long; none is nothing.")
]
Grace = Annotated[str | None, typer.Option("--grace", help="How much later than that is still well.")]
Ping = Annotated[str | None, typer.Option("--ping", help="An address outside that is told of every success.")]


def parents_in(house: House, named: Sequence[str] | None) -> dict[str, Any]:
    """Return the ids of the jobs named; raises NotFound or Ambiguous."""
    return {"after": tuple(find_job(house, which).job.id for which in named)} if named else {}


def terms_in(job: Job | None, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a draft that the options say, None among them being unsaid; `job` is what is changed."""
    said = {name: value for name, value in given.items() if value is not None}
    fields: dict[str, Any] = {name: said[name] for name in ("after_when", "after_failed") if name in said}
    if "groups" in said:
        fields["groups"] = tuple(said["groups"])
    for name in ("timeout", "run_timeout"):
        if name in said:
            fields[name] = _span(name, said[name])
    if (retry := _retry(job, said)) is not None:
        fields["retry"] = retry
    return fields | _expect(job, said)


def _retry(job: Job | None, said: dict[str, Any]) -> Retry | None:
    changes: dict[str, Any] = {name: said[name] for name in ("backoff", "jitter") if name in said}
    changes |= {
        name: _span(name, said[name], never=False) for name in ("wait", "longest_wait") if name in said
    }
    if "retries" in said:
        changes["max_attempts"] = said["retries"] + 1
    return replace(job.retry if job else Retry(), **changes) if changes else None


def _expect(job: Job | None, said: dict[str, Any]) -> dict[str, Any]:
    known = job.expect if job else None
    changes: dict[str, Any] = {"grace": _span("grace", said["grace"], never=False)} if "grace" in said else {}
    changes |= {"ping": said["ping"]} if "ping" in said else {}
    if "expect_every" in said:
        every = _span("expect-every", said["expect_every"])
        if every is None:
            return {"expect": None}
        return {"expect": replace(known or Expectation(every=every), every=every, **changes)}
    if changes and known is None:
        raise InvalidOptions({"expect-every": "Say with --expect-every how often a good run is expected."})
    return {"expect": replace(known, **changes)} if changes and known else {}


def _span(name: str, text: str, *, never: bool = True) -> float | None:
    """Return the seconds; None for "none" where that is allowed."""
    if never and text.strip().lower() == NONE:
        return None
    seconds = seconds_in(text)
    if seconds is None:
        option = name.replace("_", "-")
        raise InvalidOptions({name: f"--{option} {text!r} is no span of time. {SPAN}."})
    return seconds
