"""What Apprise sends: real mail to a real SMTP server, each from a process of its own."""

import contextlib
import socket
import threading

import pytest

from core.models import Failure
from core.notifications import apprise_urls, messenger
from core.notifications.values import Channel, ChannelKind, Message, Notice, Occasion
from tests.builders import WHEN
from tests.core.notifications.conftest import a_failure, receiving

NOTICE = Notice(id="n", occasions=(Occasion.FAILURE,), at=WHEN, subject="photos failed", text="It failed.")
MESSAGE = Message(id="m", channel="c", put_at=WHEN, due_at=WHEN, notice=NOTICE)


def by(url):
    return Channel(id="c", name="c", kind=ChannelKind.APPRISE, url=url, shown="", created_at=WHEN)


def test_a_mail_reaches_an_smtp_server(office, manager, mailbox):
    office.rule(office.channel(mailbox.url, "mail"))

    a_failure(manager, name="photos")
    office.hear()

    office.wait_until(lambda: mailbox.mails)
    (taken,) = mailbox.mails
    assert taken.to == ["ana@example.org"]
    assert taken.mail["From"].addresses[0].addr_spec == "holdfast@example.org"
    assert taken.mail["Subject"] == "Holdfast: photos failed: The disk is full."
    assert "Why: The disk is full." in taken.mail.get_content()
    office.wait_until(office.book.ended)
    assert office.book.ended()[0].trouble == ""


def test_a_name_with_line_breaks_adds_no_header(office, manager, mailbox):
    office.rule(office.channel(mailbox.url, "mail"))
    said = Failure(
        code="x", message="lost\r\nBcc: eve@example.org\r\nX-Evil: yes\r\n\r\n.\r\nMAIL FROM:<eve>\u202e"
    )

    a_failure(manager, name="photos", failure=said)
    office.hear()

    office.wait_until(lambda: mailbox.mails)
    (taken,) = mailbox.mails
    assert taken.to == ["ana@example.org"]
    assert (taken.mail["Bcc"], taken.mail["X-Evil"]) == (None, None)
    assert taken.mail["Subject"].startswith("Holdfast: photos failed: lost Bcc: eve@example.org X-Evil: yes")


@pytest.mark.parametrize(
    "said", [b"", b"220 here\r\n", b"220 here\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"]
)
def test_a_mail_server_that_drops_in_the_middle_is_tried_again(said):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_hang_up_after, args=(listener, said), daemon=True).start()
        port = listener.getsockname()[1]
        url = f"mailto://u:sesame@127.0.0.1:{port}?smtp=127.0.0.1&from=hf@example.org&to=ana@example.org"

        outcome = apprise_urls.send(by(url), MESSAGE, "", private=True)

    assert (outcome.sent, outcome.again) == (False, True)
    assert "sesame" not in outcome.words
    assert outcome.words.startswith("It was not accepted")


def _hang_up_after(listener, said):
    with contextlib.suppress(OSError), listener.accept()[0] as caller:
        for line in said.splitlines(keepends=True):
            caller.sendall(line)
            caller.recv(1_000)


def test_a_service_of_apprise_is_not_led_to_a_metadata_address():
    outcome = apprise_urls.send(by("json://169.254.169.254/latest?redirect=yes"), MESSAGE, "", private=True)

    assert (outcome.sent, outcome.again) == (False, False)
    assert "link-local" in outcome.words


def test_a_service_of_apprise_stays_out_of_private_networks_where_the_settings_say_so(receiver):
    url = receiver.url.replace("http://", "json://")

    outcome = apprise_urls.send(by(url), MESSAGE, "", private=False)

    assert not outcome.sent
    assert receiver.requests == []


def test_an_endless_answer_to_apprise_ends_at_a_limit_of_memory():
    def endless(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000000000")
        request.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1_000):
                request.wfile.write(bytes(1_000_000))

    with receiving(endless) as talker:
        url = talker.url.replace("http://", "json://")
        outcome = apprise_urls.send(by(url), MESSAGE, "", private=True, patience=120.0)

    assert not outcome.sent
    assert outcome.words == "The receiver's answer is too large."


def test_a_service_that_accepts_and_never_answers_is_left_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mailto://u:p@127.0.0.1:{silent.getsockname()[1]}?smtp=127.0.0.1&from=h@example.org&to=a@example.org"

        outcome = apprise_urls.send(by(url), MESSAGE, "", private=True, patience=1.5)

    assert (outcome.sent, outcome.again) == (False, True)
    assert outcome.words == "It was not accepted within 2 s."


def test_a_redirect_of_a_service_is_not_followed(receiver):
    def leading(request):
        request.send_response(307)
        request.send_header("Location", receiver.url)
        request.send_header("Content-Length", "0")
        request.end_headers()

    with receiving(leading) as leader:
        url = leader.url.replace("http://", "json://") + "?redirect=yes"
        outcome = apprise_urls.send(by(url), MESSAGE, "", private=True)

    assert not outcome.sent
    assert receiver.requests == []


def test_no_part_of_an_address_is_in_what_is_told_of_it():
    url = "json://ana:ses%40me@10.0.0.9/hook/T0KEN?+X-Key=abcdef&to=ana@example.org"
    told = "Failed: http://10.0.0.9/hook/T0KEN ses@me ses%40me abcdef ana@example.org"

    said = messenger.scrubbed(told, url)

    assert not any(part in said for part in ("10.0.0.9", "T0KEN", "ses@me", "ses%40me", "abcdef", "example"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mailto://ops:sesame@example.org?to=ana@example.org", "E-Mail: mailto://example.org"),
        ("slack://TokenA12/TokenB345/TokenC", "Slack: slack://****"),
        ("ntfy://a-secret-topic", "ntfy: ntfy://****"),
        ("json://u:p@h.example.org/x@y", "JSON: json://h.example.org"),
    ],
)
def test_as_much_of_an_address_is_shown_as_everybody_may_see(url, shown):
    assert apprise_urls.masked(url, shown.partition(":")[0]) == shown
