"""What the kinds that carry a folder somewhere by a program have in common: one order of steps, one proof, one set of rules."""

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from msgspec import to_builtins
from pydantic import Field

from core import clearing, guards, proofs, steps
from core.clearing import apart
from core.clearing.wishes import ClearingWishes
from core.copying.pace_wishes import PaceWishes
from core.copying.pattern_wishes import PatternWishes
from core.copying.patterns import lines_for
from core.destinations.known import Destination, Target, target_in
from core.destinations.place import Place
from core.engines.base import Engine
from core.engines.carried import all_told
from core.errors import EngineFailed, InvalidOptions
from core.guards.wishes import GuardWishes
from core.models import NOTHING, Value
from core.packed import thawed
from core.processes.orders import Exit
from core.proofs.values import Proof, ProofWishes, Reading
from core.proofs.wishes import ProvingWishes
from core.steps.wishes import StepWishes
from core.work import Copied, Outcome, RunContext, RunStopped, Surroundings


class Ground(Value, frozen=True, kw_only=True):
    """Where a run works: the folder it reads, and the place it writes to, found and checked."""

    source: Path
    target: Target
    destination: Destination | None = None


class CopyingEngine(
    StepWishes, GuardWishes, ClearingWishes, ProvingWishes, PaceWishes, PatternWishes, Engine
):
    """Carries a folder somewhere by a program, then reads the destination back.

    Every part that runs outside of memory is a program of the attempt, so a restart of Holdfast takes it up.
    """

    stages: ClassVar[Sequence[str]] = ("prepare", "copy", "verify", "delete")
    can_pause: ClassVar = True
    repeatable: ClassVar = True
    uses_programs: ClassVar = True
    proves: ClassVar = True
    can_rehearse: ClassVar = True

    source: Path = Field(
        title="Source",
        description="Folder to copy from",
        json_schema_extra={"widget": "folder", "group": "what"},
    )
    destination: Place = Field(
        title="Destination",
        description="A folder of this machine, or a destination with a path below it: nas:photos",
        json_schema_extra={"widget": "place", "group": "what"},
    )

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return what to leave out and keep, as lines of a .gitignore."""
        return (*lines_for(self.exclude, self.include), *guards.NEVER_COPIED, *clearing.LEFT_OUT)

    @property
    def target(self) -> Target:
        """Return where the copy goes."""
        return target_in(self.destination)

    @property
    def reaches(self) -> tuple[str, ...]:
        """Return the destination, for the breaker that all jobs to it share."""
        target = self.target
        return (f"destination:{target.destination_id}",) if target.destination_id else ()

    @property
    def needs_admin(self) -> bool:
        """Tell whether only an admin may give a job these options."""
        return self.admin_only or steps.are_commands(self)

    def check(self, surroundings: Surroundings) -> None:
        """Raise InvalidOptions if these options cannot work here."""
        problems = self.problems(surroundings)
        if problems:
            raise InvalidOptions({f"options.{field}": text for field, text in problems.items()})

    def problems(self, surroundings: Surroundings) -> dict[str, str]:
        """Return what is wrong with each option, in words; a kind adds its own."""
        found = {**steps.problems(self, self.source), **self.bad_patterns()}
        target = self.target
        if target.destination_id and surroundings.destinations.find(target.destination_id) is None:
            found["destination"] = (
                f"There is no destination {target.destination_id!r}. Make it first, or choose another."
            )
        mirror = getattr(self, "mirror", False)
        if mirror and (folder := self._folder_here(surroundings)) and clearing.has_only_copies(folder):
            found["mirror"] = (
                f"{folder} has copies of files that a job took away from their source; a mirror would remove them. "
                "Mirror into another folder."
            )
        return found | clearing.problems(self, self.verify, self.source, mirror=mirror)

    def _folder_here(self, surroundings: Surroundings) -> Path | None:
        """Return the folder of this machine that the copy goes to; None where it goes elsewhere."""
        target = self.target
        destination = surroundings.destinations.find(target.destination_id) if target.destination_id else None
        if destination is None or destination.type != "folder":
            return target.folder
        return Path(str(destination.settings.get("path", "/nonexistent"))) / target.below

    def ground(self, surroundings: Surroundings) -> Ground:
        """Return where a run works; raises EngineFailed where its destination is gone."""
        target = self.target
        destination = surroundings.destinations.find(target.destination_id) if target.destination_id else None
        if target.destination_id and destination is None:
            message = f"There is no destination {target.destination_id!r} any more."
            raise EngineFailed(message, hint="Make it again, or give the job another one.")
        return Ground(source=self.source, target=target, destination=destination)

    # What a kind adds

    @abstractmethod
    def copy_all(self, context: RunContext, ground: Ground) -> Copied:
        """Carry everything over with the program. Raises EngineFailed, or RunStopped when asked to stop."""

    @abstractmethod
    def reading(self, context: RunContext, ground: Ground, copied: Copied) -> Reading:
        """Return how the destination is read back."""

    def leads_to_source(self, context: RunContext, ground: Ground, copied: Copied) -> bool:
        """Tell whether a destination that only a program reaches is the source itself or lies in it, by another way."""
        return False

    @abstractmethod
    def would_do(self, context: RunContext, ground: Ground) -> Outcome:
        """Return what a run would do, as `rehearse` says it, and write nothing."""

    def rehearse(self, context: RunContext) -> Outcome:
        """Find out what a run would do, and write nothing: no step, no guard's note, no deletion."""
        self.check(context.surroundings)
        return self.would_do(context, self.ground(context.surroundings))

    def paced(
        self, context: RunContext, start: Callable[[str, float | None], Exit], name: str = "copy"
    ) -> Exit:
        """Run a program that takes up where it was; at a change of the limit it is ended and started with the new one.

        `start` runs the program of a name, with the limit of the moment, for so many seconds at most.
        """
        part = 1
        while True:
            try:
                seconds = self.seconds_at_this_rate(self.bandwidth_limit)
                return start(name if part == 1 else f"{name}-{part}", seconds)
            except RunStopped as stopped:
                if stopped.asked != "timeout" or context.asked is not None:
                    raise
                context.info("The limit changes at this hour: the program goes on with the new one.")
                part += 1

    def prove(self, context: RunContext, ground: Ground, copied: Copied) -> Proof:
        """Read the destination back; a kind may add proofs of its own."""
        return proofs.prove(context, self._proof_wishes(context, ground, copied))

    def _proof_wishes(self, context: RunContext, ground: Ground, copied: Copied) -> ProofWishes:
        return ProofWishes(
            source=str(ground.source),
            reading=self.reading(context, ground, copied),
            verify=self.verify,
            patterns=self.patterns,
            since_ns=copied.since_ns,
            confidence=self.sample_confidence,
            good_share=self.sample_good_share,
            folders_left_out=(str(context.surroundings.own_data),),
        )

    # One order of steps for all of them

    def run(self, context: RunContext) -> Outcome:
        """Make one attempt."""
        self.check(context.surroundings)
        ground = self.ground(context.surroundings)
        sides = guards.Sides(
            source=ground.source, target=ground.target, patterns=self.patterns, clears=self.delete_source
        )
        guards.before(context, self, sides)
        with steps.around(context, self) as done:
            copied = self.copy_all(context, ground)
        copied = guards.after(context, self, sides, done.told(copied))
        copied = all_told(context, copied)
        proof = self.prove(context, ground, copied)
        if not self.clears_each:
            proofs.insist(proof, copied)
        cleared = self.clear(context, ground, copied, proof)
        proofs.insist(proof, copied, cleared)
        return outcome_of(copied, proof, cleared)

    def clear(self, context: RunContext, ground: Ground, copied: Copied, proof: Proof) -> Mapping[str, Any]:
        """Take away from the source what was proved, where the job says so."""
        if not self.delete_source:
            return NOTHING
        roots = self.roots_apart(context, ground, copied)
        return clearing.clear(
            context, self, ground.source, ground.target, proof, roots=roots, warnings=copied.warnings
        )

    def roots_apart(self, context: RunContext, ground: Ground, copied: Copied) -> tuple[str, ...]:
        """Return the folders in which copies are read back by us; raises EngineFailed where there is no copy but the source."""
        roots = clearing.roots_in(self.reading(context, ground, copied))
        if not roots and self.leads_to_source(context, ground, copied):
            raise apart.refused(ground.source, self.destination)
        return roots


def now_ns() -> int:
    """Return the time on the clock of the system, by which files are dated, in nanoseconds."""
    return time.time_ns()


def outcome_of(copied: Copied, proof: Proof, cleared: Mapping[str, Any]) -> Outcome:
    """Return what a run has to show."""
    verification = to_builtins(proof, enc_hook=thawed) | {"mode": proof.mode}
    verification.pop("records")
    warnings = verification.pop("warnings")
    result = {
        **copied.result,
        "files": proof.files,
        "bytes": proof.bytes,
        "copied": copied.files,
        "copied_bytes": copied.bytes,
        "removed": copied.removed,
        "verified": proof.verified,
        "verification": verification,
    }
    if cleared:
        result["deletion"] = dict(cleared)
        warnings = (*warnings, *cleared.get("warnings", ()))
    return Outcome(result=result, warnings=(*copied.warnings, *warnings))
