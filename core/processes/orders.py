"""What a program is to be, and how it ended: the two notes that the server and a supervisor leave each other.

Both are JSON in the folder of the program. The supervisor is another process and imports nothing of ours, so what
stands here is a promise between two versions of Holdfast: fields are added, none changes its meaning.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

from core.models import NOTHING, Value

MARK: Final = "HOLDFAST_RUN"
"""The variable in the environment of whatever a program starts, by which it is found: "<run id>:<attempt>"."""

OUTPUT_QUOTA: Final = 20_000_000
LONGEST_LINE: Final = 65_536
GRACE: Final = 5.0

Stream = Literal["out", "err"]

OnLine = Callable[[Stream, str], bool | None]
"""Is told each line of a program, in order, without its end; False keeps the line out of the run's log.

A program that is taken up again is told from its first line on, so that whoever listens knows what it knew: what it
writes to the log or reports for a line that the log has already is passed over.
"""

OnLatest = Callable[[Stream, str], bool]
"""Is shown the latest lines of a program that says more than is kept, about once a second and the newest first, until
it returns True. A line may be shown twice, and be told to `OnLine` at the end too: this is for how far it is.
"""

Hide = Callable[[str], str]
"""Returns a line without what nobody may read; the same line always gives the same."""


class Limits(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What the kernel lets a program have; None is as much as Holdfast itself has."""

    memory_bytes: int | None = None
    cpu_seconds: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    processes: int | None = None


class Order(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What to run.

    `environment` is all there will be, beside the mark. `stdin` is what the program reads, or `stdin_file` the path of
    it; without both it reads nothing. `user` and `group` are names or numbers; empty stays who Holdfast is.
    `io` is "idle" or "0" (first) to "7" (last); empty stays as it is. `time_limit` is seconds. After TERM, which goes to
    all it has started, a program has `grace` seconds before KILL; one that `tidies_up` is told by INT, it alone. Beyond `output_quota` bytes output is counted and not kept, but for
    its last part; of a line at most `longest_line` bytes are kept.
    """

    argv: tuple[str, ...]
    folder: str = ""
    environment: Mapping[str, str] = NOTHING
    stdin: str = ""
    stdin_file: str = ""
    umask: int = 0o077
    user: str = ""
    group: str = ""
    nice: int = 0
    io: str = ""
    limits: Limits = Limits()
    time_limit: float | None = None
    grace: float = GRACE
    tidies_up: bool = False
    output_quota: int = OUTPUT_QUOTA
    longest_line: int = LONGEST_LINE


class Exit(Value, frozen=True, kw_only=True):
    """How a program ended: with a `code`, or by a `signal`; neither when it could not be started.

    `reason` is "ended" by itself, "request", "timeout", or "not-started", with a `message` in words. `left_behind`
    counts what it had started and left running, which was ended then; `stubborn` what could not be ended.
    `lines` and `bytes` are what it said, `dropped` how many bytes of that were not kept; `disk_trouble` says why
    some of them were not, when the disk refused them.
    """

    reason: Literal["ended", "request", "timeout", "not-started"] = "ended"
    code: int | None = None
    signal: int | None = None
    message: str = ""
    started_at: datetime
    ended_at: datetime
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    left_behind: int = 0
    stubborn: int = 0
    lines: int = 0
    bytes: int = 0
    dropped: int = 0
    disk_trouble: str = ""
