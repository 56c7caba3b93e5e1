"""The restic kind: a snapshot in a repository, read back; a repository that is read again in turn."""

import math
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal
from urllib.parse import quote

from msgspec.structs import replace
from pydantic import Field

from core.clearing import apart
from core.copying.mounts import lies_in
from core.engines.copies import CopyingEngine, Ground
from core.errors import EngineFailed
from core.masking import Mask
from core.models import Progress
from core.proofs.values import ProgramReading, Proof, ProofWishes, Reading
from core.remotes import restic
from core.remotes.calls import Call, failure
from core.remotes.restic_locks import name_of_folder
from core.remotes.restic_places import BadRepository, place_in
from core.remotes.restic_troubles import trouble
from core.repositories import reading
from core.repositories.omissions import Omissions, settled
from core.repositories.patterns import CannotSay, lines_for
from core.repositories.rehearsal import Rehearsal
from core.repositories.repository import Made, Repository
from core.repositories.rereading import NOTE, Round, in_words
from core.repositories.snapshots import tags_of
from core.storage import atomic
from core.work import Copied, Fact, Outcome, RunContext, Surroundings

READING: Final = reading.__file__
NOT_READ_BACK: Final = "not-read-back"
ALL_READ: Final = "Everything the repository holds was read and is good."
LOCKED: Final = "The repository was locked, so nothing of it was read again; the next run makes up for it."

Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@+][A-Za-z0-9_.@+ -]{0,59}$")]
HostName = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?)?$")]


class ResticEngine(CopyingEngine):
    """Makes a snapshot, reads it back, and reads a part of all data each day.

    An attempt that follows one which was lost takes over the snapshot that one may have finished.
    """

    kind: ClassVar = "restic"
    label: ClassVar = "Back up with restic"
    summary: ClassVar = "Encrypted snapshots without doubles in a repository, read back"
    stages: ClassVar[Sequence[str]] = ("prepare", "copy", "check", "verify", "delete")
    harmless: ClassVar = "The source, and every snapshot that was there before."

    verify: Literal["full", "sample", "fast"] = Field(
        default="sample",
        title="Proof",
        description="Full reads every file and all of the repository back, sample a random share of the files, "
        "fast looks at names and sizes only",
        json_schema_extra={
            "widget": "choice",
            "group": "proof",
            "choices": {
                "full": "Full: every file is read back, and all the repository holds",
                "sample": "Sample: a random share is read back",
                "fast": "Fast: names and sizes only, proves nothing",
            },
        },
    )
    reread_days: int = Field(
        default=30,
        ge=0,
        le=256,
        title="Read all again every",
        description="Days in which everything the repository holds is read and checked once, a part a day; 0 is never",
        json_schema_extra={"group": "proof"},
    )
    password_file: Path | None = Field(
        default=None,
        title="Password file",
        description="File with the password of a repository that is a folder; a destination has its own",
        json_schema_extra={"group": "what"},
    )
    tags: tuple[Tag, ...] = Field(
        default=(),
        max_length=20,
        title="Tags",
        description="Words of your own on each snapshot; Holdfast adds its own",
        json_schema_extra={"group": "more"},
    )
    host_name: HostName = Field(
        default="",
        title="Host name",
        description="Under which host snapshots are listed; empty is the name of this machine",
        json_schema_extra={"group": "more"},
    )
    compression: Literal["auto", "max", "off"] = Field(
        default="auto",
        title="Compression",
        description="auto leaves alone what is compressed already, max takes longer",
        json_schema_extra={
            "widget": "choice",
            "group": "more",
            "choices": {"auto": "Automatic", "max": "As small as can be", "off": "None"},
        },
    )
    exclude_caches: bool = Field(
        default=False,
        title="Leave out caches",
        description="Folders that are marked by a CACHEDIR.TAG: what is in them can be made again",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    one_file_system: bool = Field(
        default=False,
        title="Stay on one disk",
        description="Leave out other disks that are mounted inside the source",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    pack_size: int | None = Field(
        default=None,
        ge=4,
        le=128,
        title="Pack size",
        description="MiB of the files that make up the repository; larger ones are fewer. Empty is as restic does",
        json_schema_extra={"group": "more"},
    )

    # What may be wrong

    def problems(self, surroundings: Surroundings) -> dict[str, str]:
        """Return what is wrong with each option."""
        found = super().problems(surroundings)
        if problem := self._problem_of_source():
            found["source"] = problem
        if "destination" not in found:
            found |= self._problems_of_destination(surroundings)
        own = [tag for tag in self.tags if tag == "holdfast"]
        return found | ({"tags": "Holdfast puts the tag holdfast on snapshots itself."} if own else {})

    def _problem_of_source(self) -> str:
        text = str(self.source)
        if not self.source.is_absolute() or not text.isprintable():
            return "This must be the whole path of a folder, from / on."
        return "" if self.source.is_dir() else "There is no folder here."

    def _problems_of_destination(self, surroundings: Surroundings) -> dict[str, str]:
        target = self.target
        if target.folder is not None:
            return self._problems_of_folder(target.folder, surroundings)
        destination = surroundings.destinations.find(target.destination_id)
        if destination is None or destination.type != "restic":
            return {"destination": "This destination is no repository of restic; choose one that is."}
        if target.below:
            return {"destination": "A repository has no folders to copy into; name it without a path."}
        place = place_in(destination.settings["repository"])
        if place.backend == "local" and (problem := self._problem_of_place(Path(place.text), surroundings)):
            return {"destination": problem}
        if self.password_file is not None:
            return {"password_file": "The destination has a password of its own; leave this empty."}
        return {}

    def _problems_of_folder(self, folder: Path, surroundings: Surroundings) -> dict[str, str]:
        found = {}
        try:
            place_in(str(folder))
        except BadRepository as error:
            found["destination"] = str(error)
        if problem := self._problem_of_place(folder, surroundings):
            found["destination"] = problem
        file = self.password_file
        if file is None:
            found["password_file"] = "Name the file that holds the password of this repository."  # noqa: S105 - words
        elif not file.is_absolute() or not file.is_file():
            found["password_file"] = "There is no such file."  # noqa: S105 - words
        return found

    def _problem_of_place(self, folder: Path, surroundings: Surroundings) -> str:
        """Return why a folder of this machine cannot hold the repository; empty where it can."""
        if lies_in(Path(os.path.realpath(folder)), Path(os.path.realpath(surroundings.own_data))):
            return "Holdfast keeps its own data here; choose another folder."
        return self._problem_of_nesting(folder)

    def _problem_of_nesting(self, folder: Path) -> str:
        source, repository = (Path(os.path.realpath(path)) for path in (self.source, folder))
        if lies_in(repository, source):
            return "The repository lies inside the source, and would back up itself."
        return "The source lies inside the repository." if lies_in(source, repository) else ""

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return what is wrong."""
        found = self.problems(surroundings)
        return tuple(Fact(field=field, good=False, text=text) for field, text in found.items())

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do."""
        sentences = [f"Makes a snapshot of {self.source} in the repository {self.destination}."]
        if self.exclude:
            sentences.append(f"Leaves out what {len(self.exclude)} patterns say.")
        how = {
            "full": "Reads every file of the snapshot back and compares it, and reads all the repository holds.",
            "sample": "Reads a random share of the snapshot's files back and compares it.",
            "fast": "Compares names and sizes only: that proves nothing.",
        }
        sentences.append(how[self.verify])
        if self.reread_days and self.verify != "full":
            sentences.append(
                f"Reads everything the repository holds once in {self.reread_days} days, a part a day."
            )
        return tuple(sentences)

    def command_in_words(self, surroundings: Surroundings) -> tuple[str, ...]:
        """Return what a person would type."""
        call = self._call(surroundings, self.ground(surroundings))
        flags = [*self._flags(), *(f"--exclude={line}" for line in self._excludes_in_words())]
        flags += ["--exclude-caches"] if self.exclude_caches else []
        flags += ["--one-file-system"] if self.one_file_system else []
        return (shlex.join((*restic.plain_argv(call), "backup", *flags, "--", str(self.source))),)

    def _excludes_in_words(self) -> tuple[str, ...]:
        try:
            lines = lines_for(
                _real(self.source), (*self.exclude, *(f"!{pattern}" for pattern in self.include))
            )
        except CannotSay:
            return tuple(self.exclude)
        return tuple(line.replace("$$", "$") for line in lines)

    # A run

    def copy_all(self, context: RunContext, ground: Ground) -> Copied:
        """Make a snapshot, or take over the one of an earlier attempt, then read what is due of all the data."""
        repository = self._repository(context, ground)
        source = _real(ground.source)
        omissions = self._omissions(context, source)
        repository.tidy_locks()
        made = repository.adopted(str(source)) if context.attempt > 1 else None
        if made is None:
            options = (*self._options(context, omissions), *_tag_options(context, self.tags))
            made = repository.back_up(options, str(source))
        reread = self._read_again(context, repository, ground, made)
        return self._copied(made, reread, ground)

    def _copied(self, made: Made, reread: Mapping[str, Any], ground: Ground) -> Copied:
        count = made.summary.get
        unread = tuple(f"Could not be read: {words}" for words in made.unread)
        if made.unread_count > len(made.unread):
            unread = (*unread, f"Could not be read: {made.unread_count - len(made.unread):,} more.")
        postponed = (reread["sentence"],) if reread.get("postponed") else ()
        return Copied(
            since_ns=made.since_ns,
            files=int(count("files_new", 0)) + int(count("files_changed", 0)),
            bytes=int(count("data_added", 0)),
            total_files=count("total_files_processed"),
            total_bytes=count("total_bytes_processed"),
            result={
                "snapshot": made.snapshot,
                "repository": ground.target.destination_id or str(ground.target.folder),
                "adopted": made.adopted,
                **({"reread": reread} if reread else {}),
            },
            warnings=(*unread, *postponed),
        )

    def _read_again(
        self, context: RunContext, repository: Repository, ground: Ground, made: Made
    ) -> Mapping[str, Any]:
        """Have the part of all data read that is due, and say how far that is; all of it where the proof is a full one."""
        if not self.reread_days and self.verify != "full":
            return {}
        noted, place = context.note(NOTE), self._call(context.surroundings, ground).place
        known = noted if noted.get("repository") == place else {}
        round_ = Round.noted(known, max(self.reread_days, 1))
        today = datetime.fromtimestamp(made.since_ns / 1_000_000_000, UTC).date()
        parts = round_.due(today)
        if self.verify == "full":  # once for a run, also where it was held after that to ask somebody
            parts = () if known.get("run") == context.run_id else ("all",)
        if parts and not repository.read_parts(parts):
            return {"sentence": LOCKED, "postponed": True}
        if parts:
            round_ = round_.after(parts, today)
            context.take_note(NOTE, {**round_.as_note, "repository": place, "run": context.run_id})
        sentence = round_.sentence if self.reread_days else ALL_READ
        return {"sentence": sentence, **({"read": in_words(parts)} if parts else {})}

    def reading(self, context: RunContext, ground: Ground, copied: Copied) -> Reading:
        """Return how the snapshot is read back: past every cache of ours, and without a lock that could be left behind."""
        call = self._call(context.surroundings, ground)
        base = (*call.argv, "--no-cache", "--no-lock")
        snapshot, source = str(copied.result["snapshot"]), str(_real(ground.source))
        ours = (sys.executable, "-I", "-S", READING)
        return ProgramReading(
            argv=(*base, "dump", "--archive", "tar", "--", snapshot, source),
            some_argv=(*ours, "some", "{list}", "{folder}", "--", *base, "restore", "--", snapshot),
            sizes_argv=(*ours, "sizes", "--", *base, "--json", "ls", "--", snapshot),
            environment=call.environment,
            understood="tar",
            some_understood="restored",
            list_ends="zero",
            strip=f"{source.strip('/')}/".lstrip("/"),
        )

    def leads_to_source(self, context: RunContext, ground: Ground, copied: Copied) -> bool:
        """Tell whether the snapshot lies in the source, although a server keeps it."""
        return apart.has_snapshot(_real(ground.source), str(copied.result["snapshot"]))

    def prove(self, context: RunContext, ground: Ground, copied: Copied) -> Proof:
        """Read the snapshot back; a repository that is damaged is told apart from one that is away."""
        try:
            return super().prove(context, ground, copied)
        except EngineFailed as error:
            found = trouble(1, str(error).splitlines())
            if error.code != NOT_READ_BACK or found.code == "failed":
                raise
            raise failure(found) from error

    def _proof_wishes(self, context: RunContext, ground: Ground, copied: Copied) -> ProofWishes:
        wishes = super()._proof_wishes(context, ground, copied)
        omissions = self._omissions(context, _real(ground.source))
        return replace(wishes, patterns=(*wishes.patterns, *omissions.patterns))

    def would_do(self, context: RunContext, ground: Ground) -> Outcome:
        """Return what a run would carry into the repository."""
        source = _real(ground.source)
        rehearsal = Rehearsal(source)
        options = self._options(context, self._omissions(context, source))
        ending = self._repository(context, ground).rehearse(options, str(source), rehearsal.hear)
        return rehearsal.outcome(cut=ending.dropped > 0)

    # How restic is called

    def _call(self, surroundings: Surroundings, ground: Ground) -> Call:
        if ground.destination is not None:
            return restic.call(ground.destination, surroundings.destinations, ground.target.below)
        if ground.target.folder is None or self.password_file is None:
            message = "The job names no repository with a password."
            raise EngineFailed(message, hint="Edit the job.")
        return restic.call_of_folder(ground.target.folder, self.password_file)

    def _repository(self, context: RunContext, ground: Ground) -> Repository:
        folder = ground.target.folder
        name = name_of_folder(folder) if folder is not None else ground.target.destination_id
        mask = Mask(_what_is_hidden(context.surroundings, ground))
        context.report(Progress(stage="prepare"))
        return Repository(context, self._call(context.surroundings, ground), name, mask.over)

    def _omissions(self, context: RunContext, source: Path) -> Omissions:
        return settled(context, source, self.patterns, caches=self.exclude_caches, disks=self.one_file_system)

    def _options(self, context: RunContext, omissions: Omissions) -> tuple[str, ...]:
        path = context.workspace / "restic" / "exclude"
        text = "".join(f"{line}\n" for line in omissions.lines)
        with atomic.storage_errors("What is to be left out cannot be kept"):
            atomic.make_folder(path.parent)
            atomic.write_whole(path, os.fsencode(text), durable=False)
        return (*self._flags(), f"--exclude-file={path}")

    def _flags(self) -> tuple[str, ...]:
        flags = [] if self.compression == "auto" else [f"--compression={self.compression}"]
        flags += [f"--host={self.host_name}"] if self.host_name else []
        flags += [f"--pack-size={self.pack_size}"] if self.pack_size else []
        rate = self.rate_now(self.bandwidth_limit)
        flags += [f"--limit-upload={math.ceil(rate / 1024)}"] if rate else []
        return tuple(flags)


def _tag_options(context: RunContext, tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"--tag={tag}" for tag in (*tags_of(context.run_id, context.job_id), *tags))


def _real(source: Path) -> Path:
    """Return the source without links: restic would take a link for what is to be backed up."""
    return Path(os.path.realpath(source))


def _what_is_hidden(surroundings: Surroundings, ground: Ground) -> tuple[str, ...]:
    """Return what must not be seen in a log: the password of a server, as it stands in an address too."""
    destination = ground.destination
    if destination is None or "rest_password" not in destination.secrets:
        return ()
    path = surroundings.destinations.secret(destination.id, "rest_password")
    try:
        password = path.read_text("utf-8", "replace").strip("\r\n")
    except OSError:
        return ()
    return (password, quote(password, safe=""))
