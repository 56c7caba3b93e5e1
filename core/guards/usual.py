"""What is usual for the runs of a job, and what of a run is not. Pure, as words and numbers only."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from core.guards.looking import Look
from core.models import Value
from core.sizes import size

KEPT: Final = 10
"""How many earlier runs are remembered."""

FEWEST: Final = 5
"""How many earlier runs there must be before one can have changed more than usual."""

HALF: Final = 0.5
FEW_FILES: Final = 10
FEW_BYTES: Final = 100_000
"""Below this nothing is unusual: half of a handful goes with any tidying up."""

TIMES_USUAL: Final = 5
SHARE_CHANGED: Final = 0.2

RENAMED_SHARE: Final = 0.5
RENAMED_BEFORE: Final = 0.05
RENAMED_GROWTH: Final = 1.5
FEW_RENAMED: Final = 20

REMOVED_SHARE: Final = 0.1
REMOVED_MOST: Final = 1_000
REMOVED_LEAST: Final = 10


class Finding(Value, frozen=True, kw_only=True):
    """Something unusual: of which sort, and in words."""

    what: str
    words: str


class Counted(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a run found and did; None is what nobody told.

    `files` and `bytes` are what the program counted, `seen_files` and `seen_bytes` what we saw ourselves: programs count
    folders too, or leave things out, so the two are not compared with one another.
    """

    run: str
    files: int | None = None
    bytes: int | None = None
    seen_files: int | None = None
    seen_bytes: int | None = None
    changed: int = 0
    removed: int = 0


def usual_of(numbers: Sequence[int | None]) -> int | None:
    """Return the middle of what is known; None where nothing is."""
    known = [number for number in numbers if number is not None]
    return int(median(known)) if known else None


def looks_shrunk(earlier: Sequence[Counted], look: Look) -> str:
    """Return how the source, as we see it, shrank below half of the usual, in words; empty where it did not."""
    if not look.whole:
        return ""
    files = usual_of([run.seen_files for run in earlier])
    return _shrunk(look.files, files, look.bytes, usual_of([run.seen_bytes for run in earlier]))


def shrank(earlier: Sequence[Counted], this: Counted) -> str:
    """Return how the source, as the program counted, shrank below half of the usual, in words; empty where it did not."""
    files = usual_of([run.files for run in earlier])
    return _shrunk(this.files, files, this.bytes, usual_of([run.bytes for run in earlier]))


def _shrunk(files: int | None, usual_files: int | None, weight: int | None, usual_bytes: int | None) -> str:
    if _halved(files, usual_files, FEW_FILES):
        noun = "file" if files == 1 else "files"
        return f"The source has {files:,} {noun}; usually it has about {usual_files:,}."
    if _halved(weight, usual_bytes, FEW_BYTES):
        return f"The source has {size(weight or 0)}; usually it has about {size(usual_bytes or 0)}."
    return ""


def _halved(now: int | None, usual: int | None, few: int) -> bool:
    return now is not None and usual is not None and usual >= few and now < usual * HALF


def changed_too_much(earlier: Sequence[Counted], this: Counted) -> str:
    """Return how a run changed far more than usual, in words; empty where it did not or nobody can say yet."""
    whole_now = this.files or this.seen_files
    if len(earlier) < FEWEST or not whole_now:
        return ""
    touched = this.changed + this.removed
    usual = usual_of([run.changed + run.removed for run in earlier]) or 0
    usually_whole = usual_of([run.files or run.seen_files for run in earlier]) or 0
    whole = max(whole_now, usually_whole)  # of what is gone, only earlier runs know
    if touched < FEW_FILES or touched <= TIMES_USUAL * usual or touched <= whole * SHARE_CHANGED:
        return ""
    gone = f" and removed {this.removed:,}" if this.removed else ""
    return (
        f"This run carried {this.changed:,} changed or new files{gone}, of {whole_now:,} in all; "
        f"usually it is about {usual:,}."
    )


def renamed(before: Look | None, now: Look) -> str:
    """Return which ending most files have got that hardly any had, in words; empty where there is none."""
    if before is None or before.sampled < FEW_RENAMED or now.sampled < FEW_RENAMED:
        return ""
    if now.files > before.files * RENAMED_GROWTH:
        return ""  # they came in addition: nothing of what was there is gone
    for ending, count in now.endings.items():
        share, earlier = count / now.sampled, before.endings.get(ending, 0) / before.sampled
        if ending and share >= RENAMED_SHARE and earlier < RENAMED_BEFORE:
            return (
                f"{share:.0%} of {now.files:,} files end in .{ending} now; last time {earlier:.0%} did. "
                "That is how files look that somebody has encrypted."
            )
    return ""


def removals_allowed(earlier: Sequence[Counted], files: int) -> int:
    """Return how many files a mirror may remove without asking, of so many: a tenth, not more than a thousand.

    Where the job has removed more than that as a matter of course, five times as much as usual.
    """
    allowed = max(REMOVED_LEAST, min(REMOVED_MOST, int(files * REMOVED_SHARE)))
    if len(earlier) < FEWEST:
        return allowed
    return max(allowed, TIMES_USUAL * (usual_of([run.removed for run in earlier]) or 0))
