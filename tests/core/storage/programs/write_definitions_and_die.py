"""Write definitions in a child that is killed at its first, second, third ... line; then look what is there.

What is asked after each kill: is every file whole, is it one of the texts there may be, is nothing
half-written left, and is the job written in the end.
"""

import itertools
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from msgspec.structs import replace

from core.storage.definitions import definition_of, text_of_definition
from core.storage.folder import StoreFolder
from core.storage.placed import crc_of
from core.storage.shelf import Shelf
from tests.builders import a_kept_job
from tests.doubles import SettableClock

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
WATCHED = ("exchanging.py", "placing.py", "kept_texts.py", "atomic.py")
BEFORE = a_kept_job(ONE)
AFTER = {
    "create": BEFORE,
    "rename": replace(BEFORE, name="pictures", version=2),
    "delete": None,
    "put_back": BEFORE,
}


def plain(job):
    return text_of_definition(definition_of(job))


def prepare(root, doing):
    """Make the store as it is before, and return where the definition is."""
    folder = StoreFolder(root, SettableClock())
    folder.take()
    placed = {}
    if doing != "create":
        shelf = Shelf(folder, placed, {ONE: BEFORE}.get)
        shelf.due(BEFORE)
        shelf.write_due()
    if doing == "put_back":
        (root / "jobs" / placed[ONE].file).write_bytes(b"name: [\n")
    folder.release()
    return placed


def shelf_on(root, placed, doing):
    jobs = {ONE: AFTER[doing]} if AFTER[doing] else {}
    return Shelf(StoreFolder(root, SettableClock()), dict(placed), jobs.get)


def do(root, placed, doing):
    shelf = shelf_on(root, placed, doing)
    if doing == "delete":
        shelf.gone(ONE)
    elif doing == "put_back":
        shelf.put_back(ONE)
        return
    else:
        shelf.due(AFTER[doing], None if doing == "create" else BEFORE)
    shelf.write_due()


def killed_at(number, root, placed, doing):
    """Tell whether the child got as far as that line."""
    child = os.fork()
    if not child:
        left = itertools.count(number, -1)

        def on_line(frame, event, argument):
            if event == "line" and next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return on_line

        def on_call(frame, event, argument):
            return on_line if frame.f_code.co_filename.endswith(WATCHED) else None

        sys.settrace(on_call)
        do(root, placed, doing)
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, "the child failed by itself"
    return os.WIFSIGNALED(status)


def what_is_wrong(root, placed, doing):
    """Open the store as after a crash, and say what is not as it should be."""
    jobs = {ONE: AFTER[doing]} if AFTER[doing] else {}
    known = {job_id: replace(place, behind=True, signature=None) for job_id, place in placed.items()}
    gone = known if doing == "delete" else {}
    if doing == "delete":
        known = {}
    allowed = {plain(job) for job in (BEFORE, AFTER[doing]) if job} | {b"name: [\n"}
    files = list((root / "jobs").rglob("*.yaml"))
    torn = [path.name for path in files if path.name[0] != "." and path.read_bytes() not in allowed]
    shelf = Shelf(
        StoreFolder(root, SettableClock()),
        known,
        jobs.get,
        gone=gone,
        unplaced=[] if placed else list(jobs),
        stale={ONE: {crc_of(plain(BEFORE))}},
    )
    found = [one.kind for slice_ in shelf.sweep(tidy=True) for one in slice_]
    if found == ["mistaken"] and doing == "put_back":
        shelf.put_back(ONE)
        found = []
    shelf.write_due()
    texts = [path.read_bytes() for path in (root / "jobs").rglob("*.yaml")]
    wanted = [plain(AFTER[doing])] if AFTER[doing] else []
    left = [path.name for path in root.rglob("*.tmp")]
    kept = {
        path.read_bytes() for folder in ("backups", "quarantine") for path in (root / folder).rglob("*.yaml")
    }
    lost = doing in {"rename", "delete"} and plain(BEFORE) not in kept
    lost = lost or (doing == "put_back" and b"name: [\n" not in kept)
    wrong = {"torn": torn, "found": found, "texts": texts != wanted, "left": left, "lost": lost}
    return {name: value for name, value in wrong.items() if value}


def main(doing, top):
    wrong = []
    ready = top / "ready"
    placed = prepare(ready, doing)
    for number in itertools.count():
        root = top / f"killed-{number}"
        shutil.copytree(ready, root)
        was_killed = killed_at(number, root, placed, doing)
        if trouble := what_is_wrong(root, placed, doing):
            wrong.append([number, trouble])
        shutil.rmtree(root)
        if not was_killed:
            break
    sys.stdout.write(json.dumps({"kills": number, "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
