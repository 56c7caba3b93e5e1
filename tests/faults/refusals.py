"""System calls that fail under each command: once, or all of them until the disk is healed."""

import errno
import os
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.calls import Call, Kind
from tests.faults.looking import found_in, seen_by
from tests.faults.model import Found, Model
from tests.faults.plans import ARMED, FailAt, Heard, LoseAt
from tests.faults.reports import Effort, Tally
from tests.faults.scenes import SCENES, Scene, Stage, copy_of, play, prepare

HEALED_WITHIN: Final = 10.0
"""Seconds after which work must go on once the cause is gone, without a restart."""

LONGEST_WRITE: Final = 7
GROWING: Final = frozenset({Kind.WRITE, Kind.CREATE, Kind.FOLDER, Kind.LINK})
CHANGING: Final = frozenset(Kind) - {Kind.SYNC}
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True)
class Trouble:
    """An error, and the calls that it comes from."""

    error: int
    kinds: frozenset[Kind]

    def concerns(self, call: Call) -> bool:
        """Tell whether a call would end so."""
        return call.kind in self.kinds

    def __str__(self) -> str:
        kinds = ", ".join(sorted(self.kinds)) if len(self.kinds) < len(Kind) else "everything"
        return f"{errno.errorcode[self.error]} on {kinds}"


TROUBLES: Final = (
    Trouble(errno.ENOSPC, GROWING),
    Trouble(errno.ENOSPC, frozenset({Kind.SYNC})),
    Trouble(errno.EDQUOT, GROWING),
    Trouble(errno.EIO, frozenset({Kind.WRITE})),
    Trouble(errno.EIO, frozenset({Kind.SYNC})),
    Trouble(errno.EIO, frozenset(Kind)),
    Trouble(errno.EROFS, CHANGING),
    Trouble(errno.EMFILE, frozenset({Kind.CREATE})),
)

COMMANDS: Final = ("create", "edit", "start", "claim", "complete", "cancel", "delete", "close")


@dataclass(frozen=True)
class Trial:
    """A command under which calls fail: from call `number` of those that the trouble concerns."""

    command: str
    trouble: Trouble
    number: int
    again: bool
    heal: bool
    loses: bool = False

    def plan(self) -> FailAt:
        """Return what the gate decides."""
        if self.loses:
            return LoseAt(self.number, self.trouble.error, again=self.again)
        concerns = self.trouble.concerns
        return FailAt(self.number, self.trouble.error, again=self.again, concerns=concerns)

    def where(self, plan: FailAt) -> str:
        """Return what was done, and where it struck."""
        lost = ", and what was not flushed is lost" if self.loses else ""
        length = "once" if not self.again else "until healed" if self.heal else "for good"
        return f"{self.command}, {self.trouble} from {plan.struck}, {length}{lost}"

    @property
    def is_dead(self) -> bool:
        """Tell whether the disk takes nothing ever after, not even that a file gets shorter."""
        return self.again and not self.heal and self.trouble.kinds == frozenset(Kind)


def failing_calls(effort: Effort, place: Path) -> Tally:
    """Let calls fail; the command is refused in plain words or done, and all that was acknowledged stays."""
    tally = Tally("system calls that fail: once, until healed, for good")
    before = prepare(place / "prepared", "prepared", close=True)
    trials = list(_trials(place))
    if not effort.whole:
        trials = random.Random(effort.seed).sample(trials, 8)
    for trial in trials:
        plan = trial.plan()
        folder = copy_of(place / "prepared", place / "struck")
        code = play(_suffering(SCENES[trial.command], heal=trial.heal), folder, plan)
        wrongs = [f"it ended with {code}"] if code else []
        wrongs += _wrong_words(plan, trial.trouble)
        wrongs += _wrong_contents(plan, before, folder, Model(refusals_hold=not trial.is_dead))
        tally.tried(wrongs, where=trial.where(plan))
        tally.count("refused", sum("no" in line for line in plan.lines))
    return tally


def _trials(place: Path) -> Iterator[Trial]:
    for command in COMMANDS:
        calls = _calls_of(SCENES[command], place)
        for trouble in TROUBLES:
            for number in range(1, sum(map(trouble.concerns, calls)) + 1):
                for again, heal in ((False, True), (True, True), (True, False)):
                    yield Trial(command, trouble, number, again, heal)
                    if trouble.kinds == {Kind.SYNC}:
                        yield Trial(command, trouble, number, again, heal, loses=True)


def short_writes(effort: Effort, place: Path) -> Tally:
    """Let the system take a part of each write only, as it may; everything is done all the same."""
    tally = Tally("writes of which the system takes a part")
    before = prepare(place / "prepared", "prepared", close=True)
    for command in COMMANDS if effort.whole else COMMANDS[:2]:
        plan = Heard()
        folder = copy_of(place / "prepared", place / "struck")
        code = play(_in_parts(SCENES[command]), folder, plan)
        wrongs = [f"it ended with {code}"] if code else []
        wrongs += [f"it was refused as {line['code']!r}" for line in plan.lines if "no" in line]
        wrongs += _wrong_contents(plan, before, folder, Model())
        tally.tried(wrongs, where=command)
    return tally


def _in_parts(scene: Scene) -> Scene:
    """Return the scene on a system that takes at most a few bytes at once; this is a child, nobody else sees it."""

    def played(stage: Stage) -> None:
        write = os.write
        os.write = lambda descriptor, data: write(descriptor, bytes(data)[:LONGEST_WRITE])
        scene(stage)
        os.write = write

    return played


def _calls_of(scene: Scene, place: Path) -> list[Call]:
    plan = Heard()
    play(scene, copy_of(place / "prepared", place / "dry"), plan)
    return plan.calls


def _suffering(scene: Scene, *, heal: bool) -> Scene:
    """Return the scene, then a look at everything, and, once healed, more work until it is taken."""

    def played(stage: Stage) -> None:
        scene(stage)
        if scene is SCENES["close"]:
            return
        stage.teller.tell(reading=len(seen_by(stage.house.manager).jobs))
        if heal:
            stage.teller.tell(**{ARMED: False})
            stage.teller.tell(again=_works_again(stage))

    return played


def _works_again(stage: Stage) -> bool:
    until = time.monotonic() + HEALED_WITHIN
    while time.monotonic() < until:
        if stage.writer.create() is not None:
            return True
    return False


def _wrong_words(plan: FailAt, trouble: Trouble) -> list[str]:
    wanted = "storage-full" if trouble.error in FULL else "storage-failed"
    told: Mapping[str, object] = {
        key: line[key] for line in plan.lines for key in ("reading", "again") if key in line
    }
    refusals = [line for line in plan.lines if "no" in line]
    wrongs = [
        f"it was refused as {line['code']!r}: {line['words']}" for line in refusals if line["code"] != wanted
    ]
    if told.get("again") is False:
        wrongs.append(f"nothing was taken within {HEALED_WITHIN:.0f} s after the disk was healed")
    return wrongs


def _wrong_contents(plan: Heard, before: Found, folder: Path, model: Model) -> list[str]:
    model.accept(before)
    model.hear_all(plan.lines)
    found = found_in(folder)
    # A fault may leave something behind that is put right and named; what counts is that nothing is lost.
    found.problems.clear()
    return model.wrongs(found)
