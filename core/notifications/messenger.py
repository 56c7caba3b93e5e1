"""The program that sends one message with Apprise, and ends.

It is a process of its own because the services that Apprise knows are many and each reads what its server answers
as it likes: here an endless answer ends at a limit of memory, a silent one with the process, and nothing of it is in
the server. What to do comes on standard input, so no secret is in a list of processes; what came of it goes to
standard output, without any part of the address.
"""

import contextlib
import errno
import io
import os
import re
import resource
import socket
import sys
from typing import Any, Final

import msgspec

from core.copying.kernel import die_with_parent
from core.notifications import addresses
from core.notifications.values import Outcome

MOST_MEMORY: Final = 400_000_000
LONGEST_WORDS: Final = 300
SHORTEST_SECRET: Final = 4
"""Letters from which on a part of an address may be one."""

FORBIDDEN: Final = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
WARNING: Final = re.compile(r" - (?:WARNING|ERROR|CRITICAL) - (.*)")
EXCEPTION: Final = re.compile(r" - DEBUG - (?:Socket|SMTP) Exception: (.*)")
NOT_FOLLOWED: Final = re.compile(r"([?&])redirect=[^&]*", re.IGNORECASE)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to do; without a body, only tell whether the address is one."""

    url: str
    parent: int
    private: bool
    subject: str = ""
    body: str = ""
    good: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of it; `service` is what the address is one of."""

    outcome: Outcome
    service: str = ""


def do(order: Order) -> Answer:
    """Send what was ordered."""
    import apprise  # noqa: PLC0415 - it takes a while, and only this process needs it

    asset = apprise.AppriseAsset(
        app_id="Holdfast",
        app_desc="Holdfast",
        app_url="",
        http_redirects=False,
        async_mode=False,
        secure_logging=True,
        pgp_autogen=False,
        pem_autogen=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    with apprise.LogCapture(level=apprise.logging.DEBUG) as said:  # type: ignore[no-untyped-call]
        service = apprise.Apprise.instantiate(NOT_FOLLOWED.sub(r"\1redirect=no", order.url), asset=asset)
        if service is None:
            words = "Apprise knows no such address, or something is missing in it."
            return Answer(outcome=Outcome(sent=False, words=words, again=False))
        name = str(getattr(service, "service_name", "") or "")
        if not order.body:
            return Answer(outcome=Outcome(sent=False, words="", again=False), service=name)
        kind = apprise.NotifyType.SUCCESS if order.good else apprise.NotifyType.WARNING
        sent = bool(
            service.notify(
                title=order.subject, body=order.body, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
            )
        )
        told = said.getvalue()
    words = "It was accepted." if sent else _words(told, order.url)
    return Answer(outcome=Outcome(sent=sent, words=words), service=name)


def _words(told: str, url: str) -> str:
    """Return why it was not sent, without any part of the address."""
    lines = told.splitlines()
    reasons = [match[1] for line in lines if (match := WARNING.search(line) or EXCEPTION.search(line))]
    said = scrubbed(": ".join(dict.fromkeys(each.strip(" .") for each in reasons)), url)
    return f"It was not accepted: {said[:LONGEST_WORDS]}." if said else "It was not accepted."


def scrubbed(words: str, url: str) -> str:
    """Return the words with every part of an address blotted out."""
    from urllib.parse import unquote  # noqa: PLC0415 - as above

    rest = url.partition("://")[2] or url
    parts = {part for text in (rest, unquote(rest)) for part in re.split(r"[/:@?&=,+]", text)}
    parts |= {unquote(part) for part in parts}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= SHORTEST_SECRET:
            words = words.replace(part, "****")
    return words


class Guard:
    """Lets this process talk to the addresses that it may talk to, and start nothing; `refusal` says what it refused."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self.refusal = ""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise where something is about to be done that must not be."""
        if event in FORBIDDEN:
            raise PermissionError(errno.EPERM, f"{event} is not for messengers")
        if event in {"socket.connect", "socket.sendto"}:
            self._check(*arguments[:2])

    def _check(self, connection: socket.socket, address: object) -> None:
        if connection.family not in {socket.AF_INET, socket.AF_INET6} or not isinstance(address, tuple):
            self._refuse("Only what is reached over the network can be told.")
        else:
            try:
                addresses.check(str(address[0]), private=self._private)
            except addresses.AddressRefused as error:
                self._refuse(str(error))

    def _refuse(self, words: str) -> None:
        self.refusal = words
        raise PermissionError(errno.EPERM, words)


def main() -> None:
    """Do what standard input says and tell it on standard output."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    die_with_parent(order.parent)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that a plug-in prints is an answer
    guard = Guard(private=order.private)
    sys.addaudithook(guard)
    try:
        answer = do(order)
    except MemoryError:
        answer = Answer(outcome=Outcome(sent=False, words="The receiver's answer is too large."))
    except Exception as error:  # noqa: BLE001 - a plug-in's mistake is told as its kind, never with its words
        answer = Answer(outcome=Outcome(sent=False, words=f"Apprise broke off ({type(error).__name__})."))
    if guard.refusal and not answer.outcome.sent:
        answer = Answer(outcome=Outcome(sent=False, words=guard.refusal, again=False), service=answer.service)
    with contextlib.suppress(BrokenPipeError), io.FileIO(answers, "w") as out:
        out.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
