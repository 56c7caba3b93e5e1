"""The built-in copy: a mirror of a folder that is proved to be good."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from core import clearing, guards, proofs, steps
from core.clearing.names import OURS
from core.clearing.wishes import ClearingWishes
from core.copying.facts import free_space, measure
from core.copying.mirror import mirror
from core.copying.pace_wishes import PaceWishes
from core.copying.pattern_wishes import PatternWishes
from core.copying.patterns import lines_for
from core.copying.refusals import problems_with
from core.copying.sampling import percent
from core.copying.trial import TrialWishes
from core.copying.wishes import Report, Wishes
from core.destinations.known import Destination, Target, target_in
from core.destinations.marker import marker_of
from core.engines.base import Engine
from core.engines.copy_trial import trial_of
from core.errors import EngineFailed, InvalidOptions
from core.guards.wishes import GuardWishes
from core.models import NOTHING
from core.proofs.values import FolderReading, ProofWishes
from core.proofs.wishes import ProvingWishes
from core.remotes.rsync_places import find_here
from core.remotes.rsync_rules import as_typed, rules_for
from core.sizes import size
from core.steps.wishes import StepWishes
from core.storage.marker import read_marker
from core.work import Copied, Fact, Outcome, RunContext, Surroundings


class CopyEngine(StepWishes, GuardWishes, ClearingWishes, ProvingWishes, PaceWishes, PatternWishes, Engine):
    """Copies what is new or changed, then proves that the copy is good.

    An attempt that follows a broken one goes on where it stopped. Nothing is removed at the
    destination but what an earlier attempt left there unfinished. A change of nothing but extended
    attributes or access rules is carried over when comparing by content, not by time.
    """

    kind: ClassVar = "copy"
    label: ClassVar = "Copy a folder"
    summary: ClassVar = "A verified mirror of a folder, on this machine or a mounted disk. Built in."
    stages: ClassVar = ("scan", "copy", "verify", "delete")
    harmless: ClassVar = "Nothing at the destination was removed or left half-written."
    deletes: ClassVar = "Never, extra files stay at the destination"
    can_pause: ClassVar = True
    repeatable: ClassVar = True
    proves: ClassVar = True
    can_rehearse: ClassVar = True

    source: Path = Field(
        title="Source",
        description="Folder to copy from",
        json_schema_extra={"widget": "folder", "group": "what"},
    )
    destination: Path = Field(
        title="Destination",
        description="Folder to copy into, its last part is made if it is missing; or a destination that is a folder: disk:photos",
        json_schema_extra={"widget": "place", "group": "what"},
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

    @property
    def target(self) -> Target | None:
        """Return where the copy goes; None where the option says nothing of the kind."""
        if self.destination.is_absolute():
            return Target("", "", self.destination)
        try:
            return target_in(str(self.destination))
        except ValueError:
            return None

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return what to leave out and keep, as lines of a .gitignore."""
        return lines_for(self.exclude, self.include)

    @property
    def reaches(self) -> tuple[str, ...]:
        """Return the destination, for the breaker that all jobs to it share; none for a plain folder."""
        target = self.target
        return (
            (f"destination:{target.destination_id}",) if target is not None and target.destination_id else ()
        )

    @property
    def needs_admin(self) -> bool:
        """Tell whether only an admin may give a job these options."""
        return steps.are_commands(self)

    def check(self, surroundings: Surroundings) -> None:
        """Raise InvalidOptions if these folders or patterns cannot be used."""
        problems = self._problems(surroundings)
        if problems:
            raise InvalidOptions({f"options.{field}": text for field, text in problems.items()})

    def _problems(self, surroundings: Surroundings) -> dict[str, str]:
        """Return what is wrong with each option, in words."""
        found = {**steps.problems(self, self.source), **clearing.problems(self, self.verify, self.source)}
        return found | self._problems_of_places(surroundings) | self.bad_patterns()

    def _problems_of_places(self, surroundings: Surroundings) -> dict[str, str]:
        destination, below = self._destination_in(surroundings)
        if destination is None:
            found = problems_with(self.source, self.destination, surroundings.own_data)
            if self.target is not None and self.target.destination_id and "destination" in found:
                found["destination"] += (
                    f" Or name a destination; there is none called {self.target.destination_id}."
                )
            return found
        if destination.type != "folder":
            return {
                "destination": f"{destination.name} is no folder of this machine; choose another kind of job for it."
            }
        root = _root_of(destination)
        place = root / below if (root / below).parent.is_dir() else root
        found = problems_with(self.source, place, surroundings.own_data)
        if not root.is_dir():
            found.setdefault("destination", f"There is no folder {root}. Is the disk mounted?")
        return found

    def _destination_in(self, surroundings: Surroundings) -> tuple[Destination | None, str]:
        """Return the destination that the option names, and the path below it; None where it names a folder or nothing."""
        target = self.target
        if target is None or not target.destination_id:
            return None, ""
        return surroundings.destinations.find(target.destination_id), target.below

    def folder(self, surroundings: Surroundings) -> Path:
        """Return the folder that is copied into."""
        destination, below = self._destination_in(surroundings)
        return self.destination if destination is None else _root_of(destination) / below

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return what is in the source, where the destination is, and whether the patterns are."""
        problems = self._problems(surroundings)
        found = [Fact(field=field, good=False, text=text) for field, text in problems.items()]
        if "source" not in problems:
            found.append(self._source_fact())
        if "destination" not in problems:
            found.append(_fact_of(self.folder(surroundings)))
        if self.exclude and "exclude" not in problems:
            count = len(self.exclude)
            text = f"{count} pattern{'s' if count > 1 else ''}, readable"
            found.append(Fact(field="exclude", good=True, text=text))
        return tuple(found)

    def _source_fact(self) -> Fact:
        found = measure(self.source)
        more = "" if found.whole else "more than "
        noun = "file" if found.files == 1 else "files"
        text = f"{more}{found.files:,} {noun}, {size(found.bytes)}"
        if found.unreadable:
            text += f", {found.unreadable:,} folders cannot be read"
        elif found.whole and not found.files:
            text = "no files; is the disk mounted?"
        else:
            text += ", readable"
        return Fact(field="source", good=bool(found.files) and not found.unreadable, text=text)

    def command_in_words(self, surroundings: Surroundings) -> tuple[str, ...]:
        """Return what a person would type: rsync does much the same as the built-in copy, and diff reads both sides."""
        lines = lines_for(self.exclude, self.include)
        rules = [f"--filter={rule}" for rule in rules_for((*lines, *guards.NEVER_COPIED))]
        limit = [f"--bwlimit={max(self.bandwidth_limit // 1024, 1)}"] if self.bandwidth_limit else []
        how = ["--checksum"] if self.compare == "content" else []
        source, destination = f"{self.source}/", str(self.destination)
        argv = [
            "rsync",
            "--archive",
            "--hard-links",
            "--xattrs",
            *how,
            *limit,
            *rules,
            "--",
            source,
            destination,
        ]
        compared = ["diff", "--recursive", "--no-dereference", "--", source, destination]
        typed = [argv, compared] if self.verify == "full" else [argv]
        return tuple(" ".join(map(as_typed, words)) for words in typed)

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do."""
        sentences = [f"Copies what is new or changed in {self.source} to {self.destination}."]
        if self.compare == "content":
            sentences.append("Reads both sides to see what has changed.")
        if self.exclude:
            sentences.append(f"Leaves out what matches {', '.join(self.exclude)}.")
        sentences.append("Removes nothing: files that only the destination has stay there.")
        sentences.append(self._proof_in_words())
        if self.delete_source:
            sentences.append("Then reads every file once more and takes away from the source what is equal.")
        return tuple(sentences)

    def _proof_in_words(self) -> str:
        if self.verify == "full":
            return "Then reads every file back from the destination and compares it."
        if self.verify == "fast":
            return "Then looks at sizes and times only; that does not count as verified."
        sure, share = percent(self.sample_confidence), percent(self.sample_good_share)
        return f"Then reads back a random sample, to be {sure} sure that {share} of the files are good."

    def rehearse(self, context: RunContext) -> Outcome:
        """Find out what a run would do: a program of ours looks at both sides and writes nothing."""
        self.check(context.surroundings)
        wishes = TrialWishes(
            source=str(self.source),
            destination=str(self.folder(context.surroundings)),
            patterns=self.patterns,
            content=self.compare == "content",
            left_out=(str(context.surroundings.own_data),),
            own_names=OURS,
        )
        return trial_of(context, wishes)

    # A run

    def run(self, context: RunContext) -> Outcome:
        """Make one attempt."""
        self.check(context.surroundings)
        folder, target = self._found(context.surroundings), self.target or Target("", "", self.destination)
        sides = guards.Sides(
            source=self.source,
            target=target,
            patterns=self.patterns,
            clears=self.delete_source,
            marks=read_marker(context.surroundings.own_data / "store.yaml") is not None,
        )
        guards.before(context, self, sides)
        # The proof carries over what changed meanwhile, so it too belongs to what the steps hold still.
        with steps.around(context, self) as done:
            since_ns = time.time_ns()
            report = mirror(self._wishes(folder), context, left_out=(context.surroundings.own_data,))
        copied = guards.after(context, self, sides, done.told(_copied(report, since_ns)))
        cleared = self._clear(context, folder, target, copied)
        result = {**report.result, "removed": 0, **({"deletion": dict(cleared)} if cleared else {})}
        return Outcome(result=result, warnings=(*copied.warnings, *cleared.get("warnings", ())))

    def _found(self, surroundings: Surroundings) -> Path:
        """Return the folder to copy into, with all that is missing below its destination; raises EngineFailed."""
        destination, below = self._destination_in(surroundings)
        if destination is None:
            return self.destination
        root = _root_of(destination)
        if destination.settings.get("mounted") and marker_of(root) is None:
            message = f"The marker that says that {destination.name} is mounted is not in {root}."
            raise EngineFailed(message, hint="Is the disk mounted? Nothing was touched.", transient=True)
        find_here(root, below)
        return root / below

    def _clear(self, context: RunContext, folder: Path, target: Target, copied: Copied) -> Mapping[str, Any]:
        """Read all of it once more, file by file, and take away from the source what that proves."""
        if not self.delete_source:
            return NOTHING
        wishes = ProofWishes(
            source=str(self.source),
            reading=FolderReading(root=str(folder)),
            verify="full",
            patterns=(*self.patterns, *clearing.LEFT_OUT),
            since_ns=copied.since_ns,
            folders_left_out=(str(context.surroundings.own_data),),
        )
        proof = proofs.prove(context, wishes)
        if not self.clears_each:
            proofs.insist(proof, copied)
        cleared = clearing.clear(
            context, self, self.source, target, proof, roots=(str(folder),), warnings=copied.warnings
        )
        proofs.insist(proof, copied, cleared)
        return cleared

    def _wishes(self, folder: Path) -> Wishes:
        return Wishes(
            source=self.source,
            destination=folder,
            verify=self.verify,
            content=self.compare == "content",
            patterns=self.patterns,
            own_names=OURS,
            bandwidth_limit=self.bandwidth_limit,
            bandwidth_times=self.bandwidth_times,
            confidence=self.sample_confidence,
            good_share=self.sample_good_share,
        )


def _copied(report: Report, since_ns: int) -> Copied:
    result = report.result
    return Copied(
        since_ns=since_ns,
        files=result["copied"],
        bytes=result["copied_bytes"],
        total_files=result["files"],
        total_bytes=result["bytes"],
        result=result,
        warnings=report.warnings,
    )


def _root_of(destination: Destination) -> Path:
    return Path(str(destination.settings.get("path", "/nonexistent")))


def _fact_of(folder: Path) -> Fact:
    """Return what is to be known of the folder that is copied into."""
    exists = folder.is_dir()
    place = folder if exists else folder.parent
    writable = os.access(place, os.W_OK | os.X_OK)
    free = free_space(folder)
    parts = ["exists" if exists else "will be made"]
    parts += [f"{size(free)} free"] if free is not None else []
    parts.append("writable" if writable else "cannot be written")
    return Fact(field="destination", good=writable, text=", ".join(parts))
