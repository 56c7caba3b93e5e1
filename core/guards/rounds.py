"""The round that the guards make in one run: before its program, between, and after it."""

import os
from hashlib import blake2b
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.destinations.known import Target
from core.destinations.marker import Marker, marker_of, put_marker
from core.errors import EngineFailed
from core.guards import usual
from core.guards.clocks import Clocks, reading_of, trouble_between
from core.guards.holding import REMOVALS, heard, hold
from core.guards.looking import Look, check_marker, look_at
from core.guards.memory import State, keep_state, remember, remembered, state_of
from core.guards.places import Standing, is_other, standing_of
from core.guards.power import on_battery
from core.guards.usual import KEPT, Counted, Finding
from core.guards.wishes import GuardWishes
from core.models import Value
from core.processes.patience import TooLong, within
from core.storage.marker import read_marker
from core.work import Copied, RunContext

NOTHING_WRITTEN: Final = "Nothing was written in this run so far. Answer once; what is right becomes usual."
PATIENCE: Final = 60.0
"""Seconds that a disk may take to answer: some have to wake up first."""

SHRUNK: Final = "shrunk"
ANSWERS_NOT: Final = "Is the network share or the disk still there? Nothing was written."
PLACES: Final = ("source moved", "destination")
"""How the findings begin that are about where a side lies."""

WENT_AWAY: Final = "Mount it again, then start the job again. What was written since then lies in the folder below the mount."
COPIED_ALREADY: Final = (
    "The copy was made; nothing was proved or deleted yet. If the source was damaged, stop, "
    "and put it right from an older copy."
)


class Sides(Value, frozen=True, kw_only=True):
    """Between which places a run works, by which patterns.

    `clears` is that the job takes away what it has copied, `marks` that a marker may be laid into the destination.
    """

    source: Path
    target: Target
    patterns: tuple[str, ...] = ()
    clears: bool = False
    marks: bool = True

    @property
    def rules(self) -> str:
        """Return what stands for the patterns, as they are remembered."""
        return blake2b("\n".join(self.patterns).encode(errors="backslashreplace"), digest_size=8).hexdigest()

    @property
    def origin(self) -> str:
        """Return the name of the source, as it is remembered."""
        return os.fsencode(self.source).decode("utf-8", "backslashreplace")

    @property
    def place(self) -> str:
        """Return the name of the target, as it is remembered."""
        folder = self.target.folder
        if folder is not None:
            return os.fsencode(folder).decode("utf-8", "backslashreplace")
        return f"{self.target.destination_id}:{self.target.below}"


class Round:
    """What the guards do in one run."""

    def __init__(self, context: RunContext, wishes: GuardWishes, sides: Sides, clocks: Clocks) -> None:
        self._context = context
        self._wishes = wishes
        self._source = sides.source
        self._target = sides.target
        self._clears = sides.clears
        self._marks = sides.marks
        self._clocks = clocks
        self._name = sides.place.rstrip(":")
        self._memory = remembered(context).of(sides.origin, sides.place, sides.rules)

    # Before the program

    def begin(self) -> None:
        """Look at both sides before anything is written."""
        state = heard(self._context, state_of(self._context))
        if state.passed == self._context.attempt:
            return
        self._check_power()
        try:
            state, found = within(PATIENCE, lambda: self._looked(state), self._context.raise_if_asked)
        except TooLong as error:
            message = f"The source or the destination did not answer for {PATIENCE:.0f} s."
            raise EngineFailed(
                message, hint=ANSWERS_NOT, transient=True, code="place-not-answering"
            ) from error
        for warning in state.warnings:
            self._context.warn(warning)
        if found:
            hold(self._context, state, found, hint=NOTHING_WRITTEN)
        keep_state(self._context, replace(state, passed=self._context.attempt, allowed=self._allowed(state)))

    def _looked(self, before: State) -> tuple[State, list[Finding]]:
        """Return what both sides look like and what is unusual of it; a disk that is gone can hold this for ever.

        What a person let pass is not found again, but what came since is. Raises EngineFailed where the source cannot
        be copied.
        """
        if self._wishes.require_marker:
            check_marker(self._source)
        if any(
            what.startswith(PLACES) for what in before.agreed
        ):  # a person said that it may lie elsewhere now
            before = replace(before, above="", disk=None, stands=None)
        self._insist_on_disks(before, begins=True)
        now = reading_of(self._clocks)
        trouble = trouble_between(None, self._memory.ended_ns, now)
        look = look_at(self._source)
        above = Path(before.above) if before.above else self._above()
        state = replace(
            before,
            above=str(above or ""),
            disk=before.disk or (standing_of(above) if above is not None else None),
            look=look,
            stands=standing_of(self._source),
            place=self._place(),
            began=before.began or now,
            target=self._name,
            warnings=(trouble,) if trouble else (),
        )
        agreed = {what for what in before.agreed if what != SHRUNK or not self._went_on(before.look, look)}
        return state, [one for one in self._unusual(state) if one.what not in agreed]

    @staticmethod
    def _went_on(agreed: Look | None, now: Look) -> bool:
        """Tell whether the source went on shrinking far below what a person agreed to."""
        seen = (
            Counted(run="", seen_files=agreed.files, seen_bytes=agreed.bytes) if agreed is not None else None
        )
        return seen is not None and bool(usual.looks_shrunk((seen,), now))

    def _allowed(self, state: State) -> int | None:
        """Return how many files a mirror may remove without asking; None is as many as it likes."""
        if REMOVALS in state.agreed or not self._wishes.guard_changes:
            return None
        known = usual.usual_of([run.files for run in self._earlier])
        files = known or (state.look.files if state.look is not None else 0)
        return usual.removals_allowed(self._earlier, files)

    def _check_power(self) -> None:
        if self._wishes.not_on_battery and on_battery():
            message = "This machine runs on its battery, and this job waits until it is plugged in."
            raise EngineFailed(
                message, hint="Give the job several attempts, so that it is tried again.", transient=True
            )

    def _place(self) -> Standing | None:
        folder = self._root()
        return standing_of(folder) if folder is not None and folder.is_dir() else None

    def _above(self) -> Path | None:
        """Return the folder nearest to the copy that is there, or the copy's own; None is remote."""
        folder = self._root()
        if folder is None or not folder.is_absolute():
            return None
        return next((place for place in (folder, *folder.parents) if place.is_dir()), None)

    def _insist_on_disks(self, state: State, *, begins: bool) -> None:
        """Raise EngineFailed where a side lies on another disk than when the run began: it went away in the middle.

        Of a folder that is gone before the copy `begins` there are questions of its own.
        """
        if not self._wishes.guard_places:
            return
        sides = [("The source", self._source, state.stands)]
        sides += [(f"The destination {self._name}", Path(state.above), state.disk)] if state.above else []
        for name, folder, before in sides:
            now = standing_of(folder)
            if before is not None and (not begins if now is None else is_other(before, now)):
                where = f"on {now.in_words}" if now is not None else "nowhere"
                message = f"{name} lay on {before.in_words} when the run began, and now {where}: its disk went away."
                raise EngineFailed(message, hint=WENT_AWAY, transient=True, code="disk-went-away")

    def _root(self) -> Path | None:
        """Return the folder whose marker counts: of a destination its own, else the one that the job names; None is remote."""
        if self._target.folder is not None:
            return self._target.folder
        found = self._context.surroundings.destinations.find(self._target.destination_id)
        path = found.settings.get("path") if found is not None and found.type == "folder" else None
        return Path(path) if isinstance(path, str) else None

    def _unusual(self, state: State) -> list[Finding]:
        found: list[Finding] = []
        if self._wishes.guard_places:
            found += [*self._moved(state), *self._unmarked()]
        if self._wishes.guard_changes and state.look is not None:
            found += self._unlike(state.look)
        return found

    def _moved(self, state: State) -> list[Finding]:
        """Return which side lies on another disk than last time."""
        found = []
        sides = (
            ("source", "The source", self._memory.stands, state.stands),
            ("destination", f"The destination {self._name}", self._memory.place, state.place),
        )
        for what, name, before, now in sides:
            if before is not None and now is not None and is_other(before, now):
                words = (
                    f"{name} lies elsewhere than last time: on {now.in_words}, not on {before.in_words}. "
                    "Is the disk mounted?"
                )
                found.append(Finding(what=f"{what} moved", words=words))
        return found

    def _unmarked(self) -> list[Finding]:
        """Return what is wrong with the marker that an earlier run left in the destination."""
        folder, known = self._root(), self._memory.marker
        if folder is None or known is None:
            return []
        if not folder.is_dir():
            words = f"The destination {folder} is gone; it was there last time. Is the disk mounted?"
            return [Finding(what="destination gone", words=words)]
        now = marker_of(folder)
        if now == known:
            return []
        what = (
            "has lost the marker that earlier runs left there" if now is None else "is marked as another one"
        )
        words = f"The destination {folder} {what}. Is the right disk mounted?"
        return [Finding(what=f"destination {what}", words=words)]

    def _unlike(self, look: Look) -> list[Finding]:
        found = {
            "renamed": usual.renamed(self._memory.look, look),
            SHRUNK: "" if self._clears else usual.looks_shrunk(self._earlier, look),
        }
        return [Finding(what=what, words=words) for what, words in found.items() if words]

    @property
    def _earlier(self) -> tuple[Counted, ...]:
        return self._memory.earlier_than(self._context.run_id)

    # After the program

    def end(self, copied: Copied) -> Copied:
        """Look at what was done, note it, and return it with the warnings of the guards.

        Raises EngineFailed where a side is not on the disk any more on which it was.
        """
        state = state_of(self._context)
        self._insist_on_disks(state, begins=False)
        counted = self._counted(state, copied)
        found = [] if state.agreed or not self._wishes.guard_changes else self._excessive(counted)
        if found:
            hold(self._context, state, found, hint=COPIED_ALREADY)
        jumped = trouble_between(state.began, 0, reading_of(self._clocks))
        marker = self._marked() if self._wishes.guard_places and self._marks else None
        self._note(state, counted, marker)
        told = (*state.warnings, *filter(None, (jumped,)))
        return replace(copied, warnings=(*copied.warnings, *told)) if told else copied

    def _counted(self, state: State, copied: Copied) -> Counted:
        look = state.look
        return Counted(
            run=self._context.run_id,
            files=copied.total_files,
            bytes=copied.total_bytes,
            seen_files=look.files if look is not None and look.whole else None,
            seen_bytes=look.bytes if look is not None else None,
            changed=copied.files,
            removed=copied.removed,
        )

    def _excessive(self, counted: Counted) -> list[Finding]:
        found = {
            SHRUNK: "" if self._clears else usual.shrank(self._earlier, counted),
            "changed": usual.changed_too_much(self._earlier, counted),
        }
        return [Finding(what=what, words=words) for what, words in found.items() if words]

    def _marked(self) -> Marker | None:
        """Return the marker of the destination, laid there if it has none; None where it can have none."""
        folder = self._root()
        if folder is None or not folder.is_dir():
            return None
        found = marker_of(folder)
        if found is not None:
            return found
        store = read_marker(self._context.surroundings.own_data / "store.yaml")
        marker = Marker(
            store=store.store if store is not None else "",
            destination=self._target.destination_id,
            job="" if self._target.destination_id else self._context.job_id,
        )
        try:
            put_marker(folder, marker)
        except OSError as error:  # the copy itself is none the worse for it
            self._context.warn(f"The destination could not be marked as one: {error.strerror}.")
            return None
        return marker

    def _note(self, state: State, counted: Counted, marker: Marker | None) -> None:
        """Note what was seen; an earlier attempt of the run that carried more says better what the run did."""
        past = () if state.agreed else self._earlier
        same = [run for run in self._memory.runs if run.run == self._context.run_id]
        most = max((counted, *same), key=lambda run: run.changed + run.removed)
        counted = replace(counted, changed=most.changed, removed=most.removed)
        remember(
            self._context,
            replace(
                self._memory,
                look=state.look,
                runs=(*past, counted)[-KEPT:],
                stands=state.stands or self._memory.stands,
                place=state.place or self._place() or self._memory.place,
                marker=marker or self._memory.marker,
                ended_ns=self._clocks.wall_ns(),
            ),
        )
