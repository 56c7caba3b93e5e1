"""Servers that are killed, stopped and restarted while programs run: each is taken up with its whole log and true code."""

import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.faults.reports import Effort, Tally
from tests.faults.servers import RealServer, marked_with, until

KINDS: Final = ("lasting", "single")
OVER: Final = ("completed", "failed", "cancelled", "skipped")
SAYS: Final = "line "
TALKS: Final = (
    "echo $$ >> {starts}; i=0; while [ $i -lt {lines} ]; do i=$((i+1)); echo line $i; sleep {pause}; done; "
    "echo done >> {starts}; exit {code}"
)
"""Writes down that it started, says so many lines, writes down that it ended."""

TREE: Final = "trap '' TERM; echo began; (setsid sh -c \"trap '' TERM; sleep 600 & sleep 600\" &); (sleep 600 &); sleep 600"
"""Forks twice, leaves its session, and is deaf to TERM."""

ENDS_WITHIN: Final = 60.0
CANCELLED_WITHIN: Final = 10.0


@dataclass(frozen=True)
class Told:
    """A program that was started, and what is to be found of it."""

    run_id: str
    starts: Path
    lines: int
    code: int

    def began(self) -> int:
        """Return how often it was started."""
        return len([line for line in _lines(self.starts) if line != "done"])

    def wrongs(self, server: RealServer, *, starts: int = 1) -> list[str]:
        """Return what is not as it should be once it is over."""
        run, said = server.run(self.run_id), _said(server, self.run_id)
        wanted = [f"{SAYS}{number}" for number in range(1, self.lines + 1)]
        wrongs = []
        if said != wanted:
            missing, doubled = len(set(wanted) - set(said)), len(said) - len(set(said))
            wrongs.append(f"{missing} lines are missing and {doubled} doubled")
        if self.began() != starts:
            wrongs.append(f"it was started {self.began()} times")
        wrongs += _wrong_ending(run, self.code)
        wrongs += [f"process {pid} is left of it" for pid in marked_with(self.run_id)]
        return wrongs


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _said(server: RealServer, run_id: str) -> list[str]:
    return [text for text in server.log(run_id) if text.startswith(SAYS)]


def _wrong_ending(run: Mapping[str, Any], code: int) -> list[str]:
    state = "failed" if code else "completed"
    if run["state"] != state:
        return [f"it is {run['state']}, not {state}"]
    found = run["result"].get("exit_code", run["result"].get("code"))
    if found != code:
        return [f"its code is {found}, not {code}"]
    return []


class Talking:
    """A server with programs that talk."""

    def __init__(self, server: RealServer, chance: random.Random) -> None:
        self._server = server
        self._chance = chance
        self._number = 0

    def begin(self, count: int, *, kind: str = "", lines: int = 40, pause: float = 0.1) -> list[Told]:
        """Start so many programs."""
        return [self._one(kind, lines, pause) for _ in range(count)]

    def _one(self, kind: str, lines: int, pause: float) -> Told:
        self._number += 1
        starts = self._server.data.parent / f"{self._server.data.name}-{self._number}.starts"
        code = self._chance.choice((0, 0, 1, 7, 123))
        script = TALKS.format(starts=starts, lines=lines, pause=pause, code=code)
        kind = kind or self._chance.choice(("command", *KINDS))
        return Told(self._server.begin(kind, ["sh", "-c", script]), starts, lines, code)

    def all_over(self, told: list[Told]) -> bool:
        """Wait until all are over; tell whether they were in time."""
        return until(lambda: all(self._server.run(one.run_id)["state"] in OVER for one in told), ENDS_WITHIN)

    def wrongs(self, told: list[Told]) -> list[str]:
        """Return what is wrong with programs that were to end by themselves."""
        over = self.all_over(told)
        stuck = [] if over else ["some were not over in time"]
        return [
            *stuck,
            *(f"program {one.starts.name}: {wrong}" for one in told for wrong in one.wrongs(self._server)),
        ]


def kills_of_the_server(effort: Effort, place: Path) -> Tally:
    """Kill -9 of a server while twenty programs run, again and again until they are over."""
    tally = Tally("kill -9 of a real server while programs run")
    chance = random.Random(effort.seed)
    programs, kills = effort.of(20, some=4), effort.of(100, some=2)
    for number in range(effort.of(5, some=1)):
        with RealServer(place / f"data-{number}") as server:
            talking = Talking(server, chance)
            left = kills // effort.of(5, some=1)
            while left > 0:
                told = talking.begin(programs, lines=effort.of(40, some=15))
                for _ in range(min(left, chance.randint(2, 4))):
                    time.sleep(chance.uniform(0, 1.5))
                    server.kill()
                    server.start()
                    tally.count("kills", 1)
                    left -= 1
                tally.tried(talking.wrongs(told), where=f"server {number}, {left} kills to go")
                tally.count("programs", len(told))
            tally.tried(_orphans(server), where=f"server {number} at its end")
    return tally


def _orphans(server: RealServer) -> list[str]:
    until(lambda: not server.supervisors(), 10.0)
    return [f"supervisor {pid} is left" for pid in server.supervisors()]


def kills_of_supervisors(effort: Effort, place: Path) -> Tally:
    """Kill -9 of supervisors, with and without a server: what they left is ended, and the class of the kind decides."""
    tally = Tally("kill -9 of supervisors")
    chance = random.Random(effort.seed)
    with RealServer(place / "data") as server:
        talking = Talking(server, chance)
        for number in range(effort.of(10, some=1)):
            beside = number % 2 == 0
            lasting, single = (
                talking.begin(effort.of(5, some=1), kind=kind) for kind in ("lasting", "single")
            )
            told = [*lasting, *single]
            until(lambda: all(_said(server, one.run_id) for one in told), ENDS_WITHIN)  # noqa: B023
            if beside:
                server.kill()
            for pid in server.supervisors():
                os.kill(pid, signal.SIGKILL)
            if beside:
                server.start()
            wrongs = _wrong_after_loss(server, lasting, single, talking)
            tally.tried(wrongs, where=f"{number}, the server {'dead' if beside else 'alive'}")
    return tally


def _wrong_after_loss(
    server: RealServer, lasting: list[Told], single: list[Told], talking: Talking
) -> list[str]:
    def paused(one: Told) -> bool:
        return bool(server.run(one.run_id)["state"] == "paused")

    until(lambda: all(paused(one) for one in single), 30.0)
    wrongs = [f"a single one is {server.run(one.run_id)['state']}" for one in single if not paused(one)]
    wrongs += [f"a single one was started {one.began()} times" for one in single if one.began() != 1]
    wrongs += [f"process {pid} of a single one is left" for one in single for pid in marked_with(one.run_id)]
    for one in single:
        server.ask("POST", f"/runs/{one.run_id}/cancel")
    if not talking.all_over(lasting):
        wrongs.append("a lasting one was not over in time")
    wrongs += [f"a lasting one was started {one.began()} times" for one in lasting if one.began() != 2]
    return wrongs + [wrong for one in lasting for wrong in _wrong_ending(server.run(one.run_id), one.code)]


def restarts_in_peace(effort: Effort, place: Path) -> Tally:
    """SIGHUP and SIGSTOP: programs stay at work, and nothing of theirs is lost or doubled."""
    tally = Tally("SIGHUP and SIGSTOP of a real server while programs run")
    chance = random.Random(effort.seed)
    with RealServer(place / "data") as server:
        talking = Talking(server, chance)
        for number in range(effort.of(12, some=1)):
            told = talking.begin(effort.of(10, some=3), lines=effort.of(30, some=12))
            time.sleep(chance.uniform(0, 1.0))
            if number % 3 == 1:
                server.signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0.5, 3.0))
                server.signal(signal.SIGCONT)
            else:
                key = server.token
                server.signal(signal.SIGHUP)
                server.meet(key)
            tally.tried(talking.wrongs(told), where=f"restart {number}")
    return tally


def stops(effort: Effort, place: Path) -> Tally:
    """SIGTERM: what does not end within the grace is ended, trees and all, and goes on or waits for a person."""
    tally = Tally("SIGTERM of a real server while programs run")
    chance = random.Random(effort.seed)
    with RealServer(place / "data", HOLDFAST_GRACE="1") as server:
        talking = Talking(server, chance)
        for number in range(effort.of(10, some=1)):
            lasting, single = (
                talking.begin(effort.of(5, some=1), kind=kind) for kind in ("lasting", "single")
            )
            trees = [server.begin("single", ["sh", "-c", TREE], options={"grace": 1.0}) for _ in range(3)]
            ids = [*trees, *(one.run_id for one in (*lasting, *single))]
            until(lambda: all(len(server.log(run_id)) > 1 for run_id in ids), ENDS_WITHIN)  # noqa: B023
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            code = server.wait()
            tally.longest("slowest stop, s", time.monotonic() - began)
            wrongs = [f"the server ended with {code}"] if code else []
            wrongs += [f"process {pid} is left" for run_id in ids for pid in marked_with(run_id)]
            wrongs += [f"supervisor {pid} is left" for pid in server.supervisors()]
            server.start()
            wrongs += _wrong_after_loss(server, lasting, single, talking)
            for run_id in trees:
                server.ask("POST", f"/runs/{run_id}/cancel")
            tally.tried(wrongs, where=f"stop {number}")
    return tally


def cancelled_trees(effort: Effort, place: Path) -> Tally:
    """Cancel of whole trees that fork twice, leave their session and are deaf to TERM."""
    tally = Tally("cancel of deaf trees of processes")
    with RealServer(place / "data") as server:
        for number in range(effort.of(10, some=1)):
            ids = [server.begin("lasting", ["sh", "-c", TREE]) for _ in range(effort.of(10, some=3))]
            until(lambda: all("began" in server.log(run_id) for run_id in ids), ENDS_WITHIN)  # noqa: B023
            began = time.monotonic()
            for run_id in ids:
                server.ask("POST", f"/runs/{run_id}/cancel")
            in_time = until(
                lambda: all(server.run(run_id)["state"] == "cancelled" for run_id in ids),  # noqa: B023
                CANCELLED_WITHIN,
            )
            tally.longest("slowest, s", time.monotonic() - began)
            wrongs = [] if in_time else ["they were not cancelled in time"]
            wrongs += [f"process {pid} is left" for run_id in ids for pid in marked_with(run_id)]
            tally.tried(wrongs, where=f"trees {number}")
            tally.count("trees", len(ids))
    return tally
