"""What a run has to show for its copy: what was read back, what was taken from the source, each copy of several."""

from collections.abc import Mapping, Sequence
from typing import Final

from core.models import Run, Value
from core.repositories.reconciling import Standing
from core.states import RunState
from fastapi_app.presenters import sizes
from fastapi_app.presenters.states import MARKS, UNPROVED, VERIFIED, Mark
from fastapi_app.presenters.texts import plural

MODES: Final[Mapping[str, str]] = {
    "full": "every file was read back",
    "sample": "a random share was read back",
    "fast": "names and sizes only",
}
KINDS_OF_PROBLEM: Final = (
    ("damaged", "Damaged"),
    ("missing", "Missing"),
    ("unreadable", "Could not be read"),
)
DAMAGED: Final = Mark(st="failed", icon="st-failed", word="Not as it should be")
SNAPSHOT: Final[Mapping[str, Mark]] = {
    "found": Mark(st="ok", icon="st-ok", word="Found at the destination"),
    "gone": Mark(st="failed", icon="st-failed", word="Gone from the destination"),
    "unknown": Mark(st="unproved", icon="st-hollow", word="Not read back"),
}
MOST_NAMED: Final = 20


class Named(Value, frozen=True, kw_only=True):
    """Files by name that something is wrong with, and how many there are in all."""

    title: str
    names: tuple[str, ...]
    more: str


class ProofView(Value, frozen=True, kw_only=True):
    """What was read back, how, and what was found."""

    mark: Mark
    mode: str
    sentence: str
    rows: tuple[tuple[str, str], ...]
    named: tuple[Named, ...]


class CopyView(Value, frozen=True, kw_only=True):
    """One of several copies."""

    destination: str
    kind: str
    mark: Mark
    sentence: str


class DeletionView(Value, frozen=True, kw_only=True):
    """What was taken away from the source; what is `in_quarantine` can be put back."""

    mark: Mark
    sentence: str
    kept: tuple[tuple[str, str], ...]
    more_kept: str
    receipt: str
    in_quarantine: bool


class Snapshot(Value, frozen=True, kw_only=True):
    """The snapshot that a run made, and whether it is still there; `words` are what else is known of that."""

    id: str
    mark: Mark
    words: str = ""


class Evidence(Value, frozen=True, kw_only=True):
    """Everything that a run shows of its copy."""

    proof: ProofView | None = None
    copies: tuple[CopyView, ...] = ()
    deletion: DeletionView | None = None
    snapshot: Snapshot | None = None


def evidence_of(run: Run, standing: Standing | None = None) -> Evidence:
    """Return what the run's result shows, and what was found out later of its snapshot; nothing of a run without either."""
    result = run.result or {}
    return Evidence(
        proof=_proof(result.get("verification"), result),
        copies=tuple(_copy(one) for one in _listed(result.get("copies")) if isinstance(one, Mapping)),
        deletion=_deletion(result.get("deletion")),
        snapshot=_snapshot(result, standing),
    )


def _proof(said: object, result: Mapping[str, object]) -> ProofView | None:
    if not isinstance(said, Mapping) or not said.get("sentence"):
        return None
    problems = _mapping(said.get("problems"))
    named = tuple(
        one for name, title in KINDS_OF_PROBLEM if (one := _named(title, said.get(name), problems.get(name)))
    )
    return ProofView(
        mark=DAMAGED if named else VERIFIED if result.get("verified") is True else UNPROVED,
        mode=MODES.get(str(said.get("mode")), ""),
        sentence=str(said["sentence"]),
        rows=tuple(_rows(said, problems, _mapping(result.get("reread")))),
        named=named,
    )


def _rows(
    said: Mapping[str, object], problems: Mapping[str, object], reread: Mapping[str, object]
) -> Sequence[tuple[str, str]]:
    rows = []
    if proved := _count(said.get("proved")):
        rows.append(
            (
                "Read back and equal",
                f"{plural(proved, 'file')}, {sizes.size(_count(said.get('proved_bytes')))}",
            )
        )
    if changed := _count(problems.get("changed")):
        rows.append(("Changed meanwhile", f"{plural(changed, 'file')}, for the next run to prove"))
    if sentence := reread.get("sentence"):
        rows.append(("The whole repository", str(sentence)))
    return rows


def _named(title: str, names: object, total: object) -> Named | None:
    listed = tuple(str(name) for name in _listed(names))[:MOST_NAMED]
    count = max(_count(total), len(listed))
    if not count:
        return None
    more = count - len(listed)
    return Named(title=f"{title}: {count:,}", names=listed, more=f"and {more:,} more" if more else "")


def _copy(one: Mapping[str, object]) -> CopyView:
    state = str(one.get("state", ""))
    verified = one.get("verified") is True
    good = VERIFIED if verified else UNPROVED
    mark = good if state == RunState.COMPLETED else MARKS.get(state, UNPROVED)
    return CopyView(
        destination=str(one.get("destination", "")),
        kind=str(one.get("kind", "")),
        mark=mark,
        sentence=str(one.get("sentence", "")),
    )


def _deletion(said: object) -> DeletionView | None:
    if not isinstance(said, Mapping) or not said:
        return None
    kept = tuple(
        (str(one.get("path", "")), str(one.get("why", "")))
        for one in _listed(said.get("kept"))[:MOST_NAMED]
        if isinstance(one, Mapping)
    )
    kept_files = max(_count(said.get("kept_files")), len(kept))
    clean = not kept_files and not said.get("trouble")
    return DeletionView(
        mark=Mark(st="ok" if clean else "late", icon="st-ok" if clean else "st-late", word=_amount(said)),
        sentence=str(said.get("sentence") or said.get("trouble") or ""),
        kept=kept,
        more_kept=f"and {kept_files - len(kept):,} more" if kept_files > len(kept) else "",
        receipt=str(said.get("receipt") or ""),
        in_quarantine=said.get("mode") == "quarantine" and bool(said.get("files")),
    )


def _amount(said: Mapping[str, object]) -> str:
    files = _count(said.get("files"))
    return (
        f"{plural(files, 'file')} taken away, {sizes.size(_count(said.get('bytes')))}"
        if files
        else "Nothing taken away"
    )


def _snapshot(result: Mapping[str, object], standing: Standing | None) -> Snapshot | None:
    if standing is not None:
        return Snapshot(id=standing.snapshot[:8], mark=SNAPSHOT[standing.state], words=standing.sentence)
    snapshot = result.get("snapshot")
    if not isinstance(snapshot, str) or not snapshot:
        return None
    return Snapshot(id=snapshot[:8], mark=SNAPSHOT["found" if result.get("verified") is True else "unknown"])


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
