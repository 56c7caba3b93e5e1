"""What a job will do beside its own work, in sentences: when it is due, what if it fails, and who is told."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from core.drafts import JobDraft
from core.models import Schedule
from core.notifications.values import Channel, Occasion, Rule
from core.retries import promised
from core.schedules import conditions, in_words, zone_named
from core.schedules.words import joined
from core.timetable import Preview
from fastapi_app.presenters.terms import retry_sentence, sentences_of
from fastapi_app.presenters.texts import plural

NEXT: Final = 3
MOST_NAMED: Final = 3
NOBODY: Final = "Nobody is told when it fails: no rule of the notifications is about it."


def plan_of(
    draft: JobDraft,
    names: Mapping[str, str],
    due: Preview | None,
    rules: Sequence[Rule],
    channels: Sequence[Channel],
) -> tuple[str, ...]:
    """Return a sentence for everything that will be done; `names` are of the jobs it comes after, `rules` about it."""
    once = () if promised(draft.retry) else (retry_sentence(draft.retry),)
    return (*_when(draft, due), *sentences_of(draft, names), *once, told_sentence(rules, channels))


def _when(draft: JobDraft, due: Preview | None) -> Iterator[str]:
    if draft.schedule is None:
        if not draft.after:
            yield "Runs when somebody starts it, and at no time by itself."
        return
    yield f"Is due {in_words(draft.schedule)}{_next(draft.schedule, due)}."
    yield from conditions(draft.schedule)


def _next(schedule: Schedule, due: Preview | None) -> str:
    """Return the next times: ": next Mon 23 Nov 02:00, Tue 24 Nov 02:00 and Wed 25 Nov 02:00"."""
    zone = zone_named(schedule.timezone)
    times = [f"{moment.astimezone(zone):%a %-d %b %H:%M}" for moment in (due.due if due else ())[:NEXT]]
    return f": next {joined(times)}" if times else ""


def told_sentence(rules: Sequence[Rule], channels: Sequence[Channel]) -> str:
    """Return who is told of what: "“Mail to Ana” is told when it fails and when it works again."."""
    known = {channel.id: channel.name for channel in channels if channel.enabled}
    failing = [rule for rule in rules if Occasion.FAILURE in rule.on]
    told = dict.fromkeys(known[one] for rule in failing for one in rule.channels if one in known)
    if not told:
        return NOBODY
    named = [f"“{name}”" for name in list(told)[:MOST_NAMED]]
    if len(told) > MOST_NAMED:
        named.append(plural(len(told) - MOST_NAMED, "other"))
    back = " and when it works again" if any(Occasion.RECOVERY in rule.on for rule in failing) else ""
    return f"{joined(named)} {'is' if len(told) == 1 else 'are'} told when it fails{back}."
