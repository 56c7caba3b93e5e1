"""The built-in copy: a mirror of a folder that is proved to be good."""

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from core.copying.facts import free_space, measure
from core.copying.mirror import mirror
from core.copying.patterns import BadPattern, check_pattern, lines_for
from core.copying.rates import rate_from
from core.copying.refusals import problems_with
from core.copying.sampling import percent
from core.copying.wishes import Wishes
from core.engines.base import Engine
from core.errors import InvalidOptions
from core.sizes import size
from core.work import Fact, Outcome, RunContext, Surroundings

Pattern = Annotated[str, Field(min_length=1, max_length=1000)]
Rate = Annotated[Annotated[int, Field(ge=1024)] | None, BeforeValidator(rate_from)]


class CopyEngine(Engine):
    """Copies what is new or changed, then proves that the copy is good.

    An attempt that follows a broken one goes on where it stopped. Nothing is removed at the
    destination but what an earlier attempt left there unfinished. A change of nothing but extended
    attributes or access rules is carried over when comparing by content, not by time.
    """

    kind: ClassVar = "copy"
    label: ClassVar = "Copy a folder"
    summary: ClassVar = "A verified mirror of a folder, on this machine or a mounted disk. Built in."
    stages: ClassVar = ("scan", "copy", "verify")
    harmless: ClassVar = "Nothing at the destination was removed or left half-written."
    deletes: ClassVar = "Never, extra files stay at the destination"
    can_pause: ClassVar = True
    repeatable: ClassVar = True
    proves: ClassVar = True

    source: Path = Field(
        title="Source",
        description="Folder to copy from",
        json_schema_extra={"widget": "folder", "group": "what"},
    )
    destination: Path = Field(
        title="Destination",
        description="Folder to copy into; its last part is made if it is missing",
        json_schema_extra={"widget": "folder", "group": "what"},
    )
    verify: Literal["full", "sample", "fast"] = Field(
        default="full",
        title="Proof",
        description="full reads every file back, sample a random share, fast looks at sizes and times only",
        json_schema_extra={
            "widget": "choice",
            "group": "proof",
            "choices": {
                "full": "Full: every file is read back",
                "sample": "Sample: a random share is read back",
                "fast": "Fast: sizes and times only, proves nothing",
            },
        },
    )
    sample_confidence: float = Field(
        default=0.95,
        ge=0.5,
        le=0.9999,
        title="Confidence",
        description="How sure a sample must make us, from 0.5 to 0.9999",
        json_schema_extra={"group": "proof", "shown_if": {"verify": "sample"}},
    )
    sample_good_share: float = Field(
        default=0.99,
        ge=0.5,
        le=0.99999,
        title="Share of good files",
        description="Of which share of good files a sample must make us sure, from 0.5 to 0.99999",
        json_schema_extra={"group": "proof", "shown_if": {"verify": "sample"}},
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
    exclude: tuple[Pattern, ...] = Field(
        default=(),
        max_length=1000,
        title="Leave out",
        description="Patterns as in .gitignore, one a line",
        json_schema_extra={"widget": "patterns", "group": "more"},
    )
    include: tuple[Pattern, ...] = Field(
        default=(),
        max_length=1000,
        title="But keep",
        description="Patterns that take back in what the ones above leave out",
        json_schema_extra={"widget": "patterns", "group": "more"},
    )
    bandwidth_limit: Rate = Field(
        default=None,
        title="Limit",
        description="Bytes a second at most, or words such as 10 MB/s; empty is as fast as it can",
        json_schema_extra={"widget": "rate", "group": "more"},
    )

    def check(self, surroundings: Surroundings) -> None:
        """Raise InvalidOptions if these folders or patterns cannot be used."""
        problems = problems_with(self.source, self.destination, surroundings.own_data)
        problems |= self._bad_patterns()
        if problems:
            raise InvalidOptions({f"options.{field}": text for field, text in problems.items()})

    def _bad_patterns(self) -> dict[str, str]:
        problems = {}
        for field, patterns in (("exclude", self.exclude), ("include", self.include)):
            for pattern in patterns:
                try:
                    check_pattern(pattern)
                except BadPattern as error:
                    problems[field] = str(error)
        return problems

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return what is in the source, where the destination is, and whether the patterns are."""
        problems = problems_with(self.source, self.destination, surroundings.own_data)
        problems |= self._bad_patterns()
        found = [Fact(field=field, good=False, text=text) for field, text in problems.items()]
        if "source" not in problems:
            found.append(self._source_fact())
        if "destination" not in problems:
            found.append(self._destination_fact())
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

    def _destination_fact(self) -> Fact:
        exists = self.destination.is_dir()
        place = self.destination if exists else self.destination.parent
        writable = os.access(place, os.W_OK | os.X_OK)
        free = free_space(self.destination)
        parts = ["exists" if exists else "will be made"]
        parts += [f"{size(free)} free"] if free is not None else []
        parts.append("writable" if writable else "cannot be written")
        return Fact(field="destination", good=writable, text=", ".join(parts))

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do."""
        sentences = [f"Copies what is new or changed in {self.source} to {self.destination}."]
        if self.compare == "content":
            sentences.append("Reads both sides to see what has changed.")
        if self.exclude:
            sentences.append(f"Leaves out what matches {', '.join(self.exclude)}.")
        sentences.append("Removes nothing: files that only the destination has stay there.")
        sentences.append(self._proof_in_words())
        return tuple(sentences)

    def _proof_in_words(self) -> str:
        if self.verify == "full":
            return "Then reads every file back from the destination and compares it."
        if self.verify == "fast":
            return "Then looks at sizes and times only; that does not count as verified."
        sure, share = percent(self.sample_confidence), percent(self.sample_good_share)
        return f"Then reads back a random sample, to be {sure} sure that {share} of the files are good."

    def run(self, context: RunContext) -> Outcome:
        """Make one attempt."""
        self.check(context.surroundings)
        own_data = context.surroundings.own_data
        report = mirror(self._wishes(), context, left_out=(own_data,))
        return Outcome(result=report.result, warnings=report.warnings)

    def _wishes(self) -> Wishes:
        return Wishes(
            source=self.source,
            destination=self.destination,
            verify=self.verify,
            content=self.compare == "content",
            patterns=lines_for(self.exclude, self.include),
            bandwidth_limit=self.bandwidth_limit,
            confidence=self.sample_confidence,
            good_share=self.sample_good_share,
        )
