"""A command that somebody has run by time: whether it is worth a job here, and as which."""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from msgspec.structs import replace

from core.imports import commands
from core.imports.commands import Setting
from core.imports.crontab import program_and_its
from core.imports.shell_words import REDIRECTED, commands_in, masked
from core.imports.values import Found, NotUnderstood, PlannedJob
from core.models import Schedule
from core.suggestions.values import Origin, Suggestion

# fmt: off
KNOWN: Final = frozenset({
    "aws", "bacula", "borg", "borgmatic", "btrfs", "cp", "dar", "duplicacy", "duplicity", "dump",
    "kopia", "mariadb-dump", "mongodump", "mysqldump", "pg_basebackup", "pg_dump", "pg_dumpall",
    "rclone", "rdiff-backup", "restic", "rsnapshot", "rsync", "s3cmd", "sanoid", "scp", "snapraid",
    "sqlite3", "syncoid", "tar", "timeshift", "unison", "zfs",
})
# fmt: on
"""Programs that people copy and keep things with."""

SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
TELLING: Final = re.compile(r"back-?up|sync|dump|snapshot|archiv|mirror|copy|export", re.IGNORECASE)
TELLS_NOTHING: Final = re.compile(r"\b(run-parts|anacron|sysstat|sa1|sa2|logrotate|systemctl)\b")
SECRET: Final = re.compile(
    r"pass(?:word|wd|phrase)?\b\s*[=: ]|pass\w*=|secret|token|api_?key|access_?key|credential|authorization|bearer"
    r"|://[^\s/:@]*:[^\s/@]+@|(?:^|\s)-p\S+.*\b(?:mysql|mariadb)|\b(?:mysql|mariadb)\S*\b.*\s-p\S",
    re.IGNORECASE,
)
"""What a line has that seems to have a secret in it. A word too many costs a look; one too few would show a password."""

LONGEST_SAID: Final = 500
LONGEST_NAME: Final = 100


class Line:
    """A command with its time: where it stands, and which variables stand before it."""

    def __init__(
        self,
        origin: Origin,
        place: str,
        command: str,
        *,
        schedule: Schedule | None,
        variables: Mapping[str, str],
        remarks: Sequence[str] = (),
        importable: str = "",
        unclear: str = "",
    ) -> None:
        self._origin: Origin = origin
        self._place = place
        self._command = command
        self._schedule = schedule
        self._variables = variables
        self._remarks = tuple(remarks)
        self._importable = importable
        self._unclear = unclear

    @property
    def is_worth_a_look(self) -> bool:
        """Tell whether it seems to copy, keep or carry something."""
        if TELLS_NOTHING.search(self._command):
            return False
        words = re.split(r"[\s;|&()]+", self._command)
        return any(word.rpartition("/")[2] in KNOWN for word in words) or bool(TELLING.search(self._command))

    def suggestion(self) -> Suggestion:
        """Return what it would be here."""
        secret = bool(SECRET.search(self._command)) or bool(self._variables_that_count)
        bare = self._bare(secret=secret)
        try:
            parts = self._parts()
        except NotUnderstood as error:
            words = f"It cannot be filled in by itself: {error}. Put it into a script of its own, and make a job of that."
            return replace(bare, remarks=(*bare.remarks, words))
        found = self._as_copies(parts)
        if len(found.jobs) == 1 and len(parts) == 1 and not secret:
            return self._of_job(bare, found.jobs[0], found)
        if found.jobs and self._importable:
            words = "An import takes it over: it makes the destination first, and shows everything before."
            return replace(
                bare, importable=self._importable, source="crontab", remarks=(*bare.remarks, words)
            )
        return self._of_command(bare, parts, secret=secret)

    def _parts(self) -> tuple[tuple[str, ...], ...]:
        if self._unclear:
            raise NotUnderstood(self._unclear)
        return tuple(commands_in(self._command))

    def _goes_elsewhere(self) -> bool:
        """Tell whether what it says goes into a file, which may be all that it is for."""
        found = (match[0] for match in REDIRECTED.finditer(masked(self._command)))
        return any(">" in one and "&" not in one and "/dev/null" not in one for one in found)

    @property
    def _variables_that_count(self) -> dict[str, str]:
        """Return the variables before it that mean something to what it runs; they may be secrets."""
        return {name: value for name, value in self._variables.items() if name.startswith(commands.OF_RESTIC)}

    def _bare(self, *, secret: bool) -> Suggestion:
        shown = "" if SECRET.search(self._command) else self._command[:LONGEST_SAID]
        remarks = self._remarks
        if secret:
            remarks = (
                *remarks,
                "There seems to be a password with it, so it is not shown and not filled in.",
            )
        return Suggestion(
            id=id_of(self._origin, self._place, self._command),
            origin=self._origin,
            place=self._place,
            title=self._title(),
            said=shown,
            schedule=self._schedule,
            remarks=remarks,
        )

    def _title(self) -> str:
        try:
            words = program_and_its(next(iter(commands_in(self._command)), ()))[1]
        except NotUnderstood:
            words = self._command.split()
        program = _program_of(words)
        return f"{program} runs by itself"

    def _as_copies(self, parts: Sequence[Sequence[str]]) -> Found:
        found = Found()
        for words in parts:
            inline, rest = program_and_its(words)
            program = commands.PROGRAMS.get(rest[0].rpartition("/")[2]) if rest else None
            if program is None:
                continue
            setting = Setting(self._place, {**self._variables, **inline}, {})
            try:
                found += program(rest[1:], setting)
            except NotUnderstood:
                continue
        return found

    def _of_job(self, bare: Suggestion, job: PlannedJob, found: Found) -> Suggestion:
        remarks = tuple(remark.words for remark in found.left_out)
        if job.ref:
            words = "An import takes it over: it makes the destination first, and shows everything before."
            importable = {"importable": self._importable, "source": "crontab"} if self._importable else {}
            words = words if importable else "Make its destination first, then the job."
            return replace(
                bare, remarks=(*bare.remarks, *remarks, words), name=job.name[:LONGEST_NAME], **importable
            )
        return replace(
            bare,
            title=f"{job.kind} copies {job.name}",
            name=job.name[:LONGEST_NAME],
            kind=job.kind,
            options=job.options,
            remarks=(*bare.remarks, *remarks),
        )

    def _of_command(self, bare: Suggestion, parts: Sequence[Sequence[str]], *, secret: bool) -> Suggestion:
        inline, words = program_and_its(parts[0]) if len(parts) == 1 else ({}, ())
        if len(parts) != 1 or not words:
            words_left = "It runs several programs one after the other. Make a job of each, or of a script that has them."
            return replace(bare, remarks=(*bare.remarks, words_left))
        if secret or inline:
            return bare
        if self._goes_elsewhere():
            words_left = "What it says goes into a file (>), which a shell does. Put it into a script, and make a job of that."
            return replace(bare, remarks=(*bare.remarks, words_left))
        if "|" in masked(self._command):
            bare = replace(
                bare,
                remarks=(
                    *bare.remarks,
                    "What stands behind | is not taken over: Holdfast keeps what it says.",
                ),
            )
        name = f"{_program_of(words)} from {self._place}"
        options: dict[str, Any] = {"argv": tuple(words)}
        return replace(bare, name=name[:LONGEST_NAME], kind="command", options=options)


def _program_of(words: Sequence[str]) -> str:
    """Return what people call what runs: a shell is no more than its line."""
    program = words[0].rpartition("/")[2][:60] if words else "A command"
    return "A line of shell" if program in SHELLS else program


def id_of(*parts: str) -> str:
    """Return an id that is the same as long as what was found is."""
    return blake2b("\0".join(parts).encode(errors="replace"), digest_size=8).hexdigest()
