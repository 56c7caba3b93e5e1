"""When a person has to agree before anything is taken away, and what they are asked."""

from typing import Final

from core import sizes
from core.clearing.orders import Preview
from core.clearing.wishes import ClearingWishes
from core.work import Question

KEEP, DELETE = "keep", "delete"
ADMIN_PERCENT: Final = 20.0
"""Of the source's files; more than that only an admin may have taken away."""


def question_about(wishes: ClearingWishes, preview: Preview, all_files: int) -> Question | None:
    """Return what to ask before this is taken away; None where nobody need be asked."""
    share = 100 * preview.files / max(all_files, preview.files, 1)
    reasons = _reasons(wishes, preview, share)
    if not reasons:
        return None
    files = f"{preview.files:,} file{'s' if preview.files != 1 else ''}"
    terms = preview.terms
    return Question(
        id=preview.digest,
        about="delete",
        sentence=f"Take {files} ({sizes.size(preview.bytes)}) away from {terms.source}?",
        details=(*reasons, *_details(preview)),
        answers={KEEP: "Keep them all", DELETE: f"Take {files} away"},
        typed=f"delete {preview.files}",
        admin_only=share > ADMIN_PERCENT,
    )


def _reasons(wishes: ClearingWishes, preview: Preview, share: float) -> list[str]:
    reasons = []
    if not preview.marked:
        reasons.append(
            "Source and destination do not bear the mark of this job: it is its first deletion here, or one of "
            "them is not the disk it was. If you agree, both are marked."
        )
    if preview.files > wishes.delete_most_files:
        reasons.append(f"The job takes at most {wishes.delete_most_files:,} files away without asking.")
    if share > wishes.delete_most_percent:
        most = f"{wishes.delete_most_percent:g}"
        reasons.append(f"This is {share:.1f} % of the source; the job takes at most {most} % without asking.")
    if wishes.ask_before_delete:
        reasons.append("The job asks each time.")
    return reasons


def _details(preview: Preview) -> list[str]:
    terms = preview.terms
    if terms.roots:
        proof = f"Each was read back from {terms.place} and is read back again before it goes."
    else:
        proof = f"Each was read back from {terms.place} by this run."
    days = terms.quarantine_days
    after = (
        f"They are kept aside for {days} day{'s' if days != 1 else ''} and can be put back."
        if days
        else "They are deleted at once; there is no way back but the copy."
    )
    more = preview.files - len(preview.first)
    listed = [*preview.first, *([f"and {more:,} more; the whole list is with the run"] if more else [])]
    if preview.elsewhere:
        listed.insert(0, f"{preview.elsewhere:,} files stay, as they lie on another file system.")
    return [proof, after, *listed]
