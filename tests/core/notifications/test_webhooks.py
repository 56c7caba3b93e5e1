"""Signed webhooks, and whom Holdfast asks at all; the receivers are real."""

import base64
import contextlib
import hashlib
import hmac
import socket
import threading

import orjson
import pytest

from core.errors import InvalidOptions
from core.notifications.addresses import AddressRefused, check
from core.notifications.outgoing import Client
from tests.builders import a_job
from tests.core.notifications.conftest import a_failure, answering, receiving

EVERYWHERE = Client(private=True, patience=3.0)


def signature_of(request, secret):
    """Return what a receiver computes, as the documentation tells it to."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = (
        f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    )
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_a_webhook_can_be_verified_with_its_secret(office, make_office, manager, receiver, clock):
    channel = office.channel(receiver.url)
    office.rule(channel)

    run = a_failure(manager, name="photos", tags=("pictures",))
    office.hear()

    (request,) = receiver.wait_for(1)
    told = orjson.loads(request.body)
    assert request.path == "/hook/sesame"
    assert request.headers["webhook-signature"] == signature_of(request, channel.secret)
    assert int(request.headers["webhook-timestamp"]) == int(clock.now().timestamp())
    assert told["type"] == "holdfast.failure"
    assert told["data"]["job"] == {"id": run.job_id, "name": "photos", "tags": ["pictures"]}
    assert told["data"]["run"]["id"] == run.id
    assert told["data"]["error"]["message"] == "The disk is full."
    assert "url" not in told["data"]


def test_a_message_leads_to_its_run_where_the_address_of_holdfast_is_known(make_office, manager, receiver):
    office = make_office(origin="https://jobs.example.org")
    office.rule(office.channel(receiver.url))

    run = a_failure(manager)
    office.hear()

    (request,) = receiver.wait_for(1)
    assert orjson.loads(request.body)["data"]["url"] == f"https://jobs.example.org/runs/{run.id}"


def test_a_redirect_is_not_followed(receiver):
    with receiving(answering(302, Location="http://169.254.169.254/latest/meta-data")) as leading:
        outcome = EVERYWHERE.post(leading.url, b"{}", {"webhook-signature": "v1,secret"})

    assert not outcome.sent
    assert outcome.words == "The receiver answered 302, which leads elsewhere; redirects are not followed."
    assert receiver.requests == []


def test_an_answer_of_a_gigabyte_is_not_read():
    written = []

    def endless(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000000000")
        request.end_headers()
        with contextlib.suppress(OSError):
            written.extend(request.wfile.write(bytes(1_000_000)) for _ in range(1_000))

    with receiving(endless) as talker:
        outcome = EVERYWHERE.get(talker.url)

    assert outcome.sent
    assert len(written) < 100


def test_a_receiver_that_says_a_byte_now_and_then_is_left_in_time():
    left = threading.Event()

    def dripping(request):
        with contextlib.suppress(OSError):
            while not left.wait(0.05):
                request.wfile.write(b"H")

    with receiving(dripping) as receiver:
        outcome = Client(private=True, patience=0.3).get(receiver.url)
        left.set()

    assert outcome.words == "The receiver did not answer within 0.3 s."


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
        "0.0.0.0",
        "::",
    ],
)
def test_a_metadata_address_is_refused(address):
    with pytest.raises(AddressRefused):
        check(address, private=True)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.5", "192.168.1.4", "::1", "fd12::1", "100.64.0.1", "::ffff:127.0.0.1"]
)
def test_private_networks_are_refused_where_the_settings_say_so(address):
    check(address, private=True)

    with pytest.raises(AddressRefused):
        check(address, private=False)


def test_a_name_that_leads_to_a_refused_address_is_refused(monkeypatch, receiver):
    port = int(receiver.url.split(":")[2].partition("/")[0])
    answers = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.1", "169.254.169.254")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)

    outcome = EVERYWHERE.get(f"http://innocent.example.org:{port}/")

    assert not outcome.sent
    assert not outcome.again
    assert "link-local" in outcome.words
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/", "There is no way to the receiver: connection refused."),
        ("http://nowhere.invalid/", "The receiver's name is not known to the resolver."),
    ],
)
def test_a_receiver_that_is_not_there_is_named_in_words(url, words):
    outcome = EVERYWHERE.get(url)

    assert (outcome.sent, outcome.words) == (False, words)


def test_what_is_not_http_is_named_in_words():
    with receiving(lambda request: request.wfile.write(b"220 mail.example.org\r\n")) as mail:
        outcome = EVERYWHERE.get(mail.url)

    assert outcome.words == "The receiver broke off, or what it says is not HTTP."


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://hooks..example.org/x",
        "https://" + 64 * "a" + ".example.org/x",
        "http://",
        "http://example.org/\r\nX: y",
        "http://u:p@example.org/",
        "https://example.org:99999/",
        "http://exa mple.org/",
        "https://" + "x" * 3_000,
        "gopher://127.0.0.1/",
        "http:///path",
        "://",
        "mailto:",
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_in_words(office, url):
    with pytest.raises(InvalidOptions) as refused:
        office.choices.add_channel("odd", url)

    assert set(refused.value.problems) == {"url"}
    assert "/etc/passwd" not in str(refused.value)


def test_a_secret_in_an_address_is_shown_nowhere(office, receiver, caplog, manager):
    channel = office.channel("http://127.0.0.1:1/hook/sesame?token=open")
    office.rule(channel)

    outcome = office.test(channel.id)

    said = f"{channel.shown} {channel!r} {outcome} {caplog.text} {office.book.ended()}"
    assert channel.shown == "http://127.0.0.1:1/…"
    assert not any(secret in said for secret in ("sesame", "open", channel.secret))


def test_the_test_of_a_channel_really_sends(office, receiver):
    channel = office.channel(receiver.url)

    outcome = office.test(channel.id)

    assert (outcome.sent, outcome.words) == (True, "The receiver answered 204.")
    assert b"This is a test of the channel" in receiver.wait_for(1)[0].body


def test_a_job_of_another_tag_is_not_told(office, manager, receiver):
    office.rule(office.channel(receiver.url), tag="pictures")

    a_failure(manager, a_job(manager, name="mail", tags=("post",)))
    a_failure(manager, a_job(manager, name="photos", tags=("pictures",)))
    office.hear()

    office.wait_until(lambda: not office.book.waiting())
    assert [orjson.loads(request.body)["data"]["job"]["name"] for request in receiver.requests] == ["photos"]
