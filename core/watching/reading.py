"""Has backup files read by a program of the attempt, which a restart takes up."""

from typing import Final

import msgspec

from core.errors import EngineFailed, StorageFailed
from core.models import Progress
from core.processes.orders import Order
from core.processes.ours import argv_of
from core.storage import atomic
from core.watching import proving
from core.work import RunContext

ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


def read(context: RunContext, wishes: proving.Wishes, total: int) -> proving.Found:
    """Have files read by a program of the attempt; raises EngineFailed where it did not come to its end."""
    folder = context.workspace
    try:
        atomic.write_whole(folder / proving.WISHES, msgspec.json.encode(wishes))
    except OSError as error:
        message = f"What is to be read cannot be kept: {error.strerror}."
        raise StorageFailed(message) from error

    def hear(stream: str, line: str) -> bool | None:
        return None if stream == "err" else not _is_word(context, line, total)

    order = Order(argv=argv_of(proving.PROGRAM, str(folder)), folder="/", environment=ENVIRONMENT)
    ending = context.execute(
        order, hear, name="proof", on_latest=lambda _, line: _is_word(context, line, total)
    )
    try:
        if ending.code == 0:
            return msgspec.json.decode((folder / proving.FOUND).read_bytes(), type=proving.Found)
    except (OSError, msgspec.DecodeError):
        pass
    message = "The files could not be read to the end."
    raise EngineFailed(message, hint="The log has all that was said.", transient=True)


def _is_word(context: RunContext, line: str, total: int) -> bool:
    """Report how far the reading is; tell whether the line says that."""
    try:
        word = msgspec.json.decode(line, type=proving.Word)
    except msgspec.DecodeError:
        return False
    percent = min(100.0, word.bytes / total * 100) if total else None
    context.report(
        Progress(
            stage="verify",
            percent=percent,
            done=word.bytes,
            total=total,
            message=f"{word.files:,} files read",
        )
    )
    return True
