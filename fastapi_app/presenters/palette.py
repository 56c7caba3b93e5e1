"""What the palette finds: jobs, runs, destinations, pages, settings and commands in one list, the likeliest first."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from core.destinations.known import Destination
from core.engines import ENGINES
from core.models import JobOverview, Run, Value
from core.preferences import DENSITIES, THEMES
from fastapi_app.presenters.jobs import ICONS, actions_on, label_of
from fastapi_app.presenters.sections import Section
from fastapi_app.presenters.settings import KEEPING, SERVER
from fastapi_app.presenters.shell import WORDS
from fastapi_app.presenters.states import mark_of, mark_of_job
from fastapi_app.presenters.texts import visible

MOST: Final = 30
MOST_JOBS: Final = 10
MOST_RUNS: Final = 5
ACTED_ON: Final = 3
"""Of how many of the first jobs the commands are shown."""
LONGEST_WORD: Final = 200
"""Letters of a name that the palette shows."""
SHORTEST_VERB: Final = 2
SETTINGS: Final = "Settings"

NUMBER: Final = re.compile(r"#?([0-9]{1,9})")
VERBS: Final[Mapping[str, str]] = {
    "start": "Start",
    "run": "Start",
    "pause": "Pause",
    "resume": "Resume",
    "cancel": "Cancel",
    "stop": "Cancel",
}
"""What people type for what can be done to a job, and how the command begins."""


class Found(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One line: its word, what it is, and where it leads. One with `fields` posts them; `opens` is a window here."""

    word: str
    about: str = ""
    icon: str = "i-right"
    st: str = ""
    address: str = ""
    fields: Mapping[str, str] | None = None
    opens: str = ""


class Asked(Value, frozen=True, kw_only=True):
    """What was typed, taken apart: a verb in front, a number at the end, and the words for a search."""

    text: str
    verb: str = ""
    number: int | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Return each word as it is compared."""
        return tuple(self.text.casefold().split())


def asked_in(typed: str) -> Asked:
    """Return what was typed, whole."""
    return Asked(text=" ".join(typed.split()))


def command_in(asked: Asked) -> Asked | None:
    """Return what is left of a command without its verb: "start photos" is about photos; None where there is no verb."""
    first, _, rest = asked.text.partition(" ")
    verb = next((verb for verb in VERBS if verb.startswith(first.casefold())), "")
    long_enough = len(first) >= SHORTEST_VERB
    return Asked(text=rest, verb=VERBS[verb]) if verb and rest and long_enough else None


def run_in(asked: Asked) -> Asked | None:
    """Return the job and the number of the run that is asked for: "photos 12", "#12"; None where there is no number."""
    rest, _, last = asked.text.rpartition(" ")
    number = NUMBER.fullmatch(last)
    return Asked(text=rest, number=int(number[1])) if number else None


def rank(word: str, words: Sequence[str]) -> int | None:
    """Return how near a name is to what was typed, 0 the nearest; None where it does not have every word."""
    name = word.casefold()
    if not all(each in name for each in words):
        return None
    whole = " ".join(words)
    if name == whole:
        return 0
    if name.startswith(whole):
        return 1
    begun = re.split(r"[\W_]+", name)
    return 2 if all(any(part.startswith(each) for part in begun) for each in words) else 3


def nearest(found: Iterable[Found], asked: Asked) -> list[Found]:
    """Return what fits, the nearest first, otherwise as it was."""
    ranked = [(place, each) for each in found if (place := rank(each.word, asked.words)) is not None]
    return [each for _, each in sorted(ranked, key=lambda pair: pair[0])]


def is_near(found: Found, asked: Asked) -> bool:
    """Tell whether a line comes before jobs: it begins with what was typed, and a setting is called just that."""
    near = rank(found.word, asked.words)
    return near is not None and near <= (0 if found.about == SETTINGS else 1)


def jobs_found(jobs: Sequence[JobOverview], asked: Asked) -> list[JobOverview]:
    """Return the jobs, those whose names are nearest first; who matched by something else comes last."""
    far = 9

    def place(overview: JobOverview) -> int:
        near = rank(overview.job.name, asked.words)
        return far if near is None else near

    return sorted(jobs, key=place)[:MOST_JOBS]


def job_lines(jobs: Iterable[JobOverview]) -> list[Found]:
    """Return a line for each job."""
    return [
        Found(
            word=_named(overview.job.name),
            about=f"{label_of(overview.job.kind)} · {mark_of_job(overview).word}",
            icon=ICONS.get(overview.job.kind, "i-backup"),
            address=f"/jobs/{overview.job.id}",
        )
        for overview in jobs
    ]


def job_commands(jobs: Iterable[JobOverview], verb: str = "") -> list[Found]:
    """Return what can be done to the jobs now; with a verb, only that."""
    found = []
    for overview in jobs:
        for action in () if overview.going else actions_on(overview):
            word = VERBS.get(action.verb, action.word)
            if verb in {"", word}:
                address = f"/jobs/{overview.job.id}/{action.verb}"
                found.append(_command(f"{word} {_named(overview.job.name)}", address))
    return found


def run_lines(runs: Iterable[tuple[str, Run]]) -> list[Found]:
    """Return a line for each run, given with the name of its job."""
    lines = []
    for name, run in runs:
        mark = mark_of(run)
        word = f"Run {run.number:,} of {_named(name)}"
        lines.append(Found(word=word, about=mark.word, icon=mark.icon, st=mark.st, address=f"/runs/{run.id}"))
    return lines


def destination_lines(destinations: Iterable[Destination]) -> list[Found]:
    """Return a line for each destination."""
    return [
        Found(word=_named(each.name), about="Destination", icon="i-place", address=f"/destinations/{each.id}")
        for each in destinations
    ]


def page_lines(sections: Iterable[Section]) -> list[Found]:
    """Return a line for each page that is always there."""
    lines = [Found(word=each.word, about="Page", icon=each.icon, address=each.address) for each in sections]
    return [*lines, Found(word="API reference", about="Page", icon="i-command", address="/api/docs")]


def setting_lines(*, may_rule: bool) -> list[Found]:
    """Return a line for each setting that somebody can look at."""
    titles = [("My settings", "/settings/you"), ("About this Holdfast", "/settings/about")]
    if may_rule:
        titles += [(about.title, "/settings/server") for about in SERVER.values()]
        titles += [(about.title, "/settings/keeping") for about in KEEPING.values()]
    return [Found(word=title, about=SETTINGS, icon="i-gear", address=address) for title, address in titles]


def commands(*, may_act: bool, may_rule: bool, paused: bool) -> list[Found]:
    """Return what can be done wherever somebody is."""
    lines = _acts(paused=paused) if may_act else []
    if may_rule:
        lines += _rules()
    for name, options, said in (("theme", THEMES, "Theme"), ("density", DENSITIES, "Rows")):
        for value in options:
            word = f"{said}: {WORDS[value].lower()}"
            lines.append(_command(word, "/preferences", "i-theme", {name: value}))
    lines.append(Found(word="Keyboard shortcuts", about="Help", icon="i-keys", opens="help"))
    lines.append(_command("Sign out", "/logout", "i-out"))
    return lines


def _rules() -> list[Found]:
    return [
        Found(word="New destination", about="Command", icon="i-plus", address="/destinations/new"),
        Found(word="Import jobs and destinations", about="Page", icon="i-down", address="/import"),
        Found(word="Suggestions", about="Page", icon="i-search", address="/suggestions"),
    ]


def _acts(*, paused: bool) -> list[Found]:
    word, verb = ("Resume the queue", "resume") if paused else ("Pause all", "pause")
    icon = "i-play" if paused else "st-pause"
    kinds = [
        Found(
            word=f"New job: {engine.label}", about="Command", icon="i-plus", address=f"/jobs/new?kind={kind}"
        )
        for kind, engine in ENGINES.items()
    ]
    new = Found(word="New job", about="Command", icon="i-plus", address="/jobs/new")
    return [new, _command(word, f"/queue/{verb}", icon), *kinds]


def _command(
    word: str, address: str, icon: str = "i-command", fields: Mapping[str, str] | None = None
) -> Found:
    return Found(word=word, about="Command", icon=icon, address=address, fields=fields or {})


def _named(name: str) -> str:
    return visible(name[:LONGEST_WORD])
