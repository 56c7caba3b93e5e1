"""The rclone kind: a folder carried to a cloud, a server or another disk by rclone, then read back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, NoReturn

from pydantic import Field

from core import guards
from core.clearing import apart
from core.copying.facts import measure
from core.copying.mounts import Mounts
from core.copying.paces import as_rclone_writes
from core.copying.refusals import (
    problem_with_source,
    problem_with_system,
    problems_between,
    problems_of,
    problems_with,
    problems_with_own,
)
from core.destinations.known import Destination
from core.destinations.marker import marker_of
from core.engines.copies import CopyingEngine, Ground
from core.errors import EngineFailed
from core.processes.orders import Exit, Order
from core.proofs.values import FolderReading, ProgramReading, Reading
from core.remotes import rclone_trials
from core.remotes.backends import BACKENDS
from core.remotes.calls import failure
from core.remotes.rclone_features import Features, features_in
from core.remotes.rclone_log import Talk
from core.remotes.rclone_orders import Place, Setting, command_line, environment_for, place_of
from core.remotes.rclone_troubles import DELETE_LIMIT
from core.remotes.rsync_places import find_here
from core.sizes import size
from core.work import Copied, Fact, Outcome, RunContext, Surroundings

FIT: Final = ("folder", "rclone")
"""Types of destinations that rclone is told of."""

FOR_MACHINES: Final = frozenset({"--use-json-log", "--ask-password=false"})
"""What nobody would type."""

GRACE: Final = 20.0
"""Seconds in which rclone ends what it is sending when it is asked to stop."""


class RcloneEngine(CopyingEngine):
    """Carries what is new or changed to where rclone can write; nothing is removed there unless the job says so."""

    kind: ClassVar = "rclone"
    label: ClassVar = "Copy with rclone"
    summary: ClassVar = (
        "To S3, WebDAV, Google Drive, a Windows share and more, by rclone; read back afterwards."
    )
    harmless: ClassVar = "The source was only read. A file that was being replaced may be cut short there; the next run sends it again."
    deletes: ClassVar = (
        "Nothing, unless it mirrors: then what the source no longer has is put aside beside the copy."
    )

    compare: Literal["times", "checksum", "all"] = Field(
        default="times",
        title="What has changed",
        description="How rclone sees that a file has changed",
        json_schema_extra={
            "widget": "choice",
            "group": "more",
            "choices": {
                "times": "Sizes and times; everything is sent where a place keeps no times",
                "checksum": "Checksums; everything is sent where a place has none",
                "all": "Send everything each time",
            },
        },
    )
    links: Literal["skip", "keep"] = Field(
        default="skip",
        title="Symbolic links",
        description="What becomes of them; they are never followed",
        json_schema_extra={
            "widget": "choice",
            "group": "more",
            "choices": {
                "skip": "Leave them out, with a warning",
                "keep": "Keep each as a small file that says where it leads (.rclonelink)",
            },
        },
    )
    metadata: bool = Field(
        default=False,
        title="Keep owners and modes",
        description="Where the destination can hold them",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    empty_folders: bool = Field(
        default=True,
        title="Make empty folders too",
        description="Where the destination has folders at all",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    transfers: int = Field(
        default=4,
        ge=1,
        le=64,
        title="Files at once",
        description="More is faster for small files, and harder on the destination",
        json_schema_extra={"group": "more"},
    )
    checkers: int = Field(
        default=8,
        ge=1,
        le=128,
        title="Comparisons at once",
        description="How many files are looked at together",
        json_schema_extra={"group": "more"},
    )
    fast_list: bool = Field(
        default=False,
        title="List everything at once",
        description="Fewer requests to S3 and the like, for more memory",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    mirror: bool = Field(
        default=False,
        title="Mirror",
        description="Put aside at the destination what the source no longer has, into a dated folder beside the copy",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    mirror_most: int = Field(
        default=1_000,
        ge=1,
        title="Put aside at most",
        description="Files a run may put aside; with more it stops",
        json_schema_extra={"group": "more", "shown_if": {"mirror": True}},
    )

    # Before a run

    @property
    def needs_admin(self) -> bool:
        """Tell whether only an admin may give a job these options: to mirror removes."""
        return super().needs_admin or self.mirror

    def problems(self, surroundings: Surroundings) -> dict[str, str]:
        """Return what is wrong with each option."""
        found = super().problems(surroundings)
        target = self.target
        destination = surroundings.destinations.find(target.destination_id) if target.destination_id else None
        if destination is not None and destination.type not in FIT:
            found["destination"] = (
                f"{destination.name} is no place for rclone; choose a folder or a remote of rclone."
            )
        if "destination" in found:
            return found
        found |= self._problems_of_folders(destination, surroundings)
        if self.mirror and not found and not self._has_room_beside(destination):
            found["mirror"] = (
                "What is put aside needs a place beside the copy: name a path below the destination."
            )
        return found

    def _problems_of_folders(
        self, destination: Destination | None, surroundings: Surroundings
    ) -> dict[str, str]:
        folder = folder_of(destination, self.target.folder, self.target.below)
        if folder is not None:
            root = folder if destination is None else Path(str(destination.settings["path"]))
            place = folder if folder.parent.is_dir() else root
            found = problems_with(self.source, place, surroundings.own_data)
            if destination is not None and not root.is_dir():
                found.setdefault("destination", f"There is no folder {root}. Is the disk mounted?")
            return found
        reached = reached_here(destination, self.target.below)
        own = problems_with_own(self.source, reached or Path("/nowhere/at/all"), surroundings.own_data)
        mounts = Mounts.here()
        found = problems_of("source", self.source, mounts, problem_with_source) or own
        if found or reached is None:
            return found
        system = problems_of("destination", reached, mounts, problem_with_system)
        return system or problems_between(self.source, reached)

    def _has_room_beside(self, destination: Destination | None) -> bool:
        folder = folder_of(destination, self.target.folder, self.target.below)
        if folder is not None or destination is None:
            return folder is None or not folder.is_mount()
        settings = destination.settings
        path = "" if settings.get("encrypt") else str(settings.get("path", ""))
        depth = len([part for part in f"{path}/{self.target.below}".split("/") if part])
        in_bucket = BACKENDS[str(settings["backend"])].buckets and not settings.get("encrypt")
        return depth > (1 if in_bucket else 0)

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return what is in the source, and what is wrong."""
        problems = self.problems(surroundings)
        found = [Fact(field=field, good=False, text=text) for field, text in problems.items()]
        if "source" not in problems:
            seen = measure(self.source)
            more = "" if seen.whole else "more than "
            found.append(
                Fact(
                    field="source",
                    good=bool(seen.files) and not seen.unreadable,
                    text=f"{more}{seen.files:,} files, {size(seen.bytes)}",
                )
            )
        return tuple(found)

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do."""
        sentences = [
            f"Carries what is new or changed in {self.source} to {self.destination} with rclone.",
            "Files that only the destination has are put aside into a dated folder beside the copy."
            if self.mirror
            else "Removes nothing: files that only the destination has stay there.",
        ]
        if self.compare == "times":
            sentences.append("Where the destination keeps no times of files, everything is sent each time.")
        if self.links == "skip":
            sentences.append("Leaves symbolic links out.")
        return (*sentences, *self.proof_in_words())

    def proof_in_words(self) -> tuple[str, ...]:
        """Return how the copy is proved."""
        match self.verify:
            case "full":
                return ("Then downloads every file from the destination and compares it.",)
            case "sample":
                return ("Then downloads a random sample of the files and compares it.",)
            case "fast":
                return ("Then compares names and sizes only; that does not count as verified.",)

    def command_in_words(self, surroundings: Surroundings) -> tuple[str, ...]:
        """Return what a person would type to do the same, with the same filters."""
        place = self._place(self.ground(surroundings), surroundings)
        argv = command_line(place, self._setting(Features(), self.mirror_most), self.source, Path("rules"))
        plain = tuple(part for part in argv if part not in FOR_MACHINES)
        return (rclone_trials.typed((*plain[:-3], "--progress", *plain[-3:]), self._rules(surroundings)),)

    # A run

    def copy_all(self, context: RunContext, ground: Ground) -> Copied:
        """Carry everything over. Raises EngineFailed, or RunStopped when asked to stop."""
        _find_folder(ground)
        place = self._place(ground, context.surroundings, context.workspace)
        features = self._features(context, place)
        allowed = guards.allowance(context, self) if self.mirror else None
        rules = self._write_rules(context)
        if allowed is not None and allowed < self.mirror_most:
            self._ask_before_removing(
                context,
                place,
                command_line(
                    place, self._setting(features, None), ground.source, rules, dry=True, quiet=True
                ),
                allowed,
            )
        budget = self.mirror_most if allowed is None else min(allowed, self.mirror_most)
        setting = self._setting(features, budget)
        if setting.compare != self.compare:  # always so at such a destination, and nothing to worry about
            context.info(
                "The destination keeps neither times nor checksums to compare by: all is sent again."
            )
        talk = Talk(context.report, context.warn, context.error)
        argv = command_line(place, setting, ground.source, rules)
        ending = context.execute(
            self._order(argv, place, context), talk.hear, name="copy", on_latest=talk.glance
        )
        self._judge(context, ending, talk, allowed if allowed == budget else None)
        return self._copied(ending, talk, setting)

    def _ask_before_removing(
        self, context: RunContext, place: Place, argv: Sequence[str], allowed: int
    ) -> None:
        """Count what a mirror would put aside, and raise RunHeld where that is more than a guard lets it."""
        talk = Talk(lambda _: None, lambda _: None, context.error)
        ending = context.execute(
            self._order(argv, place, context), talk.hear, name="count", on_latest=talk.glance
        )
        if ending.code != 0 and not talk.vanished:
            raise failure(talk.judged(ending.code), talk.last_words)
        if talk.stats.removed > allowed:
            guards.hold_removals(context, allowed=allowed, wanted=talk.stats.removed)

    def _place(self, ground: Ground, surroundings: Surroundings, home: Path | str = "") -> Place:
        return place_of(ground.target, ground.destination, surroundings.destinations, str(home))

    def _features(self, context: RunContext, place: Place) -> Features:
        """Ask rclone what the destination can do; it is reached by that."""
        talk = Talk(lambda _: None, context.warn, context.error)
        argv = (*place.argv, "--use-json-log", "--contimeout", "30s", "--low-level-retries", "3")
        argv = (*argv, "backend", "features", "--", place.place)
        ending = context.execute(self._order(argv, place, context), talk.hear, name="features")
        if ending.code != 0:
            raise failure(talk.judged(ending.code), talk.last_words)
        return features_in("\n".join(talk.out))

    def _setting(self, features: Features, allowed: int | None) -> Setting:
        return Setting(
            verb="sync" if self.mirror else "copy",
            compare=self._compared(features),
            links=self.links == "keep",
            metadata=self.metadata,
            empty_folders=self.empty_folders,
            transfers=self.transfers,
            checkers=self.checkers,
            # What is kept in a folder that is left out would be seen in such a list, and removed by a mirror.
            fast_list=self.fast_list and not (self.mirror and self.include),
            exact_names=features.is_local,
            most_removed=allowed,
            bandwidth=as_rclone_writes(self.paces, self.bandwidth_limit),
        )

    def _compared(self, features: Features) -> Literal["times", "checksum", "all"]:
        """Return how rclone sees what has changed: never by sizes alone."""
        if self.compare == "times" and not features.keeps_times:
            return "all"
        if self.compare == "checksum" and not features.has_checksums:
            return "all"
        return self.compare

    def _rules(self, surroundings: Surroundings) -> tuple[str, ...]:
        return rclone_trials.rules_below(self.source, self.patterns, surroundings.own_data)

    def _write_rules(self, context: RunContext) -> Path:
        path = context.workspace / "rclone-rules"
        rclone_trials.write_private(path, "".join(f"{rule}\n" for rule in self._rules(context.surroundings)))
        return path

    def _order(self, argv: Sequence[str], place: Place, context: RunContext) -> Order:
        return Order(
            argv=tuple(argv),
            folder=str(context.workspace),
            environment=environment_for(place, context.workspace),
            grace=GRACE,
        )

    def _judge(self, context: RunContext, ending: Exit, talk: Talk, allowed: int | None) -> None:
        """Raise what went wrong; files that changed while they were copied are for the proof to judge."""
        if ending.code == 0 or (ending.code is not None and talk.vanished and not talk.failed):
            return
        if self.mirror and any(DELETE_LIMIT in line for line in talk.said):
            self._hold_or_refuse(context, allowed)
        raise failure(talk.judged(ending.code), talk.last_words)

    def _hold_or_refuse(self, context: RunContext, allowed: int | None) -> NoReturn:
        """Ask a person where a guard set the limit; where the job did, only another limit helps."""
        if allowed is not None:
            guards.hold_removals(context, allowed=allowed)
        message = f"More than {self.mirror_most:,} files are gone from the source, which is all one run may put aside."
        hint = "Look at the source. If that is right, let the job put more aside."
        raise EngineFailed(message, hint=hint, code="refused")

    def _copied(self, ending: Exit, talk: Talk, setting: Setting) -> Copied:
        stats = talk.stats
        result: Mapping[str, Any] = {"compared": stats.checks, "by": setting.compare}
        return Copied(
            since_ns=int(ending.started_at.timestamp() * 1_000_000) * 1_000,
            files=stats.files,
            bytes=stats.bytes,
            removed=stats.removed,
            result=result,
            warnings=tuple(talk.warnings),
        )

    # The proof, and a trial

    def reading(self, context: RunContext, ground: Ground, copied: Copied) -> Reading:
        """Return how the destination is read back: by ourselves where it is a folder, else by rclone."""
        folder = folder_of(ground.destination, ground.target.folder, ground.target.below)
        if folder is not None:
            return FolderReading(root=str(folder), links=self.links == "keep")
        place = self._place(ground, context.surroundings, context.workspace)
        rules = self._write_rules(context)
        begin = (*place.argv, "--log-level", "ERROR", "--checkers", str(self.checkers))
        digests = (*begin, "hashsum", "sha256", "--download")
        return ProgramReading(
            argv=(*digests, "--filter-from", str(rules), "--", place.place),
            some_argv=(*digests, "--files-from-raw", "{list}", "--", place.place),
            sizes_argv=(
                *begin, "lsf", "--recursive", "--files-only", "--format", "sp",
                "--filter-from", str(rules), "--", place.place,
            ),
            environment=environment_for(place, context.workspace),
            algorithm="sha256",
            list_ends="line",
            names="rclone",
        )  # fmt: skip

    def leads_to_source(self, context: RunContext, ground: Ground, copied: Copied) -> bool:
        """Tell whether a sign that is sent to the destination appears in the source: servers may list what was there a while ago."""
        name = apart.name_of_sign(context)
        place = self._place(ground, context.surroundings, context.workspace)
        there = f"{place.place}{'' if place.place.endswith((':', '/')) else '/'}{name}"
        with apart.sign_in(context.workspace, name) as sign:
            self._carry(context, place, "apart", "copyto", str(sign), there)
        seen = apart.seen_in(ground.source, name, context.workspace / f"{name}-seen")
        self._carry(context, place, "apart-over", "deletefile", there)
        return seen

    def _carry(self, context: RunContext, place: Place, name: str, *words: str) -> None:
        """Let rclone do something with one file; raises EngineFailed where it cannot."""
        talk = Talk(lambda _: None, context.warn, context.error)
        verb, *ends = words
        argv = (*place.argv, "--use-json-log", "--retries", "3", verb, "--", *ends)
        ending = context.execute(self._order(argv, place, context), talk.hear, name=name)
        if ending.code != 0:
            raise failure(talk.judged(ending.code), talk.last_words)

    def would_do(self, context: RunContext, ground: Ground) -> Outcome:
        """Return what a run would do, and write nothing."""
        place = self._place(ground, context.surroundings, context.workspace)
        features = self._features(context, place)
        trial = rclone_trials.Trial(context.report, context.warn, context.error)
        argv = command_line(
            place,
            self._setting(features, None),
            ground.source,
            self._write_rules(context),
            dry=True,
        )
        ending = context.execute(
            self._order(argv, place, context), trial.hear, name="trial", on_latest=trial.glance
        )
        if ending.code != 0:
            raise failure(trial.judged(ending.code), trial.last_words)
        there = self._there_already(context, place, trial)
        result = trial.result(there, cut=ending.dropped > 0)
        return Outcome(result=result, warnings=trial.warnings)

    def _there_already(self, context: RunContext, place: Place, trial: rclone_trials.Trial) -> frozenset[str]:
        """Return which of the files that would be sent the destination has already."""
        if not trial.sent:
            return frozenset()
        asked = context.workspace / "rclone-asked"
        rclone_trials.write_private(asked, "".join(f"{name}\n" for name in trial.sent))
        talk = Talk(lambda _: None, lambda _: None, context.error)
        argv = (*place.argv, "lsf", "--recursive", "--files-only", "--files-from-raw", str(asked))
        ending = context.execute(
            self._order((*argv, "--", place.place), place, context), talk.hear, name="there"
        )
        if ending.code not in {0, 3}:
            raise EngineFailed("What is at the destination could not be listed.", transient=True)
        return frozenset(talk.out)


def _find_folder(ground: Ground) -> None:
    """Make what is missing below a destination that is a folder; raises EngineFailed where its disk is not mounted."""
    destination = ground.destination
    if destination is None or destination.type != "folder":
        return
    root = Path(str(destination.settings["path"]))
    if destination.settings.get("mounted") and marker_of(root) is None:
        message = f"The marker that says that {destination.name} is mounted is not in {root}."
        raise EngineFailed(message, hint="Is the disk mounted? Nothing was touched.", transient=True)
    find_here(root, ground.target.below)


def folder_of(destination: Destination | None, folder: Path | None, below: str) -> Path | None:
    """Return the folder of this machine that a copy goes to; None where it goes elsewhere."""
    if folder is not None:
        return folder
    if destination is not None and destination.type == "folder":
        return (
            Path(str(destination.settings["path"])) / below
            if below
            else Path(str(destination.settings["path"]))
        )
    return None


def reached_here(destination: Destination | None, below: str) -> Path | None:
    """Return the folder of this machine that rclone itself writes to for a destination; None where that is elsewhere."""
    if destination is None or destination.settings.get("backend") != "local":
        return None
    root = Path(str(destination.settings["path"]))
    return root / below if below and not destination.settings.get("encrypt") else root
