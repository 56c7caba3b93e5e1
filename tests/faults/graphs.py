"""Graphs of jobs under a server that is killed between their steps: each job runs once, in order, and none is lost."""

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.faults.reports import Effort, Tally
from tests.faults.servers import RealServer, until

Shape = Mapping[str, Sequence[str]]

DIAMOND: Final = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
OVER: Final = ("completed", "failed", "cancelled", "skipped")
STEP: Final = "echo {name} began >> '{journal}'; sleep {pause}; echo {name} ended >> '{journal}'"
"""What each job does: it writes down that it begins and, later, that it ends."""

KINDS: Final = ("lasting", "single")
PAUSES: Final = (0, 0.05, 0.2)
ENDS_WITHIN: Final = 120.0
SETTLES_WITHIN: Final = 1.0


def shapes_of(*, chain: int, fan: int) -> Mapping[str, Shape]:
    """Return what is tried, with so many jobs in a row and so many after one."""
    return {
        "diamond": DIAMOND,
        f"chain of {chain}": {str(one): (str(one - 1),) if one else () for one in range(chain)},
        f"fan-out of {fan}": {"root": (), **{f"leaf {one}": ("root",) for one in range(fan)}},
    }


@dataclass
class Flow:
    """A graph that was started once, and what its jobs wrote down."""

    server: RealServer
    shape: Shape
    journal: Path
    ids: dict[str, str] = field(default_factory=dict)

    def begin(self, chance: random.Random) -> None:
        """Make the jobs, and start where the graph begins."""
        for name, parents in self.shape.items():
            script = STEP.format(
                name=name.replace(" ", "-"), journal=self.journal, pause=chance.choice(PAUSES)
            )
            entry = {
                "name": name,
                "kind": chance.choice(KINDS),
                "options": {"argv": ["sh", "-c", script]},
                "after": [self.ids[parent] for parent in parents],
            }
            self.ids[name] = str(self.server.ask("POST", "/jobs", json=entry)["id"])
        last = self.ids[name]
        self.server.ask("POST", f"/jobs/{last}/graph/start")

    def runs(self, name: str) -> list[Mapping[str, Any]]:
        """Return the runs of a job."""
        found: list[Mapping[str, Any]] = self.server.ask("GET", f"/jobs/{self.ids[name]}/runs")["items"]
        return found

    def over(self) -> bool:
        """Tell whether every job has a run and all are over."""
        jobs = self.server.ask("GET", f"/jobs/{next(iter(self.ids.values()))}/graph")["jobs"]
        return len(jobs) == len(self.shape) and all(job["state"] in OVER for job in jobs)

    def wrongs(self) -> list[str]:
        """Return what is not as it should be."""
        if not until(self.over, ENDS_WITHIN):
            return [
                f"{name} is {self._state(name)}" for name in self.shape if self._state(name) != "completed"
            ]
        return [*self._wrong_runs(), *self._wrong_order()]

    def _state(self, name: str) -> str:
        runs = self.runs(name)
        return str(runs[0]["state"]) if runs else "lost"

    def _wrong_runs(self) -> list[str]:
        wrongs = []
        for name in self.shape:
            runs = self.runs(name)
            if len(runs) != 1:
                wrongs.append(f"{name} has {len(runs)} runs")
            wrongs += [f"{name} is {run['state']}" for run in runs if run["state"] != "completed"]
        return wrongs

    def _wrong_order(self) -> list[str]:
        """Return which job did not begin and end once, and which began before one that it comes after had ended."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        counted, place = Counter(lines), {line: number for number, line in enumerate(lines)}
        wrongs = []
        for name, parents in self.shape.items():
            word = name.replace(" ", "-")
            times = {what: counted[f"{word} {what}"] for what in ("began", "ended")}
            wrongs += [f"{name} {what} {many} times" for what, many in times.items() if many != 1]
            wrongs += [
                f"{name} began before {parent} had ended"
                for parent in parents
                if place.get(f"{word} began", -1) < place.get(f"{parent.replace(' ', '-')} ended", len(lines))
            ]
        return wrongs


def kills_between_steps(effort: Effort, place: Path) -> Tally:
    """Kill -9 of a server at any moment of a graph, until it is over; 100 kills in all."""
    tally = Tally("kill -9 of a server between the steps of a graph")
    chance = random.Random(effort.seed)
    kills = effort.of(100, some=3)
    shapes = shapes_of(chain=effort.of(10, some=5), fan=effort.of(50, some=8))
    number = 0
    with RealServer(place / "data") as server:
        while tally.facts.get("kills", 0) < kills or number < len(shapes):
            title = list(shapes)[number % len(shapes)]
            flow = Flow(server, shapes[title], place / f"{number}.journal")
            flow.begin(chance)
            for _ in range(chance.randint(1, effort.of(4, some=1))):
                time.sleep(chance.uniform(0, SETTLES_WITHIN))
                server.kill()
                server.start()
                tally.count("kills", 1)
            tally.tried(flow.wrongs(), where=f"{title}, number {number}")
            tally.count("jobs", len(flow.shape))
            number += 1
    return tally
