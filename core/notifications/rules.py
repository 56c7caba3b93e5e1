"""Whom a notice goes to, and when; pure."""

from datetime import UTC, datetime, time, timedelta, tzinfo

from core.errors import InvalidOptions
from core.notifications.values import TIME_OF_DAY, Digest, Notice, Quiet, Rule
from core.schedules.zones import zone_named

HOUR = timedelta(hours=1)


def matches(rule: Rule, notice: Notice) -> bool:
    """Tell whether the rule is about the notice; what happened before there was the rule is not told by it."""
    if notice.at < rule.created_at or not set(rule.on) & set(notice.occasions):
        return False
    if rule.job_id:
        return rule.job_id == notice.job_id
    return not rule.tag or rule.tag in notice.tags


def due_at(rule: Rule, notice: Notice, now: datetime) -> datetime:
    """Return when what the rule found is sent: `now`, or when its digest or the end of its quiet hours comes."""
    zone = _zone(rule)
    due = now
    if rule.digest == Digest.HOURLY:
        due = now.astimezone(zone).replace(minute=0, second=0, microsecond=0) + HOUR
    elif rule.digest == Digest.DAILY:
        due = _next(rule.digest_at, now, zone)
    quiet = rule.quiet
    if quiet is None or (quiet.but_critical and notice.critical) or not is_quiet(quiet, due, zone):
        return due.astimezone(UTC)
    return _next(quiet.end, due, zone).astimezone(UTC)


def is_quiet(quiet: Quiet, moment: datetime, zone: tzinfo) -> bool:
    """Tell whether the moment is in the quiet hours."""
    start, end, at = _time(quiet.start), _time(quiet.end), moment.astimezone(zone).time()
    return start <= at < end if start < end else at >= start or at < end


def _next(text: str, after: datetime, zone: tzinfo) -> datetime:
    """Return when that time of day comes next, strictly after a moment."""
    day = after.astimezone(zone).date()
    for days in range(3):
        candidate = datetime.combine(day + timedelta(days=days), _time(text), zone)
        if candidate.astimezone(UTC) > after:
            return candidate
    return after + timedelta(days=1)


def _time(text: str) -> time:
    return time.fromisoformat(text)


def _zone(rule: Rule) -> tzinfo:
    return zone_named(rule.timezone) or UTC


def check(rule: Rule) -> None:
    """Raise InvalidOptions for a rule that makes no sense, naming each field."""
    problems = {}
    if not rule.on:
        problems["on"] = "Say at least one thing to be told of."
    if not rule.channels:
        problems["channels"] = "Name at least one channel to tell it through."
    if rule.tag and rule.job_id:
        problems["tag"] = "A rule is about a tag or about one job, not both."
    if not TIME_OF_DAY.match(rule.digest_at):
        problems["digest_at"] = "This is not a time of day such as 08:00."
    if zone_named(rule.timezone) is None:
        problems["timezone"] = f"There is no time zone {rule.timezone!r:.80}."
    if rule.quiet is not None:
        problems |= _problems_of_quiet(rule.quiet)
    if problems:
        raise InvalidOptions(problems)


def _problems_of_quiet(quiet: Quiet) -> dict[str, str]:
    if not TIME_OF_DAY.match(quiet.start) or not TIME_OF_DAY.match(quiet.end):
        return {"quiet": "Quiet hours are two times of day, such as 22:00 and 07:00."}
    if quiet.start == quiet.end:
        return {"quiet": "Quiet hours that never end would hold everything back."}
    return {}
