"""What programs say of backups at a remote: which files there are, and whether restic finds its repository good."""

from collections.abc import Callable, Sequence
from typing import Final

from core.destinations.known import Destination
from core.errors import EngineFailed
from core.processes.orders import Order
from core.processes.ours import argv_of
from core.remotes import rclone, restic, ssh
from core.remotes.calls import Call, Trouble, failure
from core.remotes.restic_troubles import trouble as trouble_of_restic
from core.remotes.rsync_troubles import trouble as trouble_of_rsync
from core.watching import files, snapshots
from core.watching.files import Seen
from core.work import RunContext

PATHS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LAST_WORDS: Final = 20
"""How much of what a program says last is looked at for what went wrong."""

Troubles = Callable[[int | None, Sequence[str]], Trouble]


def listed(context: RunContext, destination: Destination, below: str, pattern: str) -> tuple[Seen, ...]:
    """Return the files of a remote that a pattern takes, or the snapshots of a repository; raises EngineFailed."""
    known = context.surroundings.destinations
    match destination.type:
        case "ssh":
            call = ssh.call(destination, known, below)
            argv = (*call.argv, "--recursive", "--list-only", "--no-human-readable", "--", f"{call.place}/")
            return files.listed_by_rsync(_said(context, _order(call, argv), trouble_of_rsync), pattern)
        case "rclone":
            call = rclone.call(destination, known, below)
            argv = (*call.argv, "lsjson", "--recursive", "--files-only", "--no-mimetype", "--", call.place)
            return files.listed_by_rclone(_said(context, _order(call, argv), rclone.trouble), pattern)
        case _:
            call = restic.call(destination, known, below)
            argv = argv_of(snapshots.PROGRAM, *restic.snapshots(call))
            lines = _said(context, _order(call, argv), trouble_of_restic)
            return files.listed_by_restic(lines)


def check_repository(context: RunContext, destination: Destination, subset: str) -> None:
    """Let restic check a repository and read a share of its data ("5%", "1/30", "all"); raises EngineFailed."""
    call = restic.call(destination, context.surroundings.destinations)
    _said(context, _order(call, restic.check(call, subset)), trouble_of_restic, name="check", keep=True)


def _order(call: Call, argv: Sequence[str]) -> Order:
    """Return the order to run this command as the call says."""
    return Order(
        argv=tuple(argv),
        folder="/",
        environment={"PATH": PATHS, "LANG": "C.UTF-8", **call.environment, "TZ": "UTC"},
    )


def _said(
    context: RunContext, order: Order, trouble: Troubles, *, name: str = "list", keep: bool = False
) -> list[str]:
    """Return what a program says; raises EngineFailed with what its last words mean."""
    said: list[str] = []
    errors: list[str] = []

    def hear(stream: str, line: str) -> bool:
        (said if stream == "out" else errors).append(line)
        return keep or stream == "err"

    ending = context.execute(order, hear, name=name)
    if ending.dropped:
        message = "The list is longer than what is kept of a program's words."
        raise EngineFailed(message, hint="Watch fewer: name a folder below.")
    if ending.code != 0:
        last = [*said[-LAST_WORDS:], *errors[-LAST_WORDS:]] if keep else errors[-LAST_WORDS:]
        raise failure(trouble(ending.code, last), errors[-1] if errors else "")
    return said
