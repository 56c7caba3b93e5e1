"""What a machine does already, as the page shows it, each with the address that fills the form of a job in."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlencode

from core.engines import ENGINES
from core.models import NOTHING, Schedule, Value
from core.schedules.words import in_words
from core.spans import exact
from core.suggestions.values import Looked, Origin, Suggestion
from fastapi_app.presenters.option_fields import OPTIONS
from fastapi_app.presenters.schedule_fields import CRON, EVERY, START, WHEN
from fastapi_app.presenters.texts import plural

LONGEST_ADDRESS: Final = 4_000
ICONS: Final[Mapping[Origin, str]] = {
    "crontab": "i-clock",
    "timer": "i-clock",
    "rclone": "i-place",
    "restic": "i-backup",
}
GROUPS: Final[Mapping[Origin, str]] = {
    "crontab": "In crontabs",
    "timer": "Timers of systemd",
    "rclone": "Places that rclone knows",
    "restic": "Repositories of restic",
}


class SuggestionRow(Value, frozen=True, kw_only=True):
    """Something that could be a job here; `address` leads to the form that is filled in, or to the next step."""

    id: str
    title: str
    place: str
    said: str
    when: str
    remarks: tuple[str, ...]
    icon: str
    address: str
    word: str
    imports: bool


class SuggestionGroup(Value, frozen=True, kw_only=True):
    """What was found in one kind of place."""

    id: str
    title: str
    rows: tuple[SuggestionRow, ...]


class SuggestionsView(Value, frozen=True, kw_only=True):
    """The page after a look."""

    looked: Looked
    sentence: str
    groups: tuple[SuggestionGroup, ...]


def suggestions_view(looked: Looked) -> SuggestionsView:
    """Return what the page shows of a look."""
    rows: dict[Origin, list[SuggestionRow]] = {}
    for one in looked.suggestions:
        rows.setdefault(one.origin, []).append(_row(one))
    count = len(looked.suggestions)
    sentence = (
        f"{plural(count, 'thing')} could be a job here."
        if count
        else "Nothing here copies or keeps anything by itself."
    )
    return SuggestionsView(
        looked=looked,
        sentence=sentence,
        groups=tuple(
            SuggestionGroup(id=origin, title=title, rows=tuple(rows[origin]))
            for origin, title in GROUPS.items()
            if origin in rows
        ),
    )


def _row(one: Suggestion) -> SuggestionRow:
    address, word = next_step(one)
    return SuggestionRow(
        id=one.id,
        title=one.title,
        place=one.place,
        said=one.said,
        when=in_words(one.schedule) if one.schedule else "",
        remarks=one.remarks,
        icon=ICONS[one.origin],
        address=address,
        word=word,
        imports=bool(one.importable),
    )


def next_step(one: Suggestion) -> tuple[str, str]:
    """Return where it goes on, and the word on the button; nothing where a person has to begin by hand."""
    if one.kind and len(address := address_of(one)) <= LONGEST_ADDRESS:
        return address, "Make this a job"
    match one.origin:
        case "rclone":
            return "/import", "Import the file"
        case "restic":
            return "/destinations/new?type=restic-local", "Make it a destination"
    return ("", "") if one.importable else ("/jobs/new?kind=command", "Make a job by hand")


def address_of(one: Suggestion) -> str:
    """Return the address of the form of a job, filled in; nothing is made by going there."""
    options = {**_boxes(one.kind), **one.options}
    fields = {OPTIONS + name: _text(value) for name, value in options.items()}
    values = {"kind": one.kind, "name": one.name, **fields, **_schedule(one.schedule)}
    return f"/jobs/new?{urlencode(values)}"


def _boxes(kind: str) -> dict[str, bool]:
    """Return the boxes of a kind as they come: a form that does not say one has it empty."""
    schema = ENGINES[kind].model_json_schema() if kind in ENGINES else NOTHING
    return {
        name: about["default"]
        for name, about in schema.get("properties", {}).items()
        if isinstance(about.get("default"), bool)
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        "\n".join(map(str, value))
        if isinstance(value, Iterable) and not isinstance(value, str)
        else str(value)
    )


def _schedule(schedule: Schedule | None) -> dict[str, str]:
    if schedule is None:
        return {}
    if schedule.cron:
        return {WHEN: CRON, "schedule.cron": schedule.cron}
    if schedule.every is not None:
        return {WHEN: EVERY, "schedule.every": exact(schedule.every)}
    return {WHEN: START, "schedule.on_start": "true"} if schedule.on_start else {}
