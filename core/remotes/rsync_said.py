"""What rsync says while it works: how far it is, what it counted, what it could not do."""

import re
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from core.copying.names import shown
from core.models import Progress
from core.processes.orders import Stream

PROGRESS: Final = re.compile(
    r"\s*(?P<done>[\d,.]+)\s+(?P<percent>\d+)%\s+(?P<rate>[\d.,]+)(?P<unit>[kMGT]?B)/s\s+(?P<eta>[\d:?]+)"
    r"(?:\s+\(xfr#(?P<files>\d+), (?P<check>ir|to)-chk=(?P<left>\d+)/(?P<known>\d+)\))?\s*\Z"
)
UNITS: Final = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
STATISTIC: Final = re.compile(
    r"(?P<name>[A-Z][A-Za-z ]+): (?P<number>[\d,.]+)(?: bytes)?(?: \((?:.*\b)?reg: (?P<files>[\d,.]+).*\))?"
)
CHANGED: Final = re.compile(r"[<>ch.*][fdLDS ].{9} ")
PATH: Final = re.compile(r'"(?P<path>.*)"')
QUOTED: Final = re.compile(r'".*"')
ATTRIBUTES: Final = re.compile(
    r"failed to set (?:times|permissions|file attributes|mtime|xattr)|(?:chgrp|chown|lchown|chmod) \"|"
    r"(?:set_acl|set_xattr|lsetxattr|lremovexattr|sys_acl_set_file|rsync_xal_set|utimensat)"
)
SUMMARY: Final = re.compile(
    r"rsync (?:error|warning): |IO error encountered|rsync: connection unexpectedly closed|"
    r"write error: Broken pipe"
)
VANISHED: Final = re.compile(r"(?:file|directory) has vanished: ")
SKIPPED: Final = re.compile(r"skipping non-regular file ")

REPORT_EVERY: Final = 0.1
MOST_LOGGED: Final = 1_000
"""Names of files that go to the log; a run with more says how many there were."""

MOST_NAMED: Final = 20
MOST_KEPT: Final = 100


class Listener:
    """Hears rsync out, and tells whoever asks how far it is."""

    def __init__(self, report: Callable[[Progress], None], source: str) -> None:
        self._report = report
        self._source = source.rstrip("/") + "/"
        self._next_at = 0.0
        self._logged = 0
        self._numbers: dict[str, int] = {}
        self._entries: dict[str, int] = {}
        self._finished = ""
        self._files_before = self._bytes_before = 0
        self.errors: deque[str] = deque(maxlen=MOST_KEPT)
        self.named: list[str] = []
        self.troubled = self.vanished = self.skipped = 0
        self.only_attributes = True

    def begin(self) -> None:
        """Note that rsync begins, or begins again: what it carried before counts, and what it could not do it says again."""
        self._files_before, self._bytes_before = self.files, self.bytes
        self._numbers, self._entries, self._finished = {}, {}, ""
        self.errors.clear()
        self.named.clear()
        self.troubled = self.vanished = self.skipped = 0
        self.only_attributes = True

    def count(self, stream: Stream, line: str) -> bool:
        """Take a line of a rsync that only counts; none of them goes to the log."""
        self.hear(stream, line)
        return False

    def hear(self, stream: Stream, line: str) -> bool | None:
        """Take a line; False keeps it out of the log."""
        if stream == "out":
            return self._hear_output(line)
        self._hear_error(line)
        return None if self.troubled + self.vanished <= MOST_LOGGED or SUMMARY.search(line) else False

    def glance(self, stream: Stream, line: str) -> bool:
        """Take one of the latest lines; True is enough of them."""
        progress = progress_in(line) if stream == "out" else None
        if progress is None:
            return False
        self._tell(progress)
        return True

    @property
    def files(self) -> int:
        """Return how many files were carried; of a rsync that was ended, how many it had finished."""
        found = self._numbers.get("Number of regular files transferred")
        if found is None and (last := PROGRESS.match(self._finished)):
            found = int(last["files"])
        return self._files_before + (found or 0)

    @property
    def bytes(self) -> int:
        """Return how many bytes those files have."""
        found = self._numbers.get("Total transferred file size")
        if found is None and (last := PROGRESS.match(self._finished)):
            found = _number(last["done"])
        return self._bytes_before + (found or 0)

    @property
    def removed(self) -> int:
        """Return how many files the destination lost, without folders where rsync tells them apart."""
        return self._numbers.get("Number of deleted files", 0)

    @property
    def all_removed(self) -> int:
        """Return how many files and folders the destination lost, or would lose."""
        return self._entries.get("Number of deleted files", 0)

    @property
    def total_files(self) -> int | None:
        """Return how many files the source has; None where rsync did not come to its end."""
        return self._numbers.get("Number of files")

    @property
    def total_bytes(self) -> int | None:
        """Return how many bytes those have."""
        return self._numbers.get("Total file size")

    @property
    def last_words(self) -> str:
        """Return what it said last that says what was wrong, as rsync's own closing words do not."""
        told = [line for line in self.errors if line.strip() and not SUMMARY.search(line)]
        return shown((told or [""])[-1].encode(errors="surrogateescape"))

    @property
    def said(self) -> tuple[str, ...]:
        """Return its last errors without the names in them, which could say anything."""
        return tuple(QUOTED.sub('""', line) for line in self.errors)

    def _hear_output(self, line: str) -> bool | None:
        if not line.strip():
            return False
        if "xfr#" in line and "%" in line:
            self._finished = line
        if "%" in line and (now := time.monotonic()) >= self._next_at:
            progress = progress_in(line)
            if progress is not None:
                self._next_at = now + REPORT_EVERY
                self._tell(progress)
                return False
        if "%" in line and PROGRESS.match(line):
            return False
        if CHANGED.match(line):
            self._logged += 1
            return None if self._logged <= MOST_LOGGED else False
        self.skipped += SKIPPED.match(line) is not None
        self._take_statistic(line)
        return None

    def _tell(self, progress: Progress) -> None:
        done = progress.done + self._bytes_before
        self._report(replace(progress, done=done) if self._bytes_before else progress)

    def _take_statistic(self, line: str) -> None:
        statistic = STATISTIC.match(line)
        if statistic is not None:
            number = statistic["files"] or statistic["number"]
            with_folders = statistic["files"] is None and statistic["name"] == "Number of files"
            self._entries[statistic["name"]] = _number(statistic["number"])
            self._numbers[statistic["name"]] = 0 if with_folders else _number(number)

    def _hear_error(self, line: str) -> None:
        self.errors.append(line)
        if not line.strip() or SUMMARY.search(line):
            return
        if VANISHED.match(line):
            self.vanished += 1
            return
        self.troubled += 1
        self.only_attributes &= ATTRIBUTES.search(line) is not None
        path = PATH.search(line)
        if path is not None and len(self.named) < MOST_NAMED:
            name = path["path"].removeprefix(self._source)
            self.named.append(shown(name.encode(errors="surrogateescape")))


def progress_in(line: str) -> Progress | None:
    """Return how far a line says that rsync is; None where it says no such thing.

    While it still looks for files ("ir-chk") the percentage is of those it knows, which would go back again: it is left out.
    """
    found = PROGRESS.match(line)
    if found is None:
        return None
    looking = found["check"] == "ir"
    files, left, known = (int(found[name] or 0) for name in ("files", "left", "known"))
    more = "at least " if looking else ""
    return Progress(
        stage="copy",
        percent=None if looking else float(found["percent"]),
        done=_number(found["done"]),
        rate=float(found["rate"].replace(",", "")) * UNITS[found["unit"]],
        eta_seconds=None if looking else _seconds(found["eta"]),
        message=f"{files:,} files copied, {known - left:,} of {more}{known:,} looked at" if known else "",
    )


def _number(text: str) -> int:
    return int(text.replace(",", "").replace(".", ""))


def _seconds(text: str) -> float | None:
    if "?" in text:
        return None
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part or 0)
    return float(total)
