"""Where rsync writes a file until it is whole: a folder of the job's own at the destination.

A rsync that is killed leaves such a file under a name that nobody can tell from a file of the person's. In this folder it
is ours, is never taken for a part of the copy, and the next run removes it.
"""

import contextlib
from hashlib import blake2b
from pathlib import Path
from typing import Final

from core.processes.orders import Order
from core.remotes.calls import Call
from core.remotes.rsync_said import Listener
from core.storage import atomic
from core.work import RunContext

BEGINNING: Final = ".holdfast-unfinished-"


def name_of(job_id: str) -> str:
    """Return the name of the folder for a job, at the top of its copy."""
    return f"{BEGINNING}{blake2b(job_id.encode(), digest_size=6).hexdigest()}"


def is_ready(context: RunContext, call: Call, name: str, umask: int) -> bool:
    """Have rsync make the folder, with nothing in it, and tell whether it could; a link in its place is replaced.

    A program of the attempt does it, and once: where a restart takes the attempt up, a rsync may be writing there.
    """
    skeleton = context.workspace / "unfinished"
    with atomic.storage_errors("What rsync is to make could not be laid out"):
        (skeleton / name).mkdir(parents=True, exist_ok=True)
    only = (f"--include=/{name}/", f"--include=/{name}/**", "--exclude=*")
    wishes = ("--protect-args", "--recursive", "--delete", "--force", "--chmod=D0700", *only)
    order = Order(
        argv=(*call.argv, *wishes, "--", f"{skeleton}/", f"{call.place.rstrip('/')}/"),
        folder="/",
        environment=call.environment,
        umask=umask,
    )
    heard = Listener(lambda _: None, "")
    return context.execute(order, heard.count, name="unfinished").code == 0


def remove_here(copy: Path, name: str) -> None:
    """Remove the folder from a copy on this machine, where it is empty as it should be."""
    with contextlib.suppress(OSError):
        (copy / name).rmdir()
