"""A telling office on a house in memory, and receivers that are real: one of HTTP, one of SMTP."""

import http.server
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller

from core.events import EventsMissed
from core.models import Failure
from core.notifications.office import Office
from core.notifications.values import Occasion, Rule
from core.notifications.wishes import Wishes
from core.work import Outcome
from tests.builders import WHEN, a_job

AT_LAST = 20.0
"""Seconds after which something that happens in another thread should have happened."""


@dataclass
class Received:
    """One request as a receiver got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers what it is told to, and keeps what it was asked."""

    url: str
    answer: Callable[[http.server.BaseHTTPRequestHandler], None]
    requests: list[Received] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, many: int) -> list[Received]:
        """Return what came, once there is so much of it."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= many, AT_LAST), "too little arrived"
            return list(self.requests)


def answering(status: int = 204, **headers: str) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Return what answers with a status and nothing else."""

    def answer(request):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


@contextmanager
def receiving(answer):
    taking = Receiver("", answer)

    class Handler(http.server.BaseHTTPRequestHandler):
        def take(self):
            length = int(self.headers.get("Content-Length") or 0)
            request = Received(
                self.command,
                self.path,
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            with taking.arrived:
                taking.requests.append(request)
                taking.arrived.notify_all()
            taking.answer(self)

        def do_POST(self):
            self.take()

        def do_GET(self):
            self.take()

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_):
            """Whoever asked went away, as a test wants it."""

    server = Server(("127.0.0.1", 0), Handler)
    taking.url = f"http://127.0.0.1:{server.server_port}/hook/sesame"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield taking
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def receiver():
    """A receiver of HTTP on this machine that takes everything."""
    with receiving(answering()) as receiver:
        yield receiver


@pytest.fixture
def mailbox():
    """A real SMTP server on this machine, and the mail it took."""

    class Handler:
        def __init__(self):
            self.mails = []

        async def handle_DATA(self, server, session, envelope):
            mail = message_from_bytes(envelope.original_content, policy=default)
            self.mails.append(SimpleNamespace(to=envelope.rcpt_tos, mail=mail, raw=envelope.original_content))
            return "250 taken"

    class Server(Controller):
        def _create_server(self):
            return self.loop.create_server(self._factory_invoker, sock=listener)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        handler = Handler()
        controller = Server(handler, hostname="127.0.0.1", port=port)
        controller.start()
        yield SimpleNamespace(
            mails=handler.mails,
            url=f"mailto://postman@127.0.0.1:{port}?smtp=127.0.0.1&from=holdfast@example.org&to=ana@example.org",
        )
        controller.stop()


class Listening:
    """An office that works when a test says so; `hear` is everything until now, noticed and handed to senders."""

    def __init__(self, office, events):
        self.office = office
        self._events = events
        self._ear = events.subscribe("test", office.take)

    def __getattr__(self, name):
        return getattr(self.office, name)

    def hear(self):
        self._events.unsubscribe(self._ear)  # which tells it what it had taken before
        self._ear = self._events.subscribe("test", self.office.take)
        self.office.work()
        self.office.tick()

    def look(self):
        """Look at everything there is, as a start does."""
        self.office.take(EventsMissed(count=1))
        self.hear()

    def wait_until(self, holds):
        """Return once something holds that senders bring about."""
        until = time.monotonic() + AT_LAST
        while not holds():
            assert time.monotonic() < until, "it never came about"
            self.office.senders.wake()
            threading.Event().wait(0.01)

    @property
    def subjects(self):
        return [notice.subject for _, notice in self.book.notices()]

    def channel(self, url, name="hook"):
        """Return a channel that is kept."""
        channel = self.choices.add_channel(name, url)
        self.office.know_choices()
        return channel

    def rule(self, *channels, on=(Occasion.FAILURE, Occasion.RECOVERY), **fields):
        """Return a rule that is kept."""
        named = tuple(each.id for each in channels)
        rule = self.choices.add_rule(Rule(id="", on=tuple(on), channels=named, created_at=WHEN, **fields))
        self.office.know_choices()
        return rule


@pytest.fixture
def make_office(manager, events, clock, tmp_path):
    """Make telling offices on the same house; one made later is Holdfast started again."""
    made = []

    def make(**wishes):
        office = Office(manager, events, clock, tmp_path / "data" / "notifications", Wishes(**wishes))
        office.open()
        made.append(office)
        listening = Listening(office, events)
        listening.look()
        return listening

    yield make
    for office in made:
        office.stop()


@pytest.fixture
def office(make_office):
    return make_office()


DISK_FULL = Failure(
    code="engine-failed", message="The disk is full.", hint="Free some space, then run it again."
)


def a_failure(manager, job=None, failure=DISK_FULL, **fields):
    """Return a run of the job, or of a new one, that failed."""
    job = job or a_job(manager, **fields)
    run = manager.claim(manager.start(job.id, asked_by="ana").id, "test-worker")
    return manager.fail(run.id, run.attempt, failure)


def a_success(manager, job=None, **outcome):
    """Return a run of the job, or of a new one, that ended well."""
    job = job or a_job(manager)
    run = manager.claim(manager.start(job.id, asked_by="ana").id, "test-worker")
    return manager.complete(run.id, run.attempt, Outcome(**outcome))
