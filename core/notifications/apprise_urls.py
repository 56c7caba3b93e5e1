"""Sends a message with Apprise, in a process of its own: see `messenger`."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from core.notifications import texts
from core.notifications.messenger import Answer, Order
from core.notifications.values import GOOD, Channel, Message, Outcome

PATIENCE: Final = 30.0
"""Seconds that a service has: mail takes more than one question."""

BOOTSTRAP: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; from core.notifications.messenger import main; main()"
)
SHOWN_HOSTS: Final = frozenset({"mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms"})
"""Addresses in which the host is no secret; of the others, it may be a token or a topic."""

CARRIED: Final = ("PATH", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


def send(
    channel: Channel, message: Message, origin: str, *, private: bool, patience: float = PATIENCE
) -> Outcome:
    """Send the message."""
    good = message.notice is not None and message.notice.occasion in GOOD
    order = Order(
        url=channel.url,
        parent=os.getpid(),
        private=private,
        subject=texts.subject_of(message),
        body=texts.text_of(message, origin),
        good=good,
    )
    return _asked(order, patience).outcome


def service_of(url: str) -> tuple[str, str]:
    """Return what service the address is one of, and what is wrong with it, one of them empty."""
    answer = _asked(Order(url=url, parent=os.getpid(), private=True), PATIENCE)
    return answer.service, "" if answer.service else answer.outcome.words


def masked(url: str, service: str) -> str:
    """Return as much of the address as everybody may see."""
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2] if scheme.lower() in SHOWN_HOSTS else ""
    return texts.harmless(f"{service or 'Apprise'}: {scheme.lower()}://{host or '****'}", 200)


def _asked(order: Order, patience: float) -> Answer:
    try:
        process = _start()
    except OSError as error:
        words = f"The program that sends could not be started: {(error.strerror or '').lower()}."
        return Answer(outcome=Outcome(sent=False, words=words))
    try:
        said, _ = process.communicate(msgspec.json.encode(order), timeout=patience)
        return msgspec.json.decode(said, type=Answer)
    except subprocess.TimeoutExpired:
        return Answer(outcome=Outcome(sent=False, words=f"It was not accepted within {patience:.0f} s."))
    except (OSError, msgspec.MsgspecError):
        return Answer(outcome=Outcome(sent=False, words="The program that sends ended without an answer."))
    finally:
        _end(process)


def _start() -> "subprocess.Popen[bytes]":
    """Start a messenger that finds what we find, whatever the folder it is started in."""
    root = str(Path(__file__).resolve().parents[2])
    path = [root, *(str(Path(entry).absolute()) for entry in sys.path if entry)]
    carried = {name: os.environ[name] for name in CARRIED if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", BOOTSTRAP, *path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        process_group=0,
        env={**carried, "LC_ALL": "C.UTF-8"},
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
