"""rsync: a folder carried to another folder or over ssh, then read back."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import Field

from core import clearing, guards
from core.clearing import apart
from core.copying.facts import free_space, measure
from core.copying.mounts import Mounts
from core.copying.patterns import BadPattern
from core.copying.refusals import (
    problem_with_source,
    problems_of,
    problems_with,
    problems_with_own,
    real_path,
)
from core.destinations.known import Destination
from core.engines.copies import CopyingEngine, Ground, now_ns
from core.processes.orders import Exit, Order
from core.proofs.values import FolderReading, Reading, RemoteRsyncReading
from core.remotes import rsync_trial, rsync_unfinished, rsync_version, ssh
from core.remotes.calls import Call, failure
from core.remotes.rsync_places import UMASK, find_here, find_there, has_there
from core.remotes.rsync_rules import NotForRsync, as_bytes, as_typed, literal, rules_for
from core.remotes.rsync_said import Listener
from core.remotes.rsync_troubles import trouble
from core.remotes.rsync_verdict import BUDGET, GOOD, PARTLY, judged
from core.sizes import size
from core.storage import atomic
from core.work import Copied, Fact, Outcome, RunContext, Surroundings

PARTIAL: Final = ".holdfast-partial"
"""Where a file that was cut off waits for the rest of it, in the folder that it belongs to."""

REPLACED: Final = "holdfast-replaced"
FEW: Final = 1_000
"""Files below which a run names each in the log."""

LOCAL: Final = {"PATH": ssh.PATH, "HOME": "/nonexistent", "LANG": "C.UTF-8"}
PRESETS: Final = {
    "archive": ("--archive",),
    "system": ("--archive", "--hard-links", "--acls", "--xattrs", "--numeric-ids"),
    "plain": ("--recursive", "--times", "--modify-window=2"),
}


class RsyncEngine(CopyingEngine):
    """Carries what is new or changed with rsync, then reads the destination back.

    What was cut off goes on where it was. A changed file is carried whatever its size; nothing is ever appended to.
    Nothing is removed at the destination unless the job is a mirror, and what a mirror replaces is kept.
    """

    kind: ClassVar = "rsync"
    label: ClassVar = "Copy with rsync"
    summary: ClassVar = (
        "A folder to another disk or over ssh, with everything that rsync keeps, read back afterwards."
    )
    harmless: ClassVar = (
        "No file at the destination was left half-written; what a mirror removed is beside it."
    )
    deletes: ClassVar = "Never, unless it is a mirror; what a mirror replaces is kept beside it"

    preset: Literal["archive", "system", "plain"] = Field(
        default="archive",
        title="What is kept",
        description="Beside the content of files",
        json_schema_extra={
            "widget": "choice",
            "group": "kept",
            "choices": {
                "archive": "Times, owners, rights, links: right for most",
                "system": "All there is, hard links, access lists and attributes too: for whole systems",
                "plain": "Names and times only, no links: for USB sticks and network shares",
            },
        },
    )
    hard_links: bool = Field(
        default=False,
        title="Hard links",
        description="Names of one file stay names of one file",
        json_schema_extra={"widget": "toggle", "group": "kept"},
    )
    acls: bool = Field(
        default=False,
        title="Access lists",
        description="Keep who else may do what, where both sides have such lists",
        json_schema_extra={"widget": "toggle", "group": "kept"},
    )
    xattrs: bool = Field(
        default=False,
        title="Extended attributes",
        description="Keep what programs note beside files, where both sides can",
        json_schema_extra={"widget": "toggle", "group": "kept"},
    )
    numeric_ids: bool = Field(
        default=False,
        title="Owners by number",
        description="Not by name, as where the names mean others",
        json_schema_extra={"widget": "toggle", "group": "kept"},
    )
    sparse: bool = Field(
        default=False,
        title="Sparse files",
        description="Long runs of zeros take no room",
        json_schema_extra={"widget": "toggle", "group": "kept"},
    )
    one_file_system: bool = Field(
        default=False,
        title="One file system",
        description="Not into what is mounted below the source",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    compress: bool = Field(
        default=False,
        title="Compress on the way",
        description="Over ssh only; for slow networks",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    compare: Literal["time", "content"] = Field(
        default="time",
        title="Compare by",
        description="What tells that a file has changed: its size and time, or its content",
        json_schema_extra={
            "widget": "choice",
            "group": "more",
            "choices": {"time": "Size and time", "content": "Content, read on both sides"},
        },
    )
    fsync: bool = Field(
        default=False,
        title="Write through",
        description="Each file is on the disk before the next begins; slower",
        json_schema_extra={"widget": "toggle", "group": "more"},
    )
    mirror: bool = Field(
        default=False,
        title="Mirror",
        description="Remove at the destination what the source no longer has",
        json_schema_extra={"widget": "toggle", "group": "mirror"},
    )
    remove_most: int = Field(
        default=1_000,
        ge=0,
        title="Remove at most",
        description="Files and folders one run may remove",
        json_schema_extra={"group": "mirror", "shown_if": {"mirror": True}},
    )

    @classmethod
    def off(cls, surroundings: Surroundings) -> str:  # noqa: ARG003 - wherever it is
        """Return why the kind cannot be used here; empty where it can."""
        if not rsync_version.program():
            return "rsync is not installed on this machine."
        found = rsync_version.version()
        return (
            "" if found is None or found >= rsync_version.OLDEST else "rsync is too old here: 3.1 is needed."
        )

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return what to leave out and keep; files that were cut off and what is ours are never copied."""
        return (*super().patterns, *clearing.LEFT_OUT, f"{PARTIAL}/")

    # Before a run

    def problems(self, surroundings: Surroundings) -> dict[str, str]:
        """Return what is wrong with each option, in words."""
        found = super().problems(surroundings)
        target = self.target
        destination = surroundings.destinations.find(target.destination_id) if target.destination_id else None
        if "destination" not in found:
            found |= self._problems_of_places(surroundings, destination)
        for field in ("exclude", "include"):
            if field not in found and (problem := _problem_of_rules(getattr(self, field))):
                found[field] = problem
        if self.mirror and (problem := self._problem_of_mirror(destination)):
            found["mirror"] = problem
        return found

    def _problems_of_places(
        self, surroundings: Surroundings, destination: Destination | None
    ) -> dict[str, str]:
        if destination is not None and destination.type not in {"folder", "ssh"}:
            return {
                "destination": f"rsync cannot write to {destination.name}; choose a folder or one over ssh."
            }
        if destination is not None and destination.type == "ssh":
            mounts = Mounts.here()
            found = problems_of("source", self.source, mounts, problem_with_source)
            return found or problems_with_own(self.source, Path("/nonexistent/remote"), surroundings.own_data)
        root, below = self._folder_of(destination), self.target.below
        place = root / below if (root / below).parent.is_dir() else root
        found = problems_with(self.source, place, surroundings.own_data)
        if below and not root.is_dir():
            found.setdefault("destination", f"There is no folder {root}. Is the disk mounted?")
        return found

    def _problem_of_mirror(self, destination: Destination | None) -> str:
        """Return why what a mirror replaces has no place beside the copy; empty where it has."""
        words = "What a mirror replaces is kept beside the copy, so the copy needs a folder of its own there:"
        if destination is not None:
            return "" if self.target.below else f"{words} write {destination.id}:name."
        folder = self.target.folder
        if folder is not None and os.path.ismount(folder):
            return f"{words} {folder} is a whole disk. Choose a folder below it."
        return ""

    def _folder_of(self, destination: Destination | None) -> Path:
        if destination is not None:
            return Path(str(destination.settings.get("path", "/nonexistent")))
        return self.target.folder or Path("/nonexistent")

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return what is in the source, and where the destination is."""
        problems = self.problems(surroundings)
        found = [Fact(field=field, good=False, text=text) for field, text in problems.items()]
        if "source" not in problems:
            seen = measure(self.source)
            more = "" if seen.whole else "more than "
            found.append(
                Fact(
                    field="source",
                    good=bool(seen.files),
                    text=f"{more}{seen.files:,} files, {size(seen.bytes)}",
                )
            )
        if "destination" not in problems:
            found.append(Fact(field="destination", good=True, text=self._destination_in_words(surroundings)))
        return tuple(found)

    def _destination_in_words(self, surroundings: Surroundings) -> str:
        destination = self.ground(surroundings).destination
        if destination is not None and destination.type == "ssh":
            return f"over ssh, {ssh.place_of(destination.settings, self.target.below)}"
        free = free_space(self._folder_of(destination))
        return f"a folder, {size(free)} free" if free is not None else "a folder"

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do, one sentence each, for people."""
        sentences = [f"Copies what is new or changed in {self.source} to {self.destination} with rsync."]
        if self.exclude:
            sentences.append(f"Leaves out what matches {', '.join(self.exclude)}.")
        if self.mirror:
            sentences.append(
                f"Removes there what the source no longer has, at most {self.remove_most:,}; "
                "what is removed or replaced is kept in a dated folder beside the copy."
            )
        else:
            sentences.append("Removes nothing: files that only the destination has stay there.")
        proofs = {
            "full": "Then reads every file back from the destination and compares it.",
            "sample": "Then reads back a random sample and says of how much that makes us sure.",
            "fast": "Then looks at sizes and times only; that does not count as verified.",
        }
        return (*sentences, proofs[self.verify])

    def command_in_words(self, surroundings: Surroundings) -> tuple[str, ...]:
        """Return what a person would type to do the same; rules stand in it, each as an option."""
        ground = self.ground(surroundings)
        call = self._call(ground, surroundings)
        rules = [f"--filter={rule}" for rule in self._rules(surroundings)]
        argv = (
            *call.argv,
            *self._wishes(ground),
            *self._removal(ground, call, "DATE", self.remove_most),
            *rules,
        )
        return (" ".join(as_typed(word) for word in (*argv, "--", *self._ends(call))),)

    # A run

    def copy_all(self, context: RunContext, ground: Ground) -> Copied:
        """Carry everything over."""
        call = self._call(ground, context.surroundings)
        self._find_place(context, ground, call)
        self._tidy(context, ground, call)
        allowed = guards.allowance(context, self) if self.mirror else None
        if allowed is not None and allowed < self.remove_most:
            self._ask_before_removing(context, ground, call, allowed)
        budget = self.remove_most if allowed is None else min(allowed, self.remove_most)
        named = context.note("rsync").get("files", FEW) < FEW
        options = (
            *self._removal(ground, call, _date_of(context), budget),
            self._filter(context),
            "--info=progress2,stats2",
            "--outbuf=L",
            "--no-human-readable",
            *(("--out-format=%i %n",) if named else ()),
        )
        heard = Listener(context.report, str(self.source))

        def start(name: str, seconds: float | None) -> Exit:
            heard.begin()
            order = Order(
                argv=(*call.argv, *self._wishes(ground), *options, "--", *self._ends(call)),
                folder="/",
                environment=call.environment,
                umask=UMASK,
                time_limit=seconds,
            )
            return context.execute(order, heard.hear, name=name, on_latest=heard.glance)

        ending = self.paced(context, start)
        if ending.code is not None:
            rsync_unfinished.ended(context)
        warnings = judged(ending, heard)
        if ending.code == BUDGET:
            warnings = (*warnings, self._over_budget(context, allowed, budget))
        context.take_note("rsync", {"files": heard.files})
        return Copied(
            since_ns=int(ending.started_at.timestamp() * 1_000) * 1_000_000,
            files=heard.files,
            bytes=heard.bytes,
            removed=heard.removed,
            total_files=heard.total_files,
            total_bytes=heard.total_bytes,
            result={"unchanged": max((heard.total_files or 0) - heard.files, 0)},
            warnings=warnings,
        )

    def _tidy(self, context: RunContext, ground: Ground, call: Call) -> None:
        """Remove what a rsync that was killed has left in a copy on this machine."""
        since_ns = rsync_unfinished.begin(context, now_ns())
        if since_ns is None or _is_far(ground) or not Path(call.place).is_dir():
            return
        count = rsync_unfinished.removed_from(Path(call.place), self.source, since_ns)
        if count:
            noun = "file" if count == 1 else "files"
            context.info(f"{count:,} unfinished {noun} of a rsync that was killed went from the destination.")

    def _ask_before_removing(self, context: RunContext, ground: Ground, call: Call, allowed: int) -> None:
        """Count what a mirror would remove, and raise RunHeld where that is more than a guard lets it."""
        argv = (
            *call.argv,
            "--dry-run",
            *self._wishes(ground),
            "--delete",
            self._filter(context),
            "--info=stats2",
            "--no-human-readable",
        )
        heard = Listener(lambda _: None, str(self.source))
        order = Order(argv=(*argv, "--", *self._ends(call)), folder="/", environment=call.environment)
        ending = context.execute(order, heard.count, name="count")
        if ending.code not in {*GOOD, PARTLY}:
            raise failure(trouble(ending.code, heard.said), heard.last_words)
        if heard.all_removed > allowed:
            guards.hold_removals(context, allowed=allowed, wanted=heard.all_removed)

    def _over_budget(self, context: RunContext, allowed: int | None, budget: int) -> str:
        """Return what to say of a mirror that reached its limit; raises RunHeld where the limit was the guards'."""
        if allowed is not None and allowed == budget < self.remove_most:
            guards.hold_removals(context, allowed=allowed)
        return f"{budget:,} were removed at the destination, which is all one run may; the rest stayed there."

    def reading(self, context: RunContext, ground: Ground, copied: Copied) -> Reading:
        """Return how the destination is read back."""
        call = self._call(ground, context.surroundings)
        if not _is_far(ground):
            return FolderReading(root=call.place, links=self.preset != "plain")
        argv = (*call.argv, *self._wishes(ground), self._filter(context))
        return RemoteRsyncReading(argv=argv, place=f"{call.place}/", environment=call.environment)

    def leads_to_source(self, context: RunContext, ground: Ground, copied: Copied) -> bool:
        """Tell whether a sign that lies in the source is seen at the destination."""
        name = apart.name_of_sign(context)
        with apart.sign_in(ground.source, name):
            return has_there(context, self._call(ground, context.surroundings), name)

    def would_do(self, context: RunContext, ground: Ground) -> Outcome:
        """Return what a run would do, and write nothing."""
        call = self._call(ground, context.surroundings)
        removal = ("--delete", f"--max-delete={self.remove_most}") if self.mirror else ()
        argv = (
            *call.argv,
            "--dry-run",
            *self._wishes(ground),
            *removal,
            self._filter(context),
            rsync_trial.FORMAT,
        )
        heard = rsync_trial.Trial()
        order = Order(argv=(*argv, "--", *self._ends(call)), folder="/", environment=call.environment)
        ending = context.execute(order, heard.hear, name="trial")
        if ending.code not in GOOD:
            raise failure(trouble(ending.code, heard.errors))
        return Outcome(result=heard.result(cut=ending.dropped > 0))

    def _find_place(self, context: RunContext, ground: Ground, call: Call) -> None:
        destination, below = ground.destination, ground.target.below
        if destination is None:
            return
        if destination.type == "ssh":
            find_there(context, call, ssh.call(destination, context.surroundings.destinations), below)
        else:
            find_here(self._folder_of(destination), below)

    # What rsync is told

    def _call(self, ground: Ground, surroundings: Surroundings) -> Call:
        """Return the program, and the place in its words."""
        if ground.destination is not None and ground.destination.type == "ssh":
            return ssh.call(ground.destination, surroundings.destinations, ground.target.below)
        root = self._folder_of(ground.destination)
        return Call(argv=("rsync",), environment=LOCAL, place=str(root / ground.target.below))

    def _ends(self, call: Call) -> tuple[str, str]:
        return f"{str(self.source).rstrip('/')}/", f"{call.place.rstrip('/')}/"

    def _wishes(self, ground: Ground) -> tuple[str, ...]:
        """Return the options that say what is carried and how. None of them removes or appends anything."""
        options = ["--secluded-args" if _has((3, 2, 6)) else "--protect-args", *PRESETS[self.preset]]
        flags = {
            "--hard-links": self.hard_links,
            "--acls": self.acls,
            "--xattrs": self.xattrs,
            "--numeric-ids": self.numeric_ids,
            "--sparse": self.sparse,
            "--one-file-system": self.one_file_system,
            "--compress": self.compress and _is_far(ground),
            "--checksum": self.compare == "content",
            "--fsync": self.fsync and _has(rsync_version.SYNCS_FILES),
        }
        options += [flag for flag, wanted in flags.items() if wanted and flag not in options]
        options.append(f"--partial-dir={PARTIAL}")
        if (rate := self.rate_now(self.bandwidth_limit)) is not None:
            options.append(f"--bwlimit={max(rate // 1024, 1)}")
        return tuple(options)

    def _removal(self, ground: Ground, call: Call, date: str, budget: int) -> tuple[str, ...]:
        """Return the options of a mirror; none where the job is not one."""
        if not self.mirror:
            return ()
        name = call.place.rstrip("/").rpartition("/")[2]
        aside = f"{name}.{REPLACED}/{date}"
        folder = f"../{aside}" if _is_far(ground) else str(Path(call.place).parent / aside)
        return (
            "--delete-delay",
            f"--max-delete={budget}",
            "--backup",
            f"--backup-dir={folder}",
        )

    def _rules(self, surroundings: Surroundings) -> tuple[str, ...]:
        """Return what rsync leaves out: what is ours, and what the patterns say."""
        before = ["- /.holdfast-*"]
        own = real_path(surroundings.own_data)
        source = real_path(self.source)
        if own.is_relative_to(source):
            before.append(f"- /{literal(str(own.relative_to(source)))}/")
        return (*before, *rules_for(self.patterns))

    def _filter(self, context: RunContext) -> str:
        """Return the option that names the file of the rules, written anew."""
        path = context.workspace / "rules"
        with atomic.storage_errors("The rules for rsync could not be written"):
            atomic.write_whole(
                path, b"".join(as_bytes(rule) + b"\n" for rule in self._rules(context.surroundings))
            )
        return f"--filter=merge {path}"


def _is_far(ground: Ground) -> bool:
    return ground.destination is not None and ground.destination.type == "ssh"


def _has(version: tuple[int, ...]) -> bool:
    return (rsync_version.version() or ()) >= version


def _date_of(context: RunContext) -> str:
    """Return the name of the folder for what a run replaces."""
    return f"{datetime.fromtimestamp(now_ns() // 1_000_000_000, UTC):%Y-%m-%d}-{context.run_id[:8]}"


def _problem_of_rules(patterns: Sequence[str]) -> str:
    try:
        rules_for(patterns)
    except NotForRsync as error:
        return str(error)
    except BadPattern:
        return ""  # the frame says so itself
    return ""
