"""System calls that fail under each command: once, or all of them until the disk is healed."""

import errno
import itertools
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.calls import Call, Kind
from tests.faults.children import KILLED
from tests.faults.looking import found_in, seen_by
from tests.faults.model import Found, Model
from tests.faults.plans import ARMED, FailAt, Heard
from tests.faults.reports import Effort, Tally
from tests.faults.scenes import SCENES, Scene, Stage, copy_of, play, prepare

HEALED_WITHIN: Final = 10.0
"""Seconds after which work must go on once the cause is gone, without a restart."""

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


def failing_calls(effort: Effort, place: Path) -> Tally:
    """Let calls fail; the command is refused in plain words or done, and all that was acknowledged stays."""
    tally = Tally("system calls that fail: once, or until healed")
    before = prepare(place / "prepared", "prepared", close=True)
    calls = {name: _calls_of(SCENES[name], place) for name in COMMANDS}
    trials = [
        (name, trouble, number, again, heal)
        for name, trouble in itertools.product(COMMANDS, TROUBLES)
        for number in range(1, sum(map(trouble.concerns, calls[name])) + 1)
        for again, heal in ((False, True), (True, True), (True, False))
    ]
    if not effort.whole:
        trials = random.Random(effort.seed).sample(trials, 14)
    for name, trouble, number, again, heal in trials:
        plan = FailAt(number, trouble.error, again=again, concerns=trouble.concerns)
        folder = copy_of(place / "prepared", place / "struck")
        code = play(_suffering(SCENES[name], heal=heal), folder, plan)
        where = (
            f"{name}, {trouble} from {plan.struck}{' on' if again else ''}{'' if heal else ', never healed'}"
        )
        wrongs = _wrong_words(plan, trouble) + _wrong_contents(plan, before, folder)
        if code not in {0, KILLED}:
            wrongs.append(f"it ended with {code}")
        tally.tried(wrongs, where=where)
        tally.count("refused", sum("no" in line for line in plan.lines))
    return tally


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
        time.sleep(0.05)
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


def _wrong_contents(plan: FailAt, before: Found, folder: Path) -> list[str]:
    model = Model()
    model.accept(before)
    model.hear_all(plan.lines)
    found = found_in(folder)
    # A fault may leave something behind that is put right and named; what counts is that nothing is lost.
    found.problems.clear()
    return model.wrongs(found)
