"""Seeing that the place of a copy is there before rsync makes a folder of its name on the wrong disk."""

from pathlib import Path
from typing import Final

from core.errors import EngineFailed, HoldfastError
from core.processes.orders import Order, Stream
from core.remotes.calls import Call, failure
from core.remotes.rsync_said import Listener
from core.remotes.rsync_troubles import trouble
from core.work import RunContext

UMASK: Final = 0o022
MISSING: Final = "missing"


def find_here(root: Path, below: str) -> None:
    """Make what is missing below a folder of this machine; raises EngineFailed where the folder itself is."""
    if not root.is_dir():
        message = f"There is no folder {root}."
        hint = "Is the disk mounted? Nothing was touched."
        raise EngineFailed(message, hint=hint, transient=True, code=MISSING)
    try:
        (root / below).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {root / below} cannot be made: {error.strerror}."
        raise EngineFailed(message, hint="Look who may write there.", code="refused") from error


def find_there(context: RunContext, call: Call, root: Call, below: str) -> None:
    """Make what is missing below a folder of another machine; raises EngineFailed where the folder itself is."""
    missing = _look(context, call, "look")
    if missing is not None and below:
        missing = _look(context, root, "look-above")
        if missing is None:
            _make(context, root, below)
    if missing is not None:
        raise missing


def _look(context: RunContext, call: Call, name: str) -> HoldfastError | None:
    """Return what says that a place is missing, None where it is there; raises whatever else is wrong."""
    asked = ("--protect-args", "--list-only", "--dirs", "--exclude=*", "--", f"{call.place.rstrip('/')}/")
    heard = Listener(lambda _: None, "")
    order = Order(argv=(*call.argv, *asked), folder="/", environment=call.environment)
    ending = context.execute(order, lambda stream, line: bool(heard.hear(stream, line)), name=name)
    if ending.code == 0:
        return None
    found = trouble(ending.code, heard.said)
    if found.code != MISSING:
        raise failure(found, heard.last_words)
    return failure(found, heard.last_words)


def has_there(context: RunContext, call: Call, name: str) -> bool:
    """Tell whether a folder of another machine has a name; raises what is wrong where it cannot be looked into."""
    only = (f"--include=/{name}", "--exclude=*")
    asked = ("--protect-args", "--list-only", "--dirs", *only, "--", f"{call.place.rstrip('/')}/")
    heard = Listener(lambda _: None, "")
    said: list[str] = []

    def hear(stream: Stream, line: str) -> bool:
        said.append(line)
        return bool(heard.hear(stream, line))

    order = Order(argv=(*call.argv, *asked), folder="/", environment=call.environment)
    ending = context.execute(order, hear, name="apart")
    if ending.code != 0:
        raise failure(trouble(ending.code, heard.said), heard.last_words)
    return any(line.endswith(f" {name}") for line in said)


def _make(context: RunContext, root: Call, below: str) -> None:
    """Make folders as rsync makes those that it carries."""
    skeleton = context.workspace / "skeleton"
    (skeleton / below).mkdir(parents=True, exist_ok=True)
    places = (f"{skeleton}/./{below}", f"{root.place.rstrip('/')}/")
    argv = (*root.argv, "--protect-args", "--dirs", "--relative", "--", *places)
    heard = Listener(lambda _: None, "")
    order = Order(argv=argv, folder="/", environment=root.environment, umask=UMASK)
    ending = context.execute(order, heard.hear, name="make")
    if ending.code != 0:
        raise failure(trouble(ending.code, heard.said), heard.last_words)
