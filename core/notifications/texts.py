"""What messages say: plain sentences, in which nothing that a person or a program named can act.

Subjects are one line. What hides, reorders, ends a line or controls a terminal is taken out of whatever comes from
elsewhere, so that a name cannot become a header, a line of its own, or another name.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Any, Final

from core.notifications.values import GOOD, IN_WORDS, Item, Message, Notice, Occasion

LONGEST_SUBJECT: Final = 160
LONGEST_TEXT: Final = 4_000
LONGEST_WORDS: Final = 600
"""Characters of what others said: an error, a name."""

REPLACEMENT: Final = "\ufffd"
JOINERS: Final = frozenset("\u200c\u200d")
"""What joins letters of some scripts, and the parts of a picture."""

UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def harmless(text: str, longest: int = LONGEST_WORDS) -> str:
    """Return the text as one line of letters that can be seen."""
    if len(text) <= longest and text.isascii() and text.isprintable():  # as most are
        return " ".join(text.split())
    blank = "".join(
        " " if letter in "\t\r\n\v\f\x85\u2028\u2029" else letter for letter in text[: 4 * longest]
    )
    seen = "".join(letter if _is_seen(letter) else REPLACEMENT for letter in blank)
    line = " ".join(seen.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _is_seen(letter: str) -> bool:
    return letter in JOINERS or unicodedata.category(letter) not in UNSEEN


def stamp(moment: datetime) -> str:
    """Return the moment as messages tell it, whoever reads them."""
    return f"{moment.astimezone(UTC):%-d %b %Y %H:%M} UTC"


def subject_of(message: Message) -> str:
    """Return the one line that says what the message is about."""
    if message.notice is not None:
        return harmless(f"Holdfast: {message.notice.subject}", LONGEST_SUBJECT)
    bad = sum(item.occasion not in GOOD for item in message.items)
    what = "1 thing happened" if message.count == 1 else f"{message.count:,} things happened"
    if not bad:
        return f"Holdfast: {what}, all is well"
    least = "at least " if message.count > len(message.items) else ""
    need = "needs" if bad == 1 else "need"
    return f"Holdfast: {what}, {least}{bad} {need} you"


def text_of(message: Message, origin: str) -> str:
    """Return all that the message says; `origin` is the address people use, empty where it is not known."""
    if message.notice is not None:
        lines = [message.notice.text]
        if message.muted:
            times = "once" if message.muted == 1 else f"{message.muted:,} times"
            lines.append(f"The same happened {times} more since the last message about it.")
    else:
        lines = [line for item in message.items for line in _lines_of(item, origin)]
        if message.count > len(message.items):
            lines.append(f"... and {message.count - len(message.items):,} more.")
    if link := link_of(message, origin):
        lines.append(link)
    return "\n".join(lines)[:LONGEST_TEXT]


def _lines_of(item: Item, origin: str) -> tuple[str, ...]:
    line = f"{stamp(item.at)}: {item.subject}"
    link = _place(item.run_id, item.job_id) if origin else ""
    return (line, f"  {origin}{link}") if link else (line,)


def link_of(message: Message, origin: str) -> str:
    """Return where more is to be read; nothing where nobody knows Holdfast's address."""
    if not origin:
        return ""
    notice = message.notice
    return origin + (place_of(notice) if notice else "/notifications")


def _place(run_id: str, job_id: str) -> str:
    if run_id:
        return f"/runs/{run_id}"
    return f"/jobs/{job_id}" if job_id else "/notifications"


def place_of(notice: Notice) -> str:
    """Return the page of what the notice is about."""
    if notice.destination_id:
        return f"/destinations/{notice.destination_id}"
    return _place(notice.run_id, notice.job_id)


def document_of(message: Message, origin: str) -> dict[str, Any]:
    """Return the message as programs get it."""
    notice = message.notice
    data: dict[str, Any] = {"subject": subject_of(message), "text": text_of(message, origin)}
    if link := link_of(message, origin):
        data["url"] = link
    if notice is not None:
        data |= _facts(notice)
    else:
        data |= {"count": message.count, "items": [_item(item) for item in message.items]}
    what = notice.occasion.value if notice else "digest"
    at = notice.at if notice else message.due_at
    return {"type": f"holdfast.{what}", "timestamp": at.isoformat(), "data": data}


def _facts(notice: Notice) -> dict[str, Any]:
    facts: dict[str, Any] = {"occasions": [occasion.value for occasion in notice.occasions]}
    if notice.job_id:
        facts["job"] = {"id": notice.job_id, "name": harmless(notice.job), "tags": list(notice.tags)}
    if notice.run_id:
        facts["run"] = {
            "id": notice.run_id,
            "number": notice.number,
            "state": notice.state,
            "attempts": notice.attempts,
        }
    if notice.error:
        facts["error"] = {"code": notice.code, "message": notice.error, "hint": notice.hint}
    return facts


def _item(item: Item) -> dict[str, Any]:
    return {
        "type": f"holdfast.{item.occasion.value}",
        "timestamp": item.at.isoformat(),
        "subject": item.subject,
        "job_id": item.job_id,
        "run_id": item.run_id,
    }


def occasion_in_words(occasion: Occasion) -> str:
    """Return what happened, as rules say it."""
    return IN_WORDS[occasion]
