"""Two processes in one folder: nothing that either was told is lost, and neither goes over the other's change."""

import random
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from core.drafts import JobDraft, JobPatch
from core.errors import Overtaken, VersionConflict
from core.models import Job
from core.storage.memory import MemoryStore
from tests.faults.children import Child, answer_of
from tests.faults.looking import found_in
from tests.faults.model import Model
from tests.faults.reports import Effort, Tally
from tests.faults.telling import Teller, lines_of
from tests.faults.working import House, work_for_ever

PROCESSES: Final = 2
WRITERS: Final = 8
COUNTERS: Final = 50
THREADS: Final = 100
LONGEST: Final = 300.0
MADE: Final = re.compile(r"Made .*, ([0-9a-f-]{36})\.")
ROOT: Final = Path(__file__).parents[2]


def shared_counters(effort: Effort, place: Path) -> Tally:
    """Let two processes of eight writers add to the same counters; with retry none is lost."""
    tally = Tally(f"{PROCESSES} processes x {WRITERS} writers on {COUNTERS} shared counters")
    each = effort.of(250, some=12)
    folder = place / "store"
    answer_of(lambda: _make_counters(folder))
    began = time.monotonic()
    ended = _at_once(lambda number: _add(folder, f"{effort.seed}.{number}", each))
    seconds = time.monotonic() - began
    jobs = found_in(folder).jobs.values()
    total, wanted = sum(int(job["options"]["word"]) for job in jobs), PROCESSES * WRITERS * each
    wrongs = [f"{wanted} were added and {total} are there"] if total != wanted else []
    wrongs += [
        f"a job is at version {job['version']}"
        for job in jobs
        if job["version"] != 1 + int(job["options"]["word"])
    ]
    tally.tried([*wrongs, *ended], where="counters")
    tally.count("added", wanted)
    tally.longest("a second", wanted / seconds)
    return tally


def _make_counters(folder: Path) -> None:
    house = House(folder).open()
    for number in range(COUNTERS):
        house.manager.create(JobDraft(name=f"counter {number}", kind="scripted", options={"word": "0"}))
    house.close()


def _add(folder: Path, seed: str, times: int) -> None:
    house = House(folder).open(at_work=False)
    job_ids = house.job_ids()

    def add(number: int) -> None:
        chance = random.Random(f"{seed}.{number}")
        for _ in range(times):
            add_one(house, chance.choice(job_ids))

    _in_threads(WRITERS, add)
    house.close()


def add_one(house: House, job_id: str) -> Job:
    """Add one to a counter, again and again until nobody was faster."""
    while True:
        job = house.manager.job(job_id).job
        patch = JobPatch(options={"word": str(int(job.options["word"]) + 1)})
        try:
            return house.manager.edit(job_id, patch, version=job.version)
        except (VersionConflict, Overtaken):
            continue


def a_hundred_threads(effort: Effort, place: Path) -> Tally:
    """Let a hundred threads add one to one counter, each naming the version it saw, until nobody was faster."""
    tally = Tally(f"{THREADS} threads adding 1 to one counter, in both stores")
    for name, on_files in (("memory", False), ("files", True)):
        for number in range(effort.of(10, some=1)):
            value = answer_of(partial(_counted, place / f"{name}-{number}", on_files=on_files))
            tally.tried([f"{value} is there"] if value != THREADS else [], where=name)
    return tally


def _counted(folder: Path, *, on_files: bool) -> int:
    house = House(folder) if on_files else House(folder, MemoryStore())
    house.open()
    job = house.manager.create(JobDraft(name="counter", kind="scripted", options={"word": "0"}))
    _in_threads(THREADS, lambda _: add_one(house, job.id))
    value = int(house.manager.job(job.id).job.options["word"])
    house.close()
    return value


def jobs_of_two(effort: Effort, place: Path) -> Tally:
    """Let each of two processes create jobs at the same time; all of them are there."""
    each = effort.of(500, some=40)
    tally = Tally(f"{PROCESSES} processes x {each} jobs created")
    folder = place / "store"
    answer_of(lambda: House(folder).open().close())
    ended = _at_once(partial(_create, folder, count=each))
    found = found_in(folder)
    wrongs = [f"{len(found.jobs)} jobs are there"] if len(found.jobs) != PROCESSES * each else []
    tally.tried([*wrongs, *ended, *found.problems], where="jobs")
    return tally


def _create(folder: Path, number: int, *, count: int) -> None:
    house = House(folder).open(at_work=False)

    def create(thread: int) -> None:
        for at in range(thread, count, WRITERS):
            house.manager.create(JobDraft(name=f"job {number} {at}", kind="scripted"))

    _in_threads(WRITERS, create)
    house.close()


def one_of_two_killed(effort: Effort, place: Path) -> Tally:
    """Kill one of two processes that write; the other goes on, and nothing of either is lost."""
    tally = Tally("kill -9 of one of two processes that write")
    chance = random.Random(effort.seed)
    folder, model = place / "store", Model()
    answer_of(lambda: House(folder).open().close())
    for number in range(effort.of(40, some=2)):
        told = place / f"told-{number}"
        worker = chance.randrange(3)  # which of the two, if any, carries out runs
        seed = f"{effort.seed}.{number}"
        first = _writing_for_ever(folder, told, f"{seed}.0", at_work=worker == 0)
        second = _writing_for_ever(folder, told, f"{seed}.1", at_work=worker == 1)
        with first, second:
            _until(told, 40)
            first.kill()
            first.wait()
            count = sum(1 for _ in lines_of(told))
            wrongs = [] if _until(told, count + 40) else ["the other does not go on"]
            second.kill()
        model.hear_all(lines_of(told))
        found = found_in(folder)
        tally.tried(wrongs + model.wrongs(found), where=f"kill {number}, at work was {worker}")
        model.accept(found)
    tally.count("acknowledged", model.acknowledged)
    return tally


def _writing_for_ever(folder: Path, told: Path, seed: str, *, at_work: bool) -> Child:
    def work() -> None:
        work_for_ever(House(folder).open(at_work=at_work), Teller(told), seed, writers=WRITERS)

    return Child(work)


def _until(told: Path, count: int) -> bool:
    """Wait until so many lines were told; tell whether they were."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if told.exists() and told.read_bytes().count(b"\n") >= count:
            return True
        time.sleep(0.01)
    return False


def new_folders(effort: Effort, place: Path) -> Tally:
    """Let two processes make the same folder a store at the same moment; both can work in it."""
    tally = Tally(f"{PROCESSES} processes that make one folder at once")
    for number in range(effort.of(60, some=3)):
        folder = place / f"store-{number}"
        wrongs = _at_once(partial(_create, folder, count=1))
        found = found_in(folder)
        wrongs += found.problems + (
            [f"{len(found.jobs)} jobs are there"] if len(found.jobs) != PROCESSES else []
        )
        tally.tried(wrongs, where=f"folder {number}")
    return tally


def two_shells(effort: Effort, place: Path) -> Tally:
    """Run `holdfast job create` in a loop in two shells at once; every job that was told is there."""
    each = effort.of(20, some=1)
    tally = Tally(f"{PROCESSES} shells x {each} times `holdfast job create`")
    data, source = place / "data", place / "source"
    source.mkdir()
    holdfast = shlex.quote(str(Path(sys.executable).with_name("holdfast")))
    places = f"-o source={shlex.quote(str(source))} --data {shlex.quote(str(data))}"
    made_by = (
        f"for at in $(seq {each}); do {holdfast} job create shell-{number}-$at {places}"
        f" -o destination={shlex.quote(str(place))}/copy-{number}-$at ; done"
        for number in range(PROCESSES)
    )
    pipe = subprocess.PIPE
    shells = [
        subprocess.Popen(["/bin/sh", "-c", script], stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
        for script in made_by
    ]
    said = [shell.communicate(timeout=LONGEST) for shell in shells]
    made = [job_id for out, _ in said for job_id in MADE.findall(out)]
    wrongs = []
    found = found_in(data)
    wrongs += [f"job {job_id} was told and is not there" for job_id in made if job_id not in found.jobs]
    if len(made) != PROCESSES * each:
        wrongs.append(f"{len(made)} jobs were made; the shells said {[words[-300:] for _, words in said]}")
    tally.tried(wrongs, where="shells")
    return tally


def _at_once(work: Callable[[int], None]) -> list[str]:
    """Do the same in each process at the same time; return how those ended that did not end well."""
    children = [Child(partial(work, number)) for number in range(PROCESSES)]
    try:
        codes = [child.wait() for child in children]
    finally:
        for child in children:
            child.kill()
    return [f"a process ended with {code}" for code in codes if code]


def _in_threads(count: int, work: Callable[[int], object]) -> None:
    wrong: list[BaseException] = []

    def tried(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - raised again below, where it ends the process
            wrong.append(error)

    threads = [threading.Thread(target=tried, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in wrong:
        raise error
