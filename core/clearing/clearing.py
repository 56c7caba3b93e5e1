"""From the proof to what was taken away: the list, the question, the deletion, and what a run has to show of it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import to_builtins

from core import guards
from core.clearing.accounts import account_of
from core.clearing.deleting import DONE
from core.clearing.names import RECEIPTS
from core.clearing.orders import (
    FOLDER,
    Deletion,
    DeletionOrder,
    Far,
    Kept,
    Preview,
    PreviewOrder,
    Terms,
    read_value,
    write_value,
)
from core.clearing.previewing import SUMMARY
from core.clearing.questions import DELETE, question_about
from core.clearing.receipts import receipt_path
from core.clearing.sides import problem_with_deleting_from
from core.clearing.wishes import ClearingWishes
from core.copying.troubles import in_words
from core.destinations.known import Target
from core.errors import EngineFailed, StorageFailed
from core.models import NOTHING, Progress
from core.processes.orders import Order, Stream
from core.processes.ours import argv_of
from core.proofs.values import FolderReading, Proof, Reading
from core.work import Answer, RunContext, RunHeld

Told = TypeVar("Told", Preview, Deletion)

PROGRAM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
NAMED: Final = 3
HINT: Final = (
    "The copy is proved and complete. What was taken away has its receipt; everything else is where it was."
)


def problems(
    wishes: ClearingWishes, verify: str, source: Path | None = None, *, mirror: bool = False
) -> dict[str, str]:
    """Return why options cannot go together with a deletion, a sentence by field."""
    if not wishes.delete_source:
        return {}
    found = {}
    if verify != "full":
        found["verify"] = (
            f"The source is deleted only after a full proof; {verify} does not read every file back."
        )
    if mirror:
        found["mirror"] = (
            "A mirror removes at the destination what the source no longer has: the copies of what is deleted."
        )
    if source is not None and (problem := problem_with_deleting_from(source)):
        found["source"] = problem
    return found


def clear(
    context: RunContext,
    wishes: ClearingWishes,
    source: Path,
    target: Target,
    proof: Proof,
    *,
    roots: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Mapping[str, Any]:
    """Take away from the source what was proved, where the job says so; return what was done, empty where nothing was asked.

    `roots` are the folders in which copies were read back by us, `warnings` what else the run warned of. Raises RunHeld where a person
    has to agree, EngineFailed where nothing could be taken away, or not all for a reason that is none of a file's own.
    """
    if not wishes.delete_source:
        return NOTHING
    if why := _why_not(wishes, proof, warnings) or _clock_trouble(context):
        return _nothing_done(why)
    terms = Terms(
        run_id=context.run_id,
        job_id=context.job_id,
        source=str(source),
        place=_in_words(target),
        roots=tuple(roots),
        quarantine_days=wishes.quarantine_days,
        remove_empty_folders=wishes.remove_empty_folders,
    )
    preview = _previewed(context, terms, proof)
    if not preview.files:
        return _summary(preview, Deletion(), _nothing_more(context))
    question = question_about(wishes, preview, proof.files)
    answer = None if question is None else context.answer(question.id)
    if question is not None and answer is None:
        raise RunHeld(question)
    if answer is not None and answer.answer != DELETE:
        return _summary(preview, Deletion(), f"Nothing was deleted: {answer.by} chose to keep all of it.")
    return _done(preview, _deleted(context, preview, answer))


def has_only_copies(folder: Path) -> bool:
    """Tell whether receipts in a folder say that files were taken away whose copies are there."""
    try:
        return any((folder / os.fsdecode(RECEIPTS)).glob("*.jsonl"))
    except OSError:
        return False


def roots_in(reading: Reading) -> tuple[str, ...]:
    """Return the folder in which copies can be read by us, if this is how they were read back."""
    return (reading.root,) if isinstance(reading, FolderReading) else ()


def _why_not(wishes: ClearingWishes, proof: Proof, warnings: Sequence[str]) -> str:
    """Return why the proof is not good enough to delete anything by it."""
    if proof.mode != "full" or not proof.records:
        return "not every file was read back"
    if wishes.delete_mode == "each":
        return ""
    if not proof.verified or any(proof.problems.values()):
        return "not all of the copy is proved, and this job deletes all or nothing"
    if proof.warnings or warnings:
        return "the run has warnings, and this job deletes all or nothing"
    return ""


def _clock_trouble(context: RunContext) -> str:
    """Return why the clock keeps the run from deleting: what is unchanged, and for how long it is set aside, is told by it."""
    trouble = guards.clock_trouble(context)
    return f"the clock cannot be trusted. {trouble.removesuffix('.')}" if trouble else ""


def _nothing_more(context: RunContext) -> str:
    """Return that there is nothing to delete, and what earlier attempts of the run took away."""
    path = receipt_path(context.surroundings.own_data, context.run_id)
    try:
        account = account_of(path) if path.exists() else None
    except OSError:  # the receipts are looked at again when the run is over
        account = None
    if account is None or not account.taken:
        return "There was nothing to delete."
    return f"There was nothing more to delete; earlier attempts took {account.taken:,} files away."


def _in_words(target: Target) -> str:
    if target.folder is not None:
        return str(target.folder)
    return f"{target.destination_id}:{target.below}" if target.below else target.destination_id


# The two programs


def _previewed(context: RunContext, terms: Terms, proof: Proof) -> Preview:
    folder = _folder(context)
    order = PreviewOrder(
        terms=terms,
        own_data=str(context.surroundings.own_data),
        records=str(Path(context.workspace) / proof.records),
        folder=str(folder),
    )
    context.report(Progress(stage="delete", message="Listing what would be taken away"))
    _run(context, "core.clearing.previewing", "preview", order)
    preview = _read(folder / SUMMARY, Preview)
    if preview.trouble:
        raise EngineFailed(f"Nothing was deleted. {preview.trouble}", hint=HINT)
    return preview


def _deleted(context: RunContext, preview: Preview, answer: Answer | None) -> Deletion:
    folder = _folder(context)
    order = DeletionOrder(
        preview=preview,
        attempt=context.attempt,
        own_data=str(context.surroundings.own_data),
        folder=str(folder),
        mark=answer is not None,
        confirmed_by=answer.by if answer else "",
        confirmed_at=answer.at.isoformat() if answer else "",
    )
    _run(context, "core.clearing.deleting", "delete", order, preview)
    return _read(folder / DONE, Deletion)


def _run(
    context: RunContext,
    module: str,
    name: str,
    order: PreviewOrder | DeletionOrder,
    preview: Preview | None = None,
) -> None:
    """Run a program of ours to its end; raises EngineFailed where it ends by itself without having done its part."""
    path = _folder(context) / f"{name}-order.json"
    _write(path, order)
    argv = argv_of(module, str(path))
    environment = {"PATH": PROGRAM_PATH, "LANG": "C.UTF-8"}
    listener = _Listener(context, preview)
    ending = context.execute(Order(argv=argv, environment=environment), listener.hear, name=name)
    if ending.code != 0:
        how = f"with {ending.code}" if ending.code is not None else f"by signal {ending.signal}"
        message = f"The program that deletes ended {how}."
        raise EngineFailed(message, hint=HINT, transient=True)


class _Listener:
    """Hears how far a deletion is, and which files stay."""

    def __init__(self, context: RunContext, preview: Preview | None) -> None:
        self._context = context
        self._preview = preview

    def hear(self, stream: Stream, line: str) -> bool:
        """Take a line in; what is said for us is kept out of the log."""
        if stream != "out" or self._preview is None:
            return True
        try:
            said = msgspec.json.decode(line, type=Far | Kept)
        except msgspec.MsgspecError:
            return True
        if isinstance(said, Kept):
            self._context.warn(f"{said.path} stays: {said.why}.")
        else:
            self._report(said)
        return False

    def _report(self, far: Far) -> None:
        files = self._preview.files if self._preview else 0
        looked_at = far.files + far.kept
        self._context.report(
            Progress(
                stage="delete",
                percent=100 * looked_at / max(files, 1),
                done=looked_at,
                total=files,
                unit="files",
                message=f"{far.files:,} of {files:,} files taken away",
            )
        )


def _folder(context: RunContext) -> Path:
    folder = context.workspace / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"The run has no place to work in: {in_words(error)}.") from error
    return folder


def _write(path: Path, order: PreviewOrder | DeletionOrder) -> None:
    try:
        write_value(path, order)
    except OSError as error:
        raise StorageFailed(f"The run's own files cannot be written: {in_words(error)}.") from error


def _read(path: Path, kind: type[Told]) -> Told:
    try:
        return read_value(path, kind)
    except (OSError, msgspec.MsgspecError) as error:
        message = "Nobody knows what was deleted: the program left no word."
        raise EngineFailed(message, hint=HINT, transient=True) from error


# What a run has to show of it


def _nothing_done(why: str) -> Mapping[str, Any]:
    sentence = f"Nothing was deleted: {why}."
    return {
        "done": False,
        "files": 0,
        "bytes": 0,
        "sentence": sentence,
        "trouble": sentence,
        "warnings": (sentence,),
    }


def _done(preview: Preview, deletion: Deletion) -> Mapping[str, Any]:
    if deletion.trouble:
        begin = f"{deletion.files:,} of {preview.files:,} files" if deletion.files else "No file"
        were = "was" if deletion.files <= 1 else "were"
        raise EngineFailed(f"{begin} {were} taken away. {deletion.trouble}", hint=HINT, transient=True)
    days = preview.terms.quarantine_days
    after = f"kept aside for {days} day{'s' if days != 1 else ''}" if days else "deleted"
    stay = f"; {deletion.kept_files:,} stay" if deletion.kept_files else ""
    return _summary(preview, deletion, f"{deletion.files:,} files were taken away and {after}{stay}.")


def _summary(preview: Preview, deletion: Deletion, sentence: str) -> Mapping[str, Any]:
    warnings = []
    if deletion.kept_files:
        first = ", ".join(f"{kept.path} ({kept.why})" for kept in deletion.kept[:NAMED])
        more = f" and {deletion.kept_files - NAMED:,} more" if deletion.kept_files > NAMED else ""
        warnings.append(f"Not deleted: {first}{more}.")
    return {
        **to_builtins(deletion),
        "done": bool(deletion.files),
        "mode": "at once" if not preview.terms.quarantine_days else "quarantine",
        "days": preview.terms.quarantine_days,
        "preview": preview.digest,
        "listed": preview.files,
        "elsewhere": preview.elsewhere,
        "sentence": sentence,
        "warnings": tuple(warnings),
    }
