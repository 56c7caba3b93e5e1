"""Several copies of one folder: each by its own program, to its own destination, with its own proof."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar

from pydantic import AfterValidator, Field

from core import clearing, guards, proofs, steps
from core.clearing.wishes import ClearingWishes
from core.copying.pace_wishes import PaceWishes, Rate
from core.copying.pattern_wishes import PatternWishes
from core.destinations.known import target_in
from core.engines.base import Engine
from core.engines.carried import all_told
from core.engines.copies import CopyingEngine, Ground, outcome_of
from core.errors import EngineFailed, HoldfastError, InvalidOptions, StorageFailed, Unreachable
from core.guards.wishes import GuardWishes
from core.models import Failure
from core.parts import Part, PartContext, PartDone, Together, all_of, part_in, proved_by_all
from core.proofs.values import Proof, Verify
from core.steps.wishes import StepWishes
from core.work import Copied, Outcome, RunContext, RunHeld, RunStopped, Surroundings

MOST_COPIES = 8
SHARED = frozenset({"exclude", "include", "bandwidth_limit", "bandwidth_times"})
"""Options of the whole job that a kind may say more about."""


PartEnd = PartDone | RunHeld
"""How a part ended: made or failed, or with a question."""

Tried = TypeVar("Tried")


class Carried(NamedTuple):
    """A copy that was carried over and is to be proved."""

    part: Part
    context: PartContext
    engine: CopyingEngine
    ground: Ground
    copied: Copied


def _as_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    for number, line in enumerate(lines, 1):
        part_in(number, line, SeveralEngine.kinds)
    return lines


Lines = Annotated[tuple[str, ...], AfterValidator(_as_lines)]


class SeveralEngine(StepWishes, GuardWishes, ClearingWishes, PaceWishes, PatternWishes, Engine):
    """Makes several copies of one folder, each by a program of its own, and proves each by itself.

    One that fails does not keep the others from being made; the run fails then, and its next attempt makes
    only what is missing. The source is deleted only when every copy is proved.
    """

    kind: ClassVar = "several"
    label: ClassVar = "Several copies of a folder"
    summary: ClassVar = (
        "To the NAS with rsync and to the cloud with restic: one job, each copy proved by itself."
    )
    stages: ClassVar = ("prepare", "copy", "verify", "delete")
    harmless: ClassVar = "Copies that were made before stay as they are."
    can_pause: ClassVar = True
    repeatable: ClassVar = True
    uses_programs: ClassVar = True
    proves: ClassVar = True
    can_rehearse: ClassVar = True
    kinds: ClassVar[Mapping[str, type[CopyingEngine]]] = {}

    source: Path = Field(
        title="Source",
        description="Folder to copy from",
        json_schema_extra={"widget": "folder", "group": "what"},
    )
    copies: Lines = Field(
        min_length=1,
        max_length=MOST_COPIES,
        title="Copies",
        description="One a line: the kind, where to, and how it is proved: rsync nas:photos full",
        json_schema_extra={"widget": "patterns", "group": "what"},
    )
    side_by_side: bool = Field(
        default=False,
        title="Side by side",
        description="Make all copies at the same time instead of one after the other",
        json_schema_extra={"widget": "toggle", "group": "what"},
    )
    bandwidth_limit: Rate = Field(
        default=None,
        title="Limit",
        description="Bytes a second of each copy at most, or words such as 10 MB/s; empty is as fast as it can",
        json_schema_extra={"widget": "rate", "group": "more"},
    )
    kind_options: dict[str, dict[str, Any]] = Field(
        default={},
        title="Options by kind",
        description="Further options of the kinds, as in their own jobs: {restic: {tags: [photos]}}",
        json_schema_extra={"widget": "json", "group": "more"},
    )

    @classmethod
    def made_of(cls, kinds: Mapping[str, type[CopyingEngine]]) -> type[Self]:
        """Say which kinds copies can be of."""
        cls.kinds = kinds
        return cls

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return the copies to make."""
        return tuple(part_in(number, line, self.kinds) for number, line in enumerate(self.copies, 1))

    @property
    def reaches(self) -> tuple[str, ...]:
        """Return nothing: one destination that cannot be reached must not hold the other copies back."""
        return ()

    @property
    def destinations(self) -> tuple[str, ...]:
        """Return the ids of the destinations that the copies go to."""
        found = (target_in(part.destination).destination_id for part in self.parts)
        return tuple(destination_id for destination_id in found if destination_id)

    @property
    def needs_admin(self) -> bool:
        """Tell whether only an admin may give a job these options, or those of one of its copies."""
        return steps.are_commands(self) or any(map(self._part_needs_admin, self.parts))

    def _part_needs_admin(self, part: Part) -> bool:
        try:
            return self.engine_of(part).needs_admin
        except ValueError:  # `check` says so
            return False

    def engine_of(self, part: Part) -> CopyingEngine:
        """Return the engine of a copy; raises pydantic's ValidationError, a ValueError."""
        more = self.kind_options.get(part.kind, {})
        proof = {"verify": part.verify} if part.verify else {}
        shared = {
            "bandwidth_limit": self.bandwidth_limit,
            "bandwidth_times": self.bandwidth_times,
            "guard_changes": self.guard_changes,
        }
        patterns = {
            name: (*mine, *_patterns_in(more.get(name, ())))
            for name, mine in (("exclude", self.exclude), ("include", self.include))
        }
        own = {"source": str(self.source), "destination": part.destination}
        return self.kinds[part.kind].model_validate({**shared, **more, **patterns, **own, **proof})

    def check(self, surroundings: Surroundings) -> None:
        """Raise InvalidOptions if these options cannot work here."""
        problems = self._problems()
        for part in self.parts:
            problems |= self._problems_of(part, surroundings)
        _refuse(problems)

    def _problems(self) -> dict[str, str]:
        """Return what is wrong with the job itself, whatever its destinations are like today."""
        problems = {**steps.problems(self, self.source), **self.bad_patterns()}
        places = [part.destination for part in self.parts]
        if len(set(places)) < len(places):
            problems["copies"] = "Two copies cannot go to the same place."
        problems |= self._problems_of_kind_options()
        for part in self.parts:
            problems |= self._problems_of_deleting(part)
        return problems

    def _problems_of_kind_options(self) -> dict[str, str]:
        """Return what is wrong with the options by kind: of a kind that is not there, or the job's own business."""
        own = type(self).model_fields.keys() | {"destination"}
        for kind, options in self.kind_options.items():
            if kind not in {part.kind for part in self.parts}:
                return {"kind_options": f"No copy is of kind {kind[:40]!r}."}
            if misplaced := sorted((own - SHARED) & options.keys()):
                return {"kind_options": f"{misplaced[0]} is for the whole job: set it there, not by kind."}
        return {}

    def _problems_of_deleting(self, part: Part) -> dict[str, str]:
        """Return why nothing may be deleted for a copy like this."""
        try:
            engine = self.engine_of(part)
        except ValueError:  # it was said already
            return {}
        mirror = getattr(engine, "mirror", False)
        found = clearing.problems(self, engine.verify, self.source, mirror=mirror)
        others = [text for field, text in found.items() if field != "source"]
        mine = {field: text for field, text in found.items() if field == "source"}
        return mine | ({"copies": f"{part.destination}: {' '.join(others)}"} if others else {})

    def _problems_of(self, part: Part, surroundings: Surroundings) -> dict[str, str]:
        try:
            found = self.engine_of(part).problems(surroundings)
        except ValueError:
            return {"kind_options": f"These are no options of {part.kind}, or not good ones."}
        mine = {field: text for field, text in found.items() if field in {"source", "exclude", "include"}}
        others = [text for field, text in found.items() if field not in mine]
        return mine | ({"copies": f"{part.destination}: {' '.join(others)}"} if others else {})

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do."""
        how = "at the same time" if self.side_by_side else "one after the other"
        sentences = [f"Makes {len(self.copies)} copies of {self.source}, {how}."]
        sentences += [f"{part.destination}, by {part.kind}." for part in self.parts]
        sentences.append("Each is proved by itself; the job is good when all of them are.")
        return tuple(sentences)

    def command_in_words(self, surroundings: Surroundings) -> tuple[str, ...]:
        """Return what a person would type, copy by copy."""
        return tuple(
            line for part in self.parts for line in self.engine_of(part).command_in_words(surroundings)
        )

    def rehearse(self, context: RunContext) -> Outcome:
        """Find out what a run would do for each copy, and write nothing."""
        self.check(context.surroundings)
        together = Together(context, len(self.parts))
        found = [
            (part, self.engine_of(part).rehearse(PartContext(context, part, together))) for part in self.parts
        ]
        counts = {
            name: sum(outcome.result.get(name, 0) for _, outcome in found)
            for name in ("new", "changed", "removed", "bytes")
        }
        changes = [
            (what, f"{part.destination}: {path}")
            for part, outcome in found
            for what, path in outcome.result.get("changes", ())
        ]
        warnings = tuple(warning for _, outcome in found for warning in outcome.warnings)
        return Outcome(result={"trial": True, **counts, "changes": changes[:1_000]}, warnings=warnings)

    # A run

    def run(self, context: RunContext) -> Outcome:
        """Make one attempt."""
        _refuse(self._problems())
        together = Together(context, len(self.parts))
        copying = [partial(self._carried_over, context, part, together) for part in self.parts]
        with steps.around(context, self) as done:
            carried = all_of(copying, side_by_side=self.side_by_side)
        proving = [partial(self._proved, context, one, together) for one in carried]
        ended = _unheld(all_of(proving, side_by_side=self.side_by_side))
        copied = done.told(_carried(ended))
        _insist(ended)
        proof = _together(ended, context.workspace)
        roots = tuple(root for part in ended for root in part.roots)
        place = target_in(self.parts[0].destination)
        cleared = clearing.clear(
            context, self, self.source, place, proof, roots=roots, warnings=copied.warnings
        )
        return outcome_of(copied, proof, cleared)

    def _carried_over(self, context: RunContext, part: Part, together: Together) -> Carried | PartEnd:
        """Carry one copy over, which is proved afterwards; what an earlier attempt made stays, unless the source goes."""
        if not self.delete_source and (before := together.ended(part)) is not None:
            return before
        return self._tried(
            part, together, context, lambda: self._copied(PartContext(context, part, together), part)
        )

    def _proved(self, context: RunContext, carried: Carried | PartEnd, together: Together) -> PartEnd:
        """Prove one copy, if it was carried over."""
        if not isinstance(carried, Carried):
            return carried
        done = self._tried(carried.part, together, context, lambda: self._good(carried))
        if isinstance(done, PartDone) and done.error is None:
            together.end(carried.part, done)
        return done

    def _tried(
        self, part: Part, together: Together, context: RunContext, work: Callable[[], Tried]
    ) -> Tried | PartEnd:
        """Return what came of it, how the part failed, or what it asks a person."""
        try:
            return work()
        except RunHeld as held:
            return held
        except RunStopped:
            raise
        except HoldfastError as error:
            context.error(f"{part.destination}: {error}")
            failed = _failed(part, error)
            together.end(part, failed)
            return failed

    def _copied(self, context: PartContext, part: Part) -> Carried:
        engine = self.engine_of(part)
        if problems := engine.problems(context.surroundings):
            raise EngineFailed(" ".join(problems.values()), code=InvalidOptions.code)
        ground = engine.ground(context.surroundings)
        sides = guards.Sides(
            source=ground.source, target=ground.target, patterns=engine.patterns, clears=self.delete_source
        )
        guards.before(context, self, sides)
        copied = all_told(context, guards.after(context, self, sides, engine.copy_all(context, ground)))
        return Carried(part, context, engine, ground, copied)

    def _good(self, carried: Carried) -> PartDone:
        part, context, engine, ground, copied = carried
        proof = engine.prove(context, ground, copied)
        proofs.insist(proof, copied)
        outcome = outcome_of(copied, proof, {})
        return PartDone(
            kind=part.kind,
            destination=part.destination,
            state="completed",
            verified=proof.verified,
            sentence=proof.sentence,
            result=outcome.result,
            warnings=outcome.warnings,
            records=proof.records,
            roots=engine.roots_apart(context, ground, copied) if self.delete_source else (),
        )


def _unheld(ended: Iterable[PartEnd]) -> tuple[PartDone, ...]:
    """Return how the parts ended; raises RunHeld where one of them asks a person, now that the others are made."""
    done: list[PartDone] = []
    for end in ended:
        if isinstance(end, RunHeld):
            raise end
        done.append(end)
    return tuple(done)


def _refuse(problems: Mapping[str, str]) -> None:
    if problems:
        raise InvalidOptions({f"options.{field}": text for field, text in problems.items()})


def _patterns_in(given: object) -> tuple[object, ...]:
    """Return the patterns that a kind adds; raises ValueError for what is no list."""
    if not isinstance(given, list | tuple):
        message = "patterns are a list"
        raise ValueError(message)  # noqa: TRY004 - as pydantic tells of an option that is not good
    return tuple(given)


def _failed(part: Part, error: HoldfastError) -> PartDone:
    transient = isinstance(error, EngineFailed) and error.transient
    failure = Failure(code=error.code, message=str(error), hint=error.hint, transient=transient)
    shown = getattr(error, "result", None) or {}
    return PartDone(kind=part.kind, destination=part.destination, state="failed", error=failure, result=shown)


def _carried(ended: tuple[PartDone, ...]) -> Copied:
    """Return what all of them carried, and each by itself."""
    good = [done for done in ended if done.state == "completed"]
    return Copied(
        since_ns=0,
        files=sum(done.result.get("copied", 0) for done in good),
        bytes=sum(done.result.get("copied_bytes", 0) for done in good),
        removed=sum(done.result.get("removed", 0) for done in good),
        result={"copies": [done.shown() for done in ended]},
        warnings=tuple(f"{done.destination}: {warning}" for done in ended for warning in done.warnings),
    )


def _together(ended: tuple[PartDone, ...], workspace: Path) -> Proof:
    """Return what all the proofs prove together: a file counts when every copy of it was read back and is equal."""
    verified = all(done.verified for done in ended)
    modes = {done.result.get("verification", {}).get("mode") for done in ended}
    mode: Verify = "full" if modes == {"full"} else "sample" if modes <= {"full", "sample"} else "fast"
    records = [Path(done.records) for done in ended if done.records]
    into = workspace / "proved-by-all"
    proved = 0
    if mode == "full" and len(records) == len(ended):
        try:
            proved = proved_by_all(records, into)
        except (OSError, ValueError) as error:
            message = f"What the copies proved cannot be put together: {error}."
            raise StorageFailed(message) from error
    good = sum(done.verified for done in ended)
    return Proof(
        mode=mode,
        verified=verified,
        sentence=_sentence(ended, good),
        files=max((done.result.get("files", 0) for done in ended), default=0),
        bytes=max((done.result.get("bytes", 0) for done in ended), default=0),
        proved=proved,
        records=str(into) if proved else "",
    )


def _sentence(ended: tuple[PartDone, ...], good: int) -> str:
    if good == len(ended):
        return f"All {good} copies are verified." if good > 1 else ended[0].sentence
    others = [done.destination for done in ended if not done.verified]
    return f"{good} of {len(ended)} copies are verified; not {', '.join(others)}."


def _insist(ended: tuple[PartDone, ...]) -> None:
    """Raise EngineFailed where a copy could not be made; waiting may help where it may help one of them."""
    failed = [done for done in ended if done.error is not None]
    if not failed:
        return
    errors = [done.error for done in failed if done.error is not None]
    said = " ".join(f"{done.destination}: {done.error.message}" for done in failed if done.error)
    message = f"{len(failed)} of {len(ended)} copies could not be made. {said}"
    hint = " ".join(dict.fromkeys(error.hint for error in errors if error.hint))
    raise EngineFailed(
        message,
        hint=f"{hint} The next attempt makes only what is missing.".strip(),
        transient=any(error.transient for error in errors),
        result={"verified": False, "copies": [done.shown() for done in ended]},
        code=errors[0].code if len(failed) == 1 and errors[0].code != Unreachable.code else None,
    )
