"""What must be there after a fault: all that was acknowledged, and of the rest nothing or a whole answer.

The model knows each job and run by the newest version that anybody was told or shown, and what was
asked and not answered. What was refused did not happen.
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from core.states import MOVES, RunState, is_final
from tests.faults.telling import Told
from tests.faults.working import is_whole

NOT_PROMISED: Final = ("progress", "checkpoint")
"""What of a run that goes on may be a second or two old."""

Thing = dict[str, Any]


@dataclass
class Found:
    """What a store that was opened again shows; `dead` is why it could not be opened."""

    dead: str = ""
    jobs: dict[str, Thing] = field(default_factory=dict)
    runs: dict[str, Thing] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Model:
    """Hears what was told and says what is wrong with what was found."""

    def __init__(self, *, refusals_hold: bool = True) -> None:
        self._refusals_hold = refusals_hold
        self.jobs: dict[str, Thing] = {}
        self.runs: dict[str, Thing] = {}
        self.gone: set[str] = set()
        self.asked: dict[str, Told] = {}
        self.refused: list[Told] = []
        self.acknowledged = 0

    def copy(self) -> "Model":
        """Return a model that knows the same."""
        return deepcopy(self)

    def hear_all(self, told: Iterable[Told]) -> None:
        """Take note of everything that was told."""
        for line in told:
            self.hear(line)

    def hear(self, line: Told) -> None:
        """Take note of one thing that was told."""
        if "ask" in line:
            self.asked[line["ask"]] = line
        elif "no" in line:
            self.refused.append({**line, **self.asked[line["no"]]})
            if self._refusals_hold:
                del self.asked[line["no"]]
        elif "yes" in line:
            self._acknowledge(self.asked.pop(line["yes"]), line["answer"])
        elif "saw" in line:
            self._know(line["saw"])

    def _acknowledge(self, asked: Told, answer: Thing | None) -> None:
        self.acknowledged += 1
        if asked["verb"] == "delete":
            self._forget(asked["job"])
        elif answer is not None:
            self._know(answer)

    def _know(self, thing: Thing) -> None:
        if "job_id" not in thing:
            self._keep(self.jobs, thing, thing["id"])
        else:
            self._keep(self.runs, thing, thing["job_id"])

    def _keep(self, things: dict[str, Thing], thing: Thing, job_id: str) -> None:
        known = things.get(thing["id"])
        if job_id not in self.gone and (known is None or known["version"] < thing["version"]):
            things[thing["id"]] = thing

    def _forget(self, job_id: str) -> None:
        self.gone.add(job_id)
        self.jobs.pop(job_id, None)
        for run_id in [run["id"] for run in self.runs.values() if run["job_id"] == job_id]:
            del self.runs[run_id]

    def wrongs(self, found: Found) -> list[str]:
        """Return what should not be so, a sentence each."""
        if found.dead:
            return [f"it does not start: {found.dead}"]
        said = [f"a temporary file was left: {name}" for name in found.leftovers]
        said += [f"a problem was named: {problem}" for problem in found.problems]
        return [*said, *self._wrong_jobs(found), *self._wrong_runs(found)]

    def accept(self, found: Found) -> None:
        """Take what was found for the truth from now on; what was not answered is settled by it."""
        if found.dead:
            return
        self.gone = (self.gone | self.jobs.keys()) - found.jobs.keys()
        self.jobs, self.runs = dict(found.jobs), dict(found.runs)
        self.asked.clear()

    def _pending(self, job_id: str, *verbs: str) -> list[Told]:
        return [
            asked for asked in self.asked.values() if asked.get("job") == job_id and asked["verb"] in verbs
        ]

    def _wrong_jobs(self, found: Found) -> Iterator[str]:
        for job_id, known in self.jobs.items():
            if job_id in found.jobs:
                yield from self._wrong_job(known, found.jobs[job_id])
            elif not self._pending(job_id, "delete"):
                yield f"job {job_id} was acknowledged at version {known['version']} and is gone"
        tokens = {asked["token"] for asked in self.asked.values() if asked["verb"] == "create"}
        for job_id in found.jobs.keys() - self.jobs.keys():
            job = found.jobs[job_id]
            if job_id in self.gone:
                yield f"job {job_id} was deleted and is there again"
            elif job["options"].get("script") not in tokens or not is_whole(job):
                yield f"job {job_id} was never asked for, or is not whole: {job}"

    def _wrong_job(self, known: Thing, job: Thing) -> Iterator[str]:
        if job["version"] == known["version"]:
            if job != known:
                yield f"job {job['id']} is not what was acknowledged: {differences(known, job)}"
            return
        pending = self._pending(job["id"], "edit")
        further = job["version"] - known["version"]
        token = job["options"].get("script")
        if not 0 < further <= len(pending) or token not in {asked["token"] for asked in pending}:
            yield f"job {job['id']} is at version {job['version']}; {known['version']} was acknowledged"
        elif not is_whole(job):
            yield f"job {job['id']} is a mixture: {job}"

    def _wrong_runs(self, found: Found) -> Iterator[str]:
        for run_id, known in self.runs.items():
            if run_id in found.runs:
                yield from self._wrong_run(known, found.runs[run_id])
            elif known["job_id"] in found.jobs:
                yield f"run {run_id} was acknowledged at version {known['version']} and is gone"
        for run_id in found.runs.keys() - self.runs.keys():
            run = found.runs[run_id]
            if run["job_id"] not in found.jobs:
                yield f"run {run_id} is there without its job"
            elif not self._pending(run["job_id"], "start"):
                yield f"run {run_id} was never asked for: {run}"

    def _wrong_run(self, known: Thing, run: Thing) -> Iterator[str]:
        name, was, now = f"run {run['id']}", RunState(known["state"]), RunState(run["state"])
        if run["version"] == known["version"]:
            left_out = () if is_final(was) else NOT_PROMISED
            if {**run, **dict.fromkeys(left_out)} != {**known, **dict.fromkeys(left_out)}:
                yield f"{name} is not what was acknowledged: {differences(known, run)}"
            return
        pending = [asked for asked in self.asked.values() if asked.get("run") == run["id"]]
        if not 0 < run["version"] - known["version"] <= len(pending):
            yield f"{name} is at version {run['version']}; {known['version']} was acknowledged"
        elif is_final(was) or now not in _reachable(was):
            yield f"{name} was {was} and is {now}"


def _reachable(state: RunState) -> set[RunState]:
    """Return every state that may follow, now or later."""
    found: set[RunState] = set()
    new = {state}
    while new:
        found |= new
        new = set().union(*(MOVES[each] for each in new)) - found
    return found


def differences(one: Thing | None, other: Thing | None) -> str:
    """Return which fields of a thing are not the same, and how."""
    if one is None or other is None:
        return "it is new" if one is None else "it is gone"
    names = (name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return "; ".join(f"{name} was {one.get(name)!r:.200} and is {other.get(name)!r:.200}" for name in names)
