"""What was noticed, what waits to be sent, and what became of the rest, in memory and in the log file."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.clock import Clock
from core.notifications.log import AnyLine, Dropped, Held, Kept, LogFile, Mark, Over, Standing, Told, Tried
from core.notifications.noticing import notice_id
from core.notifications.values import MOST_ITEMS, Ended, Message, Notice, Occasion

MOST_SHOWN: Final = 1_000
SHOWN_FOR: Final = timedelta(days=90)
"""How many notices the application lists, and for how long."""

MOST_KNOWN: Final = 30_000
KNOWN_FOR: Final = timedelta(days=3)
MOST_ENDED: Final = 200
STANDING_FOR: Final = timedelta(days=8)
COMPACT_BEYOND: Final = 3_000
"""Lines after which the file is written anew, where most of it is of no use any more."""


class Numbered:
    """A notice in the list, with the number it has there."""

    __slots__ = ("notice", "number")

    def __init__(self, number: int, notice: Notice) -> None:
        self.number = number
        self.notice = notice


class Book:
    """Safe to use from several threads; nothing in it waits for a receiver."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = LogFile(folder)
        self._clock = clock
        self._lock = threading.RLock()
        self._number = 0
        self._shown: list[Numbered] = []
        self._known: dict[str, datetime] = {}
        self._messages: dict[str, Message] = {}
        self._sending: set[str] = set()
        self._entered: list[Told] = []
        self._unwritten: set[str] = set()
        self._ended: list[Ended] = []
        self._standing: dict[str, Standing] = {}
        self._late: dict[str, Notice] = {}
        self.mark: datetime | None = None

    def open(self) -> None:
        """Read the file; raises StorageFailed where it cannot be read."""
        with self._lock:
            for line in self._file.read():
                self._apply(line)

    def close(self) -> None:
        """Keep nothing more: whoever is still sending must not write beside the one that starts next."""
        with self._lock:
            self._file.close()

    # What was noticed

    def knows(self, notice_id: str) -> bool:
        """Tell whether this was noticed before."""
        return notice_id in self._known

    def notices(self) -> tuple[tuple[int, Notice], ...]:
        """Return what is listed, the newest first, each with its number."""
        with self._lock:
            return tuple((each.number, each.notice) for each in self._listed())

    def later_than(self, number: int) -> int:
        """Return how many notices are listed that came after the one with this number."""
        with self._lock:
            too_old = bisect_right(
                self._shown, self._clock.now() - SHOWN_FOR, key=lambda each: each.notice.at
            )
            seen = bisect_right(self._shown, number, key=lambda each: each.number)
            return len(self._shown) - max(too_old, seen)

    def _listed(self) -> Iterator[Numbered]:
        """Yield what is listed, the newest first, up to what happened too long ago."""
        now = self._clock.now()
        return takewhile(lambda each: now - each.notice.at < SHOWN_FOR, reversed(self._shown))

    @property
    def newest(self) -> int:
        """Return the number of the newest notice."""
        return self._number

    def told_late(self, job_id: str) -> Notice | None:
        """Return what was told of a job being late, until it succeeded again."""
        return self._late.get(job_id)

    def standing(self, key: str) -> Standing | None:
        """Return when what this key says was last told, and how often since it was not."""
        return self._standing.get(key)

    @property
    def trouble(self) -> str:
        """Return why the file cannot be written at present; nothing where it can."""
        return self._file.trouble

    def enter(self, line: Told) -> None:
        """Take in a notice with its messages, which nobody sends before the next `flush`."""
        with self._lock:
            line = replace(line, held=tuple(map(self._still_open, line.held)))
            self._apply(line)
            self._entered.append(line)
            self._unwritten.update(message.id for message in line.messages)

    def _still_open(self, held: Held) -> Held:
        """Return it for a digest that can still be added to: one that is on its way is another one."""
        while held.id in self._sending or any(held.id == ended.id for ended in self._ended):
            held = replace(held, id=notice_id(held.id))
        return held

    def flush(self) -> None:
        """Make what was entered durable, as one write; where the disk refuses, it is sent all the same."""
        with self._lock:
            entered, self._entered = self._entered, []
            self._append(entered)
            self._unwritten.clear()

    def mark_at(self, moment: datetime) -> None:
        """Take note that everything up to this moment was noticed."""
        with self._lock:
            self._apply(Mark(at=moment))
            self._append([Mark(at=moment)])

    def _write(self, line: AnyLine) -> None:
        with self._lock:
            self._apply(line)
            self._append([line])

    def _append(self, lines: Sequence[AnyLine]) -> None:
        if lines or self._file.trouble:
            self._file.append(lines)
        if self._file.lines > COMPACT_BEYOND + 4 * (len(self._shown) + len(self._messages)):
            self._compact()

    # What waits

    def waiting(self, channel: str | None = None) -> tuple[Message, ...]:
        """Return the messages that are not over, of one channel or of all, the oldest first."""
        with self._lock:
            found = [each for each in self._messages.values() if channel in {None, each.channel}]
        return tuple(sorted(found, key=lambda each: (each.due_at, each.put_at)))

    def count_waiting(self, channel: str) -> int:
        """Return how many messages of a channel are not over."""
        with self._lock:
            return sum(each.channel == channel for each in self._messages.values())

    def is_open(self, digest_id: str) -> bool:
        """Tell whether something can still be added to a digest."""
        with self._lock:
            return digest_id in self._messages and digest_id not in self._sending

    def take(self, channel: str, ready: Callable[[Message], bool]) -> Message | None:
        """Return what is to be sent next through a channel: what was tried least, then what is oldest.

        It belongs to the sender until it is `over` or `failed`.
        """
        with self._lock:
            away = self._sending | self._unwritten
            due = [each for each in self.waiting(channel) if each.id not in away and ready(each)]
            message = min(due, key=lambda each: each.tries, default=None)
            if message is not None:
                self._sending.add(message.id)
            return message

    def over(self, message: Message, subject: str, trouble: str = "") -> None:
        """Take note that a message arrived or, with a trouble, that it is given up."""
        ended = Ended(
            id=message.id,
            channel=message.channel,
            at=self._clock.now(),
            subject=subject,
            tries=message.tries + 1,
            trouble=trouble,
        )
        self._write(Over(ended=ended))

    def failed(self, messages: Iterable[Message], trouble: str) -> None:
        """Take note that these did not get through."""
        self._write(Tried(ids=tuple(message.id for message in messages), trouble=trouble))

    def drop(self, channels: Iterable[str]) -> int:
        """Forget what waits for channels that are gone; return how much that was."""
        gone = set(channels)
        with self._lock:
            ids = tuple(each.id for each in self._messages.values() if each.channel in gone)
        if ids:
            self._write(Dropped(ids=ids))
        return len(ids)

    def ended(self) -> tuple[Ended, ...]:
        """Return what is over, the newest first."""
        with self._lock:
            return tuple(reversed(self._ended))

    # How a line changes what there is

    def _apply(self, line: AnyLine) -> None:
        match line:
            case Told():
                self._tell(line)
            case Tried():
                self._try(line)
            case Over(ended=ended):
                self._forget(ended.id)
                self._ended = [*self._ended, ended][-MOST_ENDED:]
            case Dropped(ids=ids):
                for each in ids:
                    self._forget(each)
            case Mark(at=at):
                self.mark = at
            case Kept():
                self._take_over(line)

    def _tell(self, line: Told) -> None:
        notice = line.notice
        self._known[notice.id] = notice.at
        if notice.shown:
            self._number += 1
            self._shown.append(Numbered(self._number, notice))
            del self._shown[:-MOST_SHOWN]
        if notice.occasion == Occasion.LATE:
            self._late[notice.job_id] = notice
        elif Occasion.SUCCESS in notice.occasions:
            self._late.pop(notice.job_id, None)
        if line.cleared:
            for key in [key for key in self._standing if line.cleared in key]:
                del self._standing[key]
        for key in line.told:
            self._standing[key] = Standing(at=notice.at)
        for key in line.muted:
            known = self._standing.get(key, Standing(at=notice.at))
            self._standing[key] = Standing(at=known.at, muted=known.muted + 1)
        for message in line.messages:
            self._messages[message.id] = message
        for held in line.held:
            self._hold(held)

    def _hold(self, held: Held) -> None:
        known = self._messages.get(held.id)
        if known is None:
            self._messages[held.id] = Message(
                id=held.id,
                channel=held.channel,
                put_at=held.put_at,
                due_at=held.due_at,
                items=(held.item,),
            )
            return
        items = known.items if len(known.items) >= MOST_ITEMS else (*known.items, held.item)
        self._messages[held.id] = replace(known, items=items, count=known.count + 1)

    def _try(self, line: Tried) -> None:
        for each in line.ids:
            self._sending.discard(each)
            if (message := self._messages.get(each)) is not None:
                self._messages[each] = replace(message, tries=message.tries + 1, trouble=line.trouble)

    def _forget(self, message_id: str) -> None:
        self._sending.discard(message_id)
        self._messages.pop(message_id, None)

    def _take_over(self, kept: Kept) -> None:
        self._number = kept.number
        self._shown = [Numbered(number, notice) for number, notice in kept.notices]
        self._known = {each.notice.id: each.notice.at for each in self._shown}
        self._known |= dict.fromkeys(kept.known, self._clock.now())
        self._messages = {message.id: message for message in kept.messages}
        self._ended = list(kept.ended)
        self._standing = dict(kept.standing)
        self.mark = kept.mark
        self._late = {notice.job_id: notice for notice in kept.late}
        self._known |= {notice.id: notice.at for notice in kept.late}

    def _compact(self) -> None:
        now = self._clock.now()
        self._shown = [each for each in self._shown if now - each.notice.at < SHOWN_FOR]
        recent = [each for each, at in self._known.items() if now - at < KNOWN_FOR][-MOST_KNOWN:]
        self._known = {each: self._known[each] for each in recent} | {
            each.notice.id: each.notice.at for each in self._shown
        }
        self._standing = {key: each for key, each in self._standing.items() if now - each.at < STANDING_FOR}
        self._file.rewrite(
            Kept(
                number=self._number,
                notices=tuple((each.number, each.notice) for each in self._shown),
                known=tuple(self._known),
                messages=tuple(self._messages.values()),
                ended=tuple(self._ended),
                standing=self._standing,
                late=tuple(self._late.values()),
                mark=self.mark,
            )
        )
