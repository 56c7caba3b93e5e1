"""Destinations as their pages show them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from core.destinations.known import Destination, DestinationType
from core.facts import Fact as JobFact
from core.models import Value
from core.places import forms
from core.places.states import (
    NO_HISTORY,
    DestinationState,
    Outlook,
    Sample,
    Seen,
    Standing,
    outlook_of,
    standing_of,
)
from core.sizes import size
from core.work import Fact
from fastapi_app.presenters import times
from fastapi_app.presenters.states import Mark
from fastapi_app.presenters.texts import plural

MARKS: Final[Mapping[Standing, Mark]] = {
    "unknown": Mark(st="unproved", icon="st-hollow", word="Not looked at lately"),
    "good": Mark(st="ok", icon="st-ok", word="Reachable"),
    "warned": Mark(st="late", icon="st-late", word="Look at it"),
    "bad": Mark(st="failed", icon="st-failed", word="Not reachable"),
}
NOT_PREPARED: Final = Mark(st="late", icon="st-late", word="To be prepared")
HOST_UNKNOWN: Final = Mark(st="late", icon="st-late", word="Compare its key")

NEVER_SEEN: Final = "Nobody has looked since it was made or changed."
WIDE: Final = 600
HIGH: Final = 96
EDGE: Final = 6
LEAST_POINTS: Final = 2

KIND_FOR: Final[Mapping[DestinationType, str]] = {
    "folder": "copy",
    "ssh": "rsync",
    "rclone": "rclone",
    "restic": "restic",
}
"""The kind of job that most often copies to a type of destination."""
PREPARING: Final[Mapping[DestinationType, tuple[str, str]]] = {
    "restic": (
        "There is no repository there yet. Holdfast creates one, empty and encrypted; what else lies there stays.",
        "Create the repository",
    ),
    "folder": (
        "Holdfast makes the folder and lays a small marker into it: by it every run knows the disk it means.",
        "Prepare the folder",
    ),
}
ELSE_PREPARING: Final = ("Holdfast makes the folder there; nothing else is changed.", "Prepare it")


class JobThere(Value, frozen=True, kw_only=True):
    """A job whose copies go there, with the time of its newest verified one."""

    id: str
    name: str
    verified_at: datetime | None


class Figure(Value, frozen=True, kw_only=True):
    """Something that was seen, in words: "Free", "1.2 TB of 4.0 TB"."""

    name: str
    words: str


class LockView(Value, frozen=True, kw_only=True):
    """A lock that a program holds there; a `stale` one may be removed safely."""

    words: str
    since: datetime | None
    stale: bool


class Line(Value, frozen=True, kw_only=True):
    """How something went over the days: the path of a line, `to_come` that of what is foretold, and both in words."""

    path: str
    label: str
    to_come: str = ""
    width: int = WIDE
    height: int = HIGH


class DestinationView(Value, frozen=True, kw_only=True):
    """A destination with everything that is known about it."""

    id: str
    name: str
    version: int
    type: str
    place: str
    mark: Mark
    seen_at: datetime | None
    since: datetime | None
    sentence: str
    hint: str
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    free: str
    growth: str
    figures: tuple[Figure, ...]
    locks: tuple[LockView, ...]
    fingerprints: tuple[str, ...]
    host_key: str
    prepared: bool
    jobs: tuple[JobThere, ...]
    more_jobs: int
    verified_at: datetime | None
    line: Line | None


class DestinationCard(Value, frozen=True, kw_only=True):
    """A destination among others: how it stands and what is dated of it; nothing that only some may know."""

    id: str
    name: str
    type: str
    mark: Mark
    seen_at: datetime | None
    since: datetime | None
    verified_at: datetime | None
    full: str
    jobs: int
    room: str
    share: int | None
    growth: str
    locks: int
    line: Line | None


class SeenView(Value, frozen=True, kw_only=True):
    """What one look found."""

    mark: Mark
    sentence: str
    hint: str
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    fingerprints: tuple[str, ...]
    host_key: str


def seen_view(seen: Seen) -> SeenView:
    """Return what a look found that was just made."""
    standing: Standing = "bad" if not seen.reachable else "warned" if seen.code or seen.warnings else "good"
    return SeenView(
        mark=_special_mark(seen) or MARKS[standing],
        sentence=seen.sentence,
        hint=seen.hint,
        facts=(*((f"{size(seen.free)} free",) if seen.free is not None else ()), *seen.facts),
        warnings=seen.warnings,
        fingerprints=seen.fingerprints,
        host_key=seen.host_key,
    )


def sentence_of(rows: Sequence[DestinationCard]) -> str:
    """Return in one sentence how all of them stand."""
    if not rows:
        return "Places for copies, named once and looked after."
    bad = [row for row in rows if row.mark.st == "failed"]
    if bad:
        return f"{plural(len(bad), 'destination is', 'destinations are')} not reachable."
    looked = [row for row in rows if row.mark.st == "late"]
    if looked:
        return f"{plural(len(looked), 'destination needs', 'destinations need')} a look."
    unknown = [row for row in rows if row.mark.st == "unproved"]
    if unknown:
        return f"{plural(len(unknown), 'destination was', 'destinations were')} not looked at lately."
    return "All of them can be reached."


def preparing(destination: Destination) -> tuple[str, str]:
    """Return what preparing it does, and the word on the button."""
    return PREPARING.get(destination.type, ELSE_PREPARING)


def settings_of(destination: Destination) -> tuple[tuple[str, str], ...]:
    """Return its settings in words; of secrets only that they are there."""
    form = forms.form_of(destination)
    rows = []
    for name, value in forms.values_of(form, destination).items():
        about = form.properties[name]
        words = _in_words(about, value)
        if words and about.get("widget") != "host-key":
            rows.append((str(about.get("title", name)), words))
    if destination.settings.get("host_key"):
        rows.append(("Key of the host", "pinned"))
    titles = {name: str(about.get("title", name)) for name, about in form.properties.items()}
    secrets = [titles.get(forms.SECRETS + name, name) for name in destination.secrets]
    return (*rows, *((title, "kept in a file of its own, never shown") for title in secrets))


def _in_words(about: Mapping[str, Any], value: object) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(about.get("choices", {}).get(value, value)) if value not in {"", None} else ""


def places_of(destinations: Iterable[Destination]) -> tuple[tuple[str, str], ...]:
    """Return what can be chosen for a job's copy: the id of each destination, and its name and type in words."""
    return tuple((each.id, f"{each.name}, {type_of(each)}") for each in destinations)


def truth_of(destination: Destination, state: DestinationState | None, now: datetime) -> Fact | None:
    """Return what is known of the place a form names; None while nobody has looked lately, which is neither good nor bad."""
    if state is None or standing_of(state, now) == "unknown":
        return None
    mark, free = mark_of(state, now), _free(state)
    words = [f"{destination.name}: {mark.word.lower()}", *([f"{free} free"] if free else [])]
    text = ", ".join((*words, f"seen {times.ago(state.at, now)}"))
    return Fact(field="destination", good=state.seen.reachable and state.seen.prepared, text=text)


def type_of(destination: Destination) -> str:
    """Return what people call its type."""
    return forms.form_of(destination).label


def place_of(destination: Destination) -> str:
    """Return where it is, as one would write it."""
    settings = destination.settings
    match destination.type:
        case "ssh":
            user = f"{settings['user']}@" if settings.get("user") else ""
            return f"{user}{settings.get('host', '')}:{settings.get('path', '')}"
        case "restic":
            return str(settings.get("repository", ""))
        case _:
            return str(settings.get("path", ""))


def destination_view(
    destination: Destination,
    state: DestinationState | None,
    jobs: Sequence[JobFact],
    now: datetime,
    *,
    more_jobs: int = 0,
    verified_at: datetime | None = None,
    whole: bool = True,
) -> DestinationView:
    """Return the destination; `jobs` are some of those whose copies go there. Only what is `whole` says where it is and what was seen."""
    seen = state.seen if state and whole else None
    return DestinationView(
        id=destination.id,
        name=destination.name,
        version=destination.version,
        type=type_of(destination),
        place=place_of(destination) if whole else "",
        mark=mark_of(state, now),
        seen_at=state.at if state else None,
        since=state.since if state else None,
        sentence=seen.sentence if seen else "" if state else NEVER_SEEN,
        hint=seen.hint if seen else "",
        facts=seen.facts if seen else (),
        warnings=seen.warnings if seen else (),
        free=_free(state),
        growth=outlook_of(state.samples).words if state else "",
        figures=tuple(_figures(destination.type, state)),
        locks=tuple(
            LockView(
                words=lock.words or _holder(lock.user, lock.host, lock.pid),
                since=lock.since,
                stale=lock.stale,
            )
            for lock in (seen.locks if seen else ())
        ),
        fingerprints=seen.fingerprints if seen else (),
        host_key=seen.host_key if seen else "",
        prepared=seen.prepared if seen else True,
        jobs=tuple(map(_job_there, jobs)),
        more_jobs=more_jobs,
        verified_at=verified_at,
        line=line_of(state.samples, outlook_of(state.samples)) if state else None,
    )


def destination_card(
    destination: Destination,
    state: DestinationState | None,
    now: datetime,
    *,
    jobs: int,
    verified_at: datetime | None,
) -> DestinationCard:
    """Return the destination among others; `jobs` is how many copy to it."""
    outlook = outlook_of(state.samples) if state else NO_HISTORY
    return DestinationCard(
        id=destination.id,
        name=destination.name,
        type=type_of(destination),
        mark=mark_of(state, now),
        seen_at=state.at if state else None,
        since=state.since if state else None,
        verified_at=verified_at,
        full=f"around {outlook.full_on:%b %Y}" if outlook.full_on else "not foreseen",
        jobs=jobs,
        room=_free(state),
        share=_share(state),
        growth=_pace(outlook) or (outlook.words if state and state.samples else ""),
        locks=len(state.seen.locks) if state else 0,
        line=line_of(state.samples, outlook) if state else None,
    )


def _share(state: DestinationState | None) -> int | None:
    """Return how much of the room is taken, in hundredths; None where that is not known."""
    if state is None or state.seen.free is None or not state.seen.total:
        return None
    return max(0, min(100, 100 - round(100 * state.seen.free / state.seen.total)))


def _pace(outlook: Outlook) -> str:
    pace = outlook.growth_per_day or 0
    return f"grows {size(pace)} a day" if pace > 0 else ""


def mark_of(state: DestinationState | None, now: datetime) -> Mark:
    """Return how it stands; what nobody has seen of late is grey, whatever it was before."""
    standing = standing_of(state, now)
    special = _special_mark(state.seen) if state is not None and standing != "unknown" else None
    return special or MARKS[standing]


def _special_mark(seen: Seen) -> Mark | None:
    """Return the mark of what a person has to do before anything can be copied there; None where nothing is."""
    if seen.fingerprints and seen.host_key:
        return HOST_UNKNOWN
    return None if seen.prepared else NOT_PREPARED


def _job_there(fact: JobFact) -> JobThere:
    return JobThere(id=fact.job.id, name=fact.job.name, verified_at=fact.copy.at if fact.copy else None)


def _free(state: DestinationState | None) -> str:
    if state is None or state.seen.free is None:
        return ""
    total = f" of {size(state.seen.total)}" if state.seen.total else ""
    return f"{size(state.seen.free)}{total}"


def _figures(kind: DestinationType, state: DestinationState | None) -> Iterator[Figure]:
    if state is None:
        return
    seen, outlook = state.seen, outlook_of(state.samples)
    if free := _free(state):
        yield Figure(name="Free", words=free)
    if seen.used is not None:
        yield Figure(name="Used by copies" if kind == "restic" else "Used in all", words=size(seen.used))
    if outlook.growth_per_day and outlook.growth_per_day > 0:
        yield Figure(name="Grows", words=f"{size(outlook.growth_per_day)} a day")
    yield Figure(name="Outlook", words=outlook.words)
    if seen.snapshots is not None:
        yield Figure(name="Snapshots", words=f"{seen.snapshots:,}")
    if seen.program:
        yield Figure(name="File system" if kind == "folder" else "Program", words=seen.program)


def _holder(user: str, host: str, pid: int) -> str:
    who = "@".join(part for part in (user, host) if part) or "somebody"
    return f"held by {who}" + (f", process {pid}" if pid else "")


def line_of(samples: Sequence[Sample], outlook: Outlook = NO_HISTORY) -> Line | None:
    """Return how what is used went over the days, or what is free where nobody knows of what is used, and where it goes."""
    used = [(each.day.toordinal(), each.used) for each in samples if each.used is not None]
    free = [(each.day.toordinal(), each.free) for each in samples if each.free is not None]
    points, what = (used, "Used") if len(used) >= LEAST_POINTS else (free, "Free")
    if len(points) < LEAST_POINTS:
        return None
    days = points[-1][0] - points[0][0]
    label = f"{what} over {plural(days, 'day')}: from {size(points[0][1])} to {size(points[-1][1])}"
    ahead = _ahead(points, outlook, sign=1 if what == "Used" else -1)
    every = [*points, *ahead]
    to_come = _path([points[-1], *ahead], every) if ahead else ""
    foretold = (
        f"; at this pace {size(ahead[-1][1])} in {plural(ahead[-1][0] - points[-1][0], 'day')}"
        if ahead
        else ""
    )
    return Line(path=_path(points, every), to_come=to_come, label=label + foretold)


def _ahead(points: Sequence[tuple[int, int]], outlook: Outlook, *, sign: int) -> list[tuple[int, int]]:
    """Return where it will be at this pace: as far ahead as is known of before, but no further than until it is full."""
    day, amount = points[-1]
    pace = outlook.growth_per_day or 0
    if outlook.trend != "growing" or pace <= 0:
        return []
    days = max(day - points[0][0], 1)
    if outlook.full_on is not None:
        days = max(1, min(days, outlook.full_on.toordinal() - day))
    return [(day + days, max(0, amount + sign * pace * days))]


def _path(points: Sequence[tuple[int, int]], every: Sequence[tuple[int, int]]) -> str:
    """Return the line through some of all points; the picture has room for every one."""
    begin, end = every[0][0], every[-1][0]
    least, most = min(amount for _, amount in every), max(amount for _, amount in every)
    across = (WIDE - 2 * EDGE) / max(end - begin, 1)
    up = (HIGH - 2 * EDGE) / max(most - least, 1)
    spots = (
        f"{EDGE + (day - begin) * across:.1f} {HIGH - EDGE - (amount - least) * up:.1f}"
        for day, amount in points
    )
    return "M" + "L".join(spots)
