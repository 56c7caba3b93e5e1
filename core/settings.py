"""The environment, read once into one frozen value."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.errors import HoldfastError
from core.models import Value

MOST_SLOTS: Final = 64
MOST_DAYS: Final = 36_500
MOST_GRACE: Final = 86_400
MOST_RUNS: Final = 1_000_000
MOST_MEGABYTES: Final = 100_000_000
MOST_LOG_MEGABYTES: Final = 1_000
LONGEST_NUMBER: Final = 20
NAMES: Final = re.compile(r"[A-Za-z_*][A-Za-z0-9_*]{0,127}")
LONGEST_TOLD: Final = 80
MOST_PING_SECONDS: Final = 86_400
ADDRESS: Final = re.compile(r"https?://[!-~]{1,2000}")
SHORTEST_TOKEN: Final = 16
TOKEN: Final = re.compile(r"[!-~]{16,1000}")
ORIGIN: Final = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?")


class BadSetting(HoldfastError):
    """A setting cannot be used."""

    code = "bad-setting"
    hint = "Correct it, then start again."


class Settings(Value, frozen=True, kw_only=True):
    """How this Holdfast was asked to run. `port` 0 is any free one."""

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 8080
    slots: int = 2
    grace: int = 20
    """Seconds that programs at work have to end by themselves when Holdfast is stopped."""
    log_level: str = "info"
    log_format: str = "text"
    public_origin: str = ""
    """The address people use ("https://jobs.example.org"), where it is not this machine's own."""
    keep_runs: int = 50
    keep_days: int = 400
    """Of each job at least so many runs are kept, and every one that is not older than so many days."""
    keep_logs_days: int = 400
    keep_logs_mb: int = 2_000
    """Logs of runs that are over are kept at most so many days, and all together at most so many megabytes."""
    keep_events_days: int = 400
    """Events are kept at most so many days; the audit for good."""
    private_receivers: str = "allow"
    """Whether Holdfast may tell receivers on this machine and in private networks."""
    ping_url: str = ""
    ping_seconds: int = 300
    """Whom Holdfast tells every so often that it works: a watcher outside, who notices when nothing comes."""
    run_log_mb: int = 20
    """How many megabytes one run may say; what it says beyond that is counted and not kept."""
    shell: str = "off"
    pass_env: tuple[str, ...] = ()
    """Whether admins may make jobs that are shell scripts, and which variables of our environment jobs may ask for."""
    step_programs: Path | None = None
    """A folder in which steps around a copy look for their programs first (systemctl, docker, pg_dump)."""
    own_backup: str = "daily"
    own_backup_dir: Path | None = None
    own_backup_mb: int = 5_000
    """Whether and where Holdfast's own state is backed up (None is in the data folder), and how much that may take."""

    metrics_token: str = ""
    """What a program on another machine must send as bearer to read /metrics; empty is nobody."""
    failure_alert: int = 50
    """How many percent of the runs of a day may fail before that is told as a warning; 0 is never."""
    said: frozenset[str] = frozenset()
    """Which of these somebody named at the start; the rest is as it is given."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read every HOLDFAST_ variable; an empty one counts as none.

        Raises BadSetting for one that makes no sense.
        """
        data = _folder(environment, "HOLDFAST_DATA", "data")
        return cls(
            data=data,
            host=environment.get("HOLDFAST_HOST") or "127.0.0.1",
            port=_number(environment, "HOLDFAST_PORT", 8080, most=65535),
            slots=_number(environment, "HOLDFAST_SLOTS", 2, least=1, most=MOST_SLOTS),
            grace=_number(environment, "HOLDFAST_GRACE", 20, most=MOST_GRACE),
            log_level=_one_of(environment, "HOLDFAST_LOG_LEVEL", ("info", "debug", "warning", "error")),
            log_format=_one_of(environment, "HOLDFAST_LOG_FORMAT", ("text", "json")),
            public_origin=_origin(environment, "HOLDFAST_PUBLIC_ORIGIN"),
            keep_runs=_number(environment, "HOLDFAST_KEEP_RUNS", 50, least=1, most=MOST_RUNS),
            keep_days=_number(environment, "HOLDFAST_KEEP_DAYS", 400, most=MOST_DAYS),
            keep_logs_days=_number(environment, "HOLDFAST_KEEP_LOGS_DAYS", 400, most=MOST_DAYS),
            keep_logs_mb=_number(environment, "HOLDFAST_KEEP_LOGS_MB", 2_000, least=1, most=MOST_MEGABYTES),
            keep_events_days=_number(environment, "HOLDFAST_KEEP_EVENTS_DAYS", 400, most=MOST_DAYS),
            private_receivers=_one_of(environment, "HOLDFAST_PRIVATE_RECEIVERS", ("allow", "refuse")),
            ping_url=_address(environment, "HOLDFAST_PING_URL"),
            ping_seconds=_number(environment, "HOLDFAST_PING_SECONDS", 300, least=10, most=MOST_PING_SECONDS),
            run_log_mb=_number(environment, "HOLDFAST_RUN_LOG_MB", 20, least=1, most=MOST_LOG_MEGABYTES),
            shell=_one_of(environment, "HOLDFAST_SHELL", ("off", "on")),
            pass_env=_names(environment, "HOLDFAST_PASS_ENV"),
            step_programs=_folder(environment, "HOLDFAST_STEP_PROGRAMS", "").absolute()
            if environment.get("HOLDFAST_STEP_PROGRAMS")
            else None,
            own_backup=_one_of(environment, "HOLDFAST_OWN_BACKUP", ("daily", "off")),
            own_backup_dir=_folder_of_backups(environment, "HOLDFAST_OWN_BACKUP_DIR", data),
            metrics_token=_token(environment, "HOLDFAST_METRICS_TOKEN"),
            failure_alert=_number(environment, "HOLDFAST_FAILURE_ALERT", 50, most=100),
            own_backup_mb=_number(environment, "HOLDFAST_OWN_BACKUP_MB", 5_000, least=1, most=MOST_MEGABYTES),
            said=frozenset(name for name in cls.__struct_fields__ if environment.get(variable_of(name))),
        )


def variable_of(name: str) -> str:
    """Return the variable of the environment that says a setting."""
    return f"HOLDFAST_{name.upper()}"


def _folder(environment: Mapping[str, str], name: str, default: str) -> Path:
    text = environment.get(name) or default
    try:
        return Path(text).expanduser()
    except RuntimeError:
        message = f"{name} is {text!r}, and nobody knows whose home that is."
        raise BadSetting(message) from None


def _folder_of_backups(environment: Mapping[str, str], name: str, data: Path) -> Path | None:
    """Return where backups go, None where nothing is said; raises BadSetting where the next would hold the last."""
    if not environment.get(name):
        return None
    folder = _folder(environment, name, "").absolute()
    real, ours = Path(os.path.realpath(folder)), Path(os.path.realpath(data))
    if real.is_relative_to(ours) and not real.is_relative_to(ours / "backups"):
        words = (
            f"which is in the data folder itself, {_told(str(ours))}; there, only backups/ is for backups."
        )
        message = f"{name} is {_told(str(folder))}, {words}"
        raise BadSetting(message)
    return folder


def _number(environment: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int) -> int:
    text = environment.get(name) or str(default)
    digits = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    if not digits or not least <= int(text) <= most:
        message = f"{name} is {_told(text)}, not a whole number from {least} to {most}."
        raise BadSetting(message)
    return int(text)


def _names(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return the names of variables, or patterns of them, that a list with commas or spaces has."""
    names = environment.get(name, "").replace(",", " ").split()
    if bad := [text for text in names if not NAMES.fullmatch(text)]:
        message = (
            f"{name} has {_told(bad[0])}, which is no name of a variable, nor a pattern such as RESTIC_*."
        )
        raise BadSetting(message)
    return tuple(names)


def _token(environment: Mapping[str, str], name: str) -> str:
    """Return a secret; the words about a bad one do not tell it."""
    text = environment.get(name, "")
    if text and not TOKEN.fullmatch(text):
        message = f"{name} is not at least {SHORTEST_TOKEN} letters, digits and signs without blanks."
        raise BadSetting(message)
    return text


def _origin(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "").rstrip("/").lower()
    if text and not ORIGIN.fullmatch(text):
        message = f"{name} is {_told(text)}, not an address such as https://jobs.example.org."
        raise BadSetting(message)
    return text


def _address(environment: Mapping[str, str], name: str) -> str:
    """Return an address to be asked; it may be secret, so it is not in what is said of a wrong one."""
    text = environment.get(name, "")
    if text and not ADDRESS.fullmatch(text):
        message = f"{name} is not an address such as https://watcher.example.org/ping."
        raise BadSetting(message)
    return text


def _one_of(environment: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    text = environment.get(name) or allowed[0]
    if text not in allowed:
        message = f"{name} is {_told(text)}, not one of {', '.join(allowed)}."
        raise BadSetting(message)
    return text


def _told(text: str) -> str:
    """Return a value as it is told: what is too long to read is cut."""
    return (
        repr(text) if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]!r}... ({len(text):,} characters)"
    )
