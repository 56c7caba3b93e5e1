"""What this installation is set to, as the page of settings shows it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from core.accounts import LONGEST_KEPT_STAY
from core.doctor import Finding, Verdict
from core.installation import CHANGEABLE, Kept
from core.models import NOTHING, Value
from core.people import ApiToken, Session
from core.remotes.versions import KNOWN
from core.roster import SHOWN
from core.settings import Settings, variable_of
from fastapi_app.presenters.states import Mark
from fastapi_app.presenters.texts import plural

GIVEN: Final = Settings()
SECRET: Final = frozenset({"metrics_token", "ping_url"})
"""What a page says no more of than that it is there."""


class About(NamedTuple):
    """What people call a setting, and what it means to them."""

    title: str
    words: str
    unit: str = ""


SERVER: Final[Mapping[str, About]] = {
    "host": About("Listens on", "Other addresses than this machine's own let other machines in."),
    "port": About("Port", "0 takes any that is free."),
    "public_origin": About("Address people use", "What stands in messages, where a proxy is in front."),
    "slots": About("Slots", "How many runs are at work at once; the queue can hold back more."),
    "grace": About("Grace", "How long programs have to end by themselves when Holdfast stops.", "s"),
    "log_level": About("Its own log", "From which weight on Holdfast logs what it does itself."),
    "log_format": About("Form of its log", "Lines for people, or JSON for machines."),
    "run_log_mb": About("Log of one run", "What a run says beyond that is counted and not kept.", "MB"),
    "shell": About("Shell scripts", "Whether admins may make jobs that are shell scripts."),
    "pass_env": About("Variables for jobs", "Which variables of the server jobs may ask for."),
    "step_programs": About("Programs of steps", "The folder in which steps look for their programs first."),
    "private_receivers": About(
        "Private receivers", "Whether messages may go to this machine and private networks."
    ),
    "ping_url": About("Watcher outside", "Who is told that Holdfast works, and notices when nothing comes."),
    "ping_seconds": About("Told every", "How often the watcher outside is told.", "s"),
    "metrics_token": About("Token for figures", "What a program on another machine sends to read /metrics."),
    "own_backup": About("Own backups", "Whether Holdfast backs its own state up every day."),
    "own_backup_dir": About("Own backups go to", "Empty is the data folder; another disk is safer."),
}
KEEPING: Final[Mapping[str, About]] = {
    "keep_runs": About("Runs of each job", "At least so many are kept, however old they are.", "runs"),
    "keep_days": About("Every run for", "Runs that are not older are kept, however many.", "days"),
    "keep_logs_days": About("Logs for", "What runs said; the runs themselves stay.", "days"),
    "keep_logs_mb": About("Logs together", "When they take more, the oldest go first.", "MB"),
    "keep_events_days": About("Events for", "What happened; the audit is kept for good.", "days"),
    "own_backup_mb": About("Own backups together", "The newest stays, whatever it takes.", "MB"),
    "failure_alert": About(
        "Failures worth a look", "When so many of the runs of a day fail, it says so; 0 is never.", "%"
    ),
}
WITHOUT: Final[Mapping[str, str]] = {
    "public_origin": "this machine's own",
    "pass_env": "none",
    "step_programs": "the usual folders",
    "ping_url": "nobody",
    "metrics_token": "none: this machine only",
    "own_backup_dir": "the data folder",
}
"""What it means that a setting says nothing."""

THEIR_OWN: Final = frozenset({*KNOWN, "libyaml", "b3sum"})
WEAK: Final = Mark(st="late", icon="st-late", word="Look at it")
VERDICTS: Final[Mapping[Verdict, Mark]] = {
    Verdict.GOOD: Mark(st="ok", icon="st-ok", word="Good"),
    Verdict.MISSING: Mark(st="unproved", icon="st-hollow", word="Not here"),
    Verdict.BAD: Mark(st="failed", icon="st-failed", word="Wrong"),
}


class SettingRow(Value, frozen=True, kw_only=True):
    """A setting: its value in words, what it means, and whether somebody `said` it or it is as it comes."""

    name: str
    title: str
    value: str
    about: str
    said: bool
    variable: str


class NumberField(Value, frozen=True, kw_only=True):
    """A number that admins may set here; a `fixed` one is said by the environment."""

    name: str
    title: str
    about: str
    unit: str
    value: str
    least: int
    most: int
    fixed: bool
    variable: str
    source: str
    problem: str


class FoundRow(Value, frozen=True, kw_only=True):
    """What was found on this machine, and what it means where it is not good."""

    name: str
    mark: Mark
    found: str
    cost: str


class SessionRow(Value, frozen=True, kw_only=True):
    """A browser in which somebody is signed in."""

    key: str
    address: str
    here: bool
    created_at: datetime
    seen_at: datetime
    stay: str


class TokenRow(Value, frozen=True, kw_only=True):
    """A token that acts for somebody."""

    key: str
    name: str
    role: str
    created_at: datetime
    expires_at: datetime


def server_rows(settings: Settings) -> tuple[SettingRow, ...]:
    """Return how the server is set; nothing of it changes while it runs."""
    return tuple(_row(settings, name, about) for name, about in SERVER.items())


def _row(settings: Settings, name: str, about: About) -> SettingRow:
    return SettingRow(
        name=name,
        title=about.title,
        value=_in_words(name, getattr(settings, name), about.unit),
        about=about.words,
        said=name in settings.said,
        variable=variable_of(name),
    )


def _in_words(name: str, value: object, unit: str) -> str:
    if not value and name in WITHOUT:
        return WITHOUT[name]
    if name in SECRET:
        return "set, not shown"
    if isinstance(value, tuple):
        return ", ".join(value)
    amount = f"{value:,}" if isinstance(value, int) and name != "port" else str(value)
    return f"{amount} {unit}" if unit else amount


def keeping_fields(
    settings: Settings,
    kept: Kept,
    typed: Mapping[str, str] = NOTHING,
    problems: Mapping[str, str] = NOTHING,
) -> tuple[NumberField, ...]:
    """Return the numbers that admins may set, as they are or as they were just typed."""
    return tuple(
        NumberField(
            name=name,
            title=about.title,
            about=about.words,
            unit=about.unit,
            value=typed.get(name, str(getattr(settings, name))),
            least=CHANGEABLE[name].least,
            most=CHANGEABLE[name].most,
            fixed=name in settings.said,
            variable=variable_of(name),
            source=_source(settings, kept, name),
            problem=problems.get(name, ""),
        )
        for name, about in KEEPING.items()
    )


def _source(settings: Settings, kept: Kept, name: str) -> str:
    if name in settings.said:
        return f"Said by {variable_of(name)}"
    given = getattr(GIVEN, name)
    return f"Set here; it comes as {given:,}" if name in kept.values else "As it comes"


def found_rows(findings: Sequence[Finding]) -> tuple[FoundRow, ...]:
    """Return what was found on this machine, what is bad first."""
    order = (Verdict.BAD, Verdict.MISSING, Verdict.GOOD)
    return tuple(
        FoundRow(name=_called(each.name), mark=_mark(each), found=_found(each), cost=each.cost)
        for each in sorted(findings, key=lambda each: order.index(each.verdict))
    )


def _called(name: str) -> str:
    """Return what was looked at with a capital, but programs and libraries as they write themselves."""
    return name if name in THEIR_OWN else f"{name[:1].upper()}{name[1:]}"


def _mark(found: Finding) -> Mark:
    """Return how it is; a program that is here and works but is weak is worth a look, no more."""
    weak = found.verdict == Verdict.BAD and found.name in THEIR_OWN and found.name in KNOWN
    return WEAK if weak else VERDICTS[found.verdict]


def _found(found: Finding) -> str:
    """Return what was found; that the store is in use is no news to who reads a page of it."""
    return "in use by this server" if found.name == "store" and found.verdict == Verdict.GOOD else found.found


def found_in_words(findings: Sequence[Finding]) -> str:
    """Return in one sentence how this machine is for Holdfast."""
    bad = sum(each.verdict == Verdict.BAD for each in findings)
    missing = sum(each.verdict == Verdict.MISSING for each in findings)
    if bad:
        return f"{plural(bad, 'thing needs', 'things need')} somebody."
    if missing:
        return (
            f"All is well; {plural(missing, 'thing is', 'things are')} not here, which only some jobs need."
        )
    return "All is well, and everything is here that jobs can need."


def session_rows(sessions: Sequence[Session], key: str | None) -> tuple[SessionRow, ...]:
    """Return where somebody is signed in, this browser first."""
    rows = (
        SessionRow(
            key=session.key[:SHOWN],
            address=session.address or "an address that was not kept",
            here=session.key == key,
            created_at=session.created_at,
            seen_at=session.seen_at,
            stay=f"stays signed in for {LONGEST_KEPT_STAY.days} days"
            if session.long
            else "until it is closed",
        )
        for session in sessions
    )
    return tuple(sorted(rows, key=lambda row: not row.here))


def token_rows(tokens: Sequence[ApiToken]) -> tuple[TokenRow, ...]:
    """Return the tokens that act for somebody."""
    return tuple(
        TokenRow(
            key=token.key[:SHOWN],
            name=token.name,
            role=token.role,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
        for token in tokens
    )
