"""Watches a backup that something else makes: is it there, new, large enough, and can it be read."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec.structs import replace
from pydantic import AfterValidator, BeforeValidator, Field

from core.clock import Clock, SystemClock
from core.copying.rates import rate_from
from core.destinations.known import Target, target_in
from core.destinations.place import Place
from core.engines.base import Engine
from core.errors import EngineFailed, InvalidOptions
from core.models import Progress
from core.processes.patience import TooLong, within
from core.sizes import size
from core.spans import exact, seconds_in
from core.watching import files, judging, proving
from core.watching.digests import is_list
from core.watching.files import SECOND, Seen
from core.watching.judging import Expected, Measured
from core.watching.reading import read
from core.watching.remote import check_repository, listed
from core.work import Fact, Outcome, RunContext, Surroundings

NOTE: Final = "watch"
SUBSET: Final = re.compile(r"(?:100|\d{1,2})(?:\.\d{1,2})? ?%\Z|\d{1,3}/\d{1,3}\Z")
SHORTEST: Final = 60.0
A_DAY: Final = 86_400.0
LONGEST: Final = 3_650 * A_DAY
ALL: Final = "100%"


def _span(value: Any) -> Any:  # noqa: ANN401 - whatever was entered; a number becomes words
    text = exact(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    seconds = seconds_in(text) if isinstance(text, str) else None
    if seconds is None:
        message = "write a span such as 26 h or 2 days"
        raise ValueError(message)
    if not SHORTEST <= seconds <= LONGEST:
        message = f"this must be between {exact(SHORTEST)} and {exact(LONGEST)}"
        raise ValueError(message)
    return text


def _as_subset(text: str) -> str:
    if not SUBSET.match(text):
        message = "write a share such as 5 %, or 1/30"
        raise ValueError(message)
    return text.replace(" ", "")


Span = Annotated[str, BeforeValidator(_span)]
Amount = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(rate_from)]
Percent = Annotated[float, Field(ge=0, le=100_000)] | None


class Noted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run notes for the next: of which place and pattern, what was measured, and up to when files were proved.

    `proved_ns` is of the clock that nobody sets on a file: when its entry was last changed. What was changed in the
    future by that clock is read in every run.
    """

    about: str = ""
    amount: int | None = None
    proved_ns: int = 0


class WatchEngine(Engine):
    """Looks at a backup that something else makes, and reads it where that is asked for. It changes nothing."""

    kind: ClassVar = "watch"
    label: ClassVar = "Watch a backup"
    summary: ClassVar = (
        "Something else makes it; this sees that it is there, new and large enough, and can be read."
    )
    stages: ClassVar = ("look", "verify")
    harmless: ClassVar = "Nothing was changed; it only looks."
    deletes: ClassVar = "Never, it only looks"
    repeatable: ClassVar = True
    uses_programs: ClassVar = True
    proves: ClassVar = True
    clock: ClassVar[Clock] = SystemClock()

    place: Place = Field(
        title="Where it is",
        description="A folder of this machine, or a destination with a path below it: nas:dumps",
        json_schema_extra={"widget": "place", "group": "what"},
    )
    pattern: str = Field(
        default="",
        max_length=300,
        title="Which files",
        description="*.tar.gz or daily/*.sql; empty is every file below. Of a restic repository: nothing",
        json_schema_extra={"group": "what"},
    )
    newest_within: Span = Field(
        default="26 h",
        title="Newest within",
        description="How old the newest may be, such as 26 h or 8 days",
        json_schema_extra={"group": "what"},
    )
    smallest: Amount = Field(
        default=None,
        title="At least",
        description="What the newest file must have, such as 100 MB; empty does not ask",
        json_schema_extra={"group": "what"},
    )
    measure: Literal["newest", "all"] = Field(
        default="newest",
        title="Compared with last time",
        description="What is compared with the run before",
        json_schema_extra={
            "widget": "choice",
            "group": "what",
            "choices": {"newest": "The newest file", "all": "All of them together"},
        },
    )
    most_growth: Percent = Field(
        default=None,
        title="Grows at most, percent",
        description="More than that since last time is a failure; empty does not ask",
        json_schema_extra={"group": "what"},
    )
    most_shrink: Percent = Field(
        default=None,
        title="Shrinks at most, percent",
        description="More than that since last time is a failure; empty does not ask",
        json_schema_extra={"group": "what"},
    )
    prove: Literal["none", "readable", "archive", "digests", "check"] = Field(
        default="none",
        title="Proof",
        description="What is read of files that are new since the last proof",
        json_schema_extra={
            "widget": "choice",
            "group": "proof",
            "choices": {
                "none": "None: only looks at names, sizes and times",
                "readable": "Read them to the end",
                "archive": "Read archives to the end and let them check themselves",
                "digests": "Compare with the digests beside them (SHA256SUMS, B3SUMS, .sha256, .b3)",
                "check": "restic check, reading a share of the data",
            },
        },
    )
    subset: Annotated[str, AfterValidator(_as_subset)] = Field(
        default="5%",
        title="Share of the data",
        description="What restic reads in each run: 5 %, 1/30, or 100 %",
        json_schema_extra={"group": "proof", "shown_if": {"prove": "check"}},
    )

    @property
    def target(self) -> Target:
        """Return where the backup is."""
        return target_in(self.place)

    @property
    def reaches(self) -> tuple[str, ...]:
        """Return the destination, for the breaker that all jobs to it share."""
        found = self.target.destination_id
        return (f"destination:{found}",) if found else ()

    # Before a run

    def check(self, surroundings: Surroundings) -> None:
        """Raise InvalidOptions if it cannot be watched like this."""
        problems = self._problems(surroundings)
        if problems:
            raise InvalidOptions({f"options.{field}": text for field, text in problems.items()})

    def _problems(self, surroundings: Surroundings) -> dict[str, str]:
        target = self.target
        found = surroundings.destinations.find(target.destination_id) if target.destination_id else None
        if target.destination_id and found is None:
            words = f"There is no destination {target.destination_id!r}. Make it first, or choose another."
            return {"place": words}
        is_restic = found is not None and found.type == "restic"
        if is_restic:
            return self._problems_of_restic()
        if self.prove == "check":
            return {"prove": "This is for restic repositories. Choose another proof."}
        if self.prove != "none" and found is not None and found.type != "folder":
            return {
                "prove": "Only files on this machine are read; of a remote, watch names, sizes and times."
            }
        return {}

    def _problems_of_restic(self) -> dict[str, str]:
        if self.pattern:
            return {"pattern": "A repository has snapshots and no files; leave this empty."}
        if self.smallest is not None or self.most_growth is not None or self.most_shrink is not None:
            field = (
                "smallest"
                if self.smallest is not None
                else "most_growth"
                if self.most_growth is not None
                else "most_shrink"
            )
            return {field: "restic does not say how large a snapshot is; leave this empty."}
        if self.prove not in {"none", "check"}:
            return {"prove": "Of a repository there is: none, or restic check."}
        return {}

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return what is wrong, and whether the folder is there."""
        problems = self._problems(surroundings)
        found = [Fact(field=field, good=False, text=text) for field, text in problems.items()]
        folder = self.target.folder
        if folder is not None and "place" not in problems:
            there = folder.is_dir()
            found.append(
                Fact(field="place", good=there, text="exists" if there else "There is no folder here.")
            )
        return tuple(found)

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do."""
        which = f" that match {self.pattern}" if self.pattern else ""
        sentences = [
            f"Looks at the files in {self.place}{which}. Something else makes them; this changes nothing."
        ]
        sentences.append(f"Fails when the newest is older than {self.newest_within}.")
        if self.smallest:
            sentences.append(f"Fails when the newest has less than {size(self.smallest)}.")
        sentences.append(PROOF_IN_WORDS[self.prove])
        return tuple(sentences)

    # A run

    def run(self, context: RunContext) -> Outcome:
        """Make one attempt."""
        self.check(context.surroundings)
        found = self._found(context)
        now_ns = int(self.clock.now().timestamp() * SECOND)
        this = judging.measured(found, now_ns)
        noted = self._noted(context, now_ns)
        amount = self._amount(this)
        what = "The newest backup has" if self.measure == "newest" else "All files together have"
        problems = judging.problems_of(
            self._expected, this, now_ns, amount=amount, before=noted.amount, what=what
        )
        proof = self._proved(context, found, noted) if found else proving.Found()
        problems += _bad_in_words(proof)
        result = self._result(this, now_ns, proof)
        warnings = _warnings(this)
        if problems:
            raise EngineFailed(
                " ".join(problems), hint=LOOK_THERE, result=result, warnings=warnings, code="backup-not-good"
            )
        self._take_note(context, noted, found, amount, now_ns)
        return Outcome(result=result, warnings=warnings)

    @property
    def _expected(self) -> Expected:
        return Expected(
            newest_within=seconds_in(self.newest_within) or 0.0,
            smallest=self.smallest or 0,
            most_growth=self.most_growth,
            most_shrink=self.most_shrink,
        )

    def _amount(self, this: Measured) -> int:
        if self.measure == "all":
            return this.bytes
        return this.newest.size if this.newest is not None else 0

    def _noted(self, context: RunContext, now_ns: int) -> Noted:
        """Return what the run before noted of the same files; nothing where the job was of others then.

        Where the clock was set back since, nobody knows what is new, and all counts as new.
        """
        try:
            noted = msgspec.convert(dict(context.note(NOTE)), Noted)
        except msgspec.ValidationError:
            return Noted()
        if noted.about != self._about:
            return Noted()
        return replace(noted, proved_ns=0) if noted.proved_ns > now_ns else noted

    @property
    def _about(self) -> str:
        return f"{self.place}\n{self.pattern}\n{self.measure}\n{self.prove}"

    def _take_note(
        self, context: RunContext, noted: Noted, found: Sequence[Seen], amount: int, now_ns: int
    ) -> None:
        reads = self.prove not in {"none", "check"}
        latest = max((one.ctime_ns for one in found if one.ctime_ns <= now_ns), default=0)
        note = Noted(about=self._about, amount=amount, proved_ns=latest if reads else noted.proved_ns)
        context.take_note(NOTE, msgspec.to_builtins(note))

    def _result(self, this: Measured, now_ns: int, proof: proving.Found) -> Mapping[str, Any]:
        newest = this.newest
        result: dict[str, Any] = {"files": this.files, "bytes": this.bytes}
        if newest is not None:
            result["newest"] = {
                "name": newest.name,
                "bytes": newest.size,
                "at": judging.told(newest.mtime_ns),
                "age_seconds": round(this.age(now_ns)),
            }
        verified = proof.checked > 0 and not proof.bad_files
        sentence = self._sentence(proof)
        return result | {
            "verified": verified,
            "verification": {
                "mode": self.prove,
                "sentence": sentence,
                "files": proof.files,
                "bytes": proof.bytes,
            },
        }

    def _sentence(self, proof: proving.Found) -> str:
        if self.prove == "none":
            return "Only names, sizes and times were looked at; nothing was read."
        if self.prove == "check":
            return (
                f"restic checked the repository and read {self.subset} of its data." if proof.checked else ""
            )
        if not proof.files:
            return "Nothing is new since the last proof; nothing was read."
        noun = "file was" if proof.files == 1 else "files were"
        read = f"{proof.files:,} new {noun} read to the end, {size(proof.bytes)}"
        if not proof.checked:
            return f"{read}; nothing says what should be in them, so that proves only that they can be read."
        how = "the digests beside them" if self.prove == "digests" else "what the archives say of themselves"
        return f"{read}; {proof.checked:,} agree with {how}."

    # Where the files are

    def _found(self, context: RunContext) -> tuple[Seen, ...]:
        folder = self._folder(context.surroundings)
        context.report(Progress(stage="look", message="Looking for the newest."))
        if folder is not None:
            try:
                found = within(
                    A_DAY,
                    lambda: files.found_in(folder, self.pattern, context.raise_if_asked),
                    context.raise_if_asked,
                )
            except TooLong as error:
                message = f"{folder} does not answer."
                raise EngineFailed(message, hint="Is the disk still there?", transient=True) from error
            return _backups_in(found)
        destination = context.surroundings.destinations.find(self.target.destination_id)
        if destination is None:
            message = f"There is no destination {self.target.destination_id!r} any more."
            raise EngineFailed(message, hint="Make it again, or watch another place.")
        return _backups_in(listed(context, destination, self.target.below, self.pattern))

    def _folder(self, surroundings: Surroundings) -> Path | None:
        """Return the folder of this machine that is watched; None where it is a remote."""
        target = self.target
        if target.folder is not None:
            return target.folder
        found = surroundings.destinations.find(target.destination_id)
        if found is None or found.type != "folder":
            return None
        return Path(str(found.settings["path"])) / target.below

    # What is in them

    def _proved(self, context: RunContext, found: Sequence[Seen], noted: Noted) -> proving.Found:
        if self.prove == "none":
            return proving.Found()
        if self.prove == "check":
            return self._checked_by_restic(context)
        folder = self._folder(context.surroundings)
        names = tuple(sorted(one.name for one in found if one.ctime_ns > noted.proved_ns))
        if folder is None or not names:
            return proving.Found()
        total = sum(one.size for one in found if one.ctime_ns > noted.proved_ns)
        return read(context, proving.Wishes(folder=str(folder), names=names, how=self.prove), total)

    def _checked_by_restic(self, context: RunContext) -> proving.Found:
        known = context.surroundings.destinations
        destination = known.find(self.target.destination_id)
        if destination is None:
            return proving.Found()
        context.report(Progress(stage="verify", message="restic reads the repository."))
        check_repository(context, destination, "all" if self.subset == ALL else self.subset)
        return proving.Found(checked=1)


LOOK_THERE: Final = "Look at what makes the backup: did it run, and did it end well?"
PROOF_IN_WORDS: Final = {
    "none": "Reads nothing, so it proves nothing of what is in them.",
    "readable": "Reads every file to the end that is new since the last proof.",
    "archive": "Reads every new file to the end; archives say themselves whether they are whole.",
    "digests": "Reads every new file and compares it with the digest in the list beside it.",
    "check": "Lets restic check the repository and read a share of its data.",
}


def _backups_in(found: Sequence[Seen]) -> tuple[Seen, ...]:
    """Return them without lists of digests, which say nothing of how new a backup is."""
    return tuple(one for one in found if not is_list(one.name))


def _warnings(this: Measured) -> tuple[str, ...]:
    if not this.ahead:
        return ()
    noun = "file is" if this.ahead == 1 else "files are"
    return (f"{this.ahead:,} {noun} dated in the future, and says nothing of how new the backup is.",)


def _bad_in_words(proof: proving.Found) -> list[str]:
    if not proof.bad_files:
        return []
    noun = "file is" if proof.bad_files == 1 else "files are"
    return [f"{proof.bad_files:,} {noun} not good. {'; '.join(proof.bad[:3])}."]
