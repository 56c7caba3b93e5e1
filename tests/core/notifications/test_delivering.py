"""What is sent to whom and when, and that nothing of it is lost, doubled or held up."""

import socket
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from msgspec.structs import replace

from core.errors import InvalidOptions, NotFound
from core.models import Failure, Priority
from core.notifications import rules
from core.notifications.book import Book
from core.notifications.log import NAME, Told
from core.notifications.senders import RETRY, Sender
from core.notifications.values import (
    Channel,
    ChannelKind,
    Digest,
    Message,
    Notice,
    Occasion,
    Outcome,
    Quiet,
    Rule,
)
from tests.builders import WHEN, a_job
from tests.core.notifications.conftest import a_failure, a_success, answering, receiving

NIGHT = Quiet(start="22:00", end="07:00")
HOUR = timedelta(hours=1)


def told(requests):
    return [orjson.loads(request.body) for request in requests]


def subjects(requests):
    return [each["data"]["subject"] for each in told(requests)]


@pytest.fixture
def dead():
    """A receiver that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_rule_does_not_tell_what_happened_before_it_was_made(office, manager, receiver, clock):
    a_failure(manager, name="before")
    clock.pass_by(timedelta(minutes=1))
    office.rule(office.channel(receiver.url))

    a_failure(manager, name="after")
    office.hear()

    assert len(office.subjects) == 2
    office.wait_until(lambda: not office.book.waiting())
    assert subjects(receiver.requests) == ["Holdfast: after failed: The disk is full."]


def test_two_rules_that_name_the_same_channel_make_one_message(office, manager, receiver):
    channel = office.channel(receiver.url)
    office.rule(channel)
    office.rule(channel, on=(Occasion.DEAD_LETTER, Occasion.FIRST_RUN), digest=Digest.DAILY)

    a_failure(manager)
    office.hear()

    office.wait_until(lambda: not office.book.waiting())
    assert len(receiver.requests) == 1


def test_the_same_failure_is_told_once_in_an_hour(office, manager, receiver, clock):
    job = a_job(manager, name="photos")
    office.rule(office.channel(receiver.url))

    for minutes in (10, 20, 40):
        a_failure(manager, job)
        office.hear()
        clock.pass_by(timedelta(minutes=minutes))
    a_failure(manager, job)
    office.hear()

    office.wait_until(lambda: not office.book.waiting())
    texts = [each["data"]["text"] for each in told(receiver.requests)]
    assert len(texts) == 2
    assert "The same happened 2 times more since the last message about it." in texts[1]
    assert len(office.subjects) == 4


def test_another_failure_of_the_same_job_is_told_at_once(office, manager, receiver, clock):
    job = a_job(manager, name="photos")
    office.rule(office.channel(receiver.url))

    a_failure(manager, job)
    a_failure(manager, job, Failure(code="engine-failed", message="Permission is denied."))
    office.hear()

    office.wait_until(lambda: not office.book.waiting())
    assert len(receiver.requests) == 2


def test_a_failure_after_a_recovery_is_told_at_once(office, manager, receiver):
    job = a_job(manager, name="photos")
    office.rule(office.channel(receiver.url))

    for ending in (a_failure, a_success, a_failure):
        ending(manager, job)
        office.hear()

    office.wait_until(lambda: not office.book.waiting())
    assert [each["type"] for each in told(receiver.requests)] == [
        "holdfast.failure",
        "holdfast.recovery",
        "holdfast.failure",
    ]


def test_quiet_hours_hold_back_what_is_told_and_make_a_digest_of_it(office, manager, receiver, clock):
    clock.set(datetime(2026, 11, 21, 22, 30, tzinfo=UTC))
    office.rule(office.channel(receiver.url), quiet=NIGHT, timezone="UTC")

    a_failure(manager, name="photos")
    a_failure(manager, name="mail")
    office.hear()
    waiting = office.book.waiting()
    clock.set(datetime(2026, 11, 22, 7, 0, tzinfo=UTC))
    office.senders.wake()

    (digest,) = told(receiver.wait_for(1))
    assert [message.due_at for message in waiting] == [datetime(2026, 11, 22, 7, 0, tzinfo=UTC)]
    assert digest["type"] == "holdfast.digest"
    assert digest["data"]["subject"] == "Holdfast: 2 things happened, 2 need you"
    assert [item["subject"] for item in digest["data"]["items"]] == [
        "photos failed: The disk is full.",
        "mail failed: The disk is full.",
    ]


def test_what_is_critical_breaks_the_quiet_hours(office, manager, receiver, clock):
    clock.set(datetime(2026, 11, 21, 23, 0, tzinfo=UTC))
    office.rule(office.channel(receiver.url), quiet=NIGHT, timezone="UTC")

    a_failure(manager, name="photos")
    a_failure(manager, name="the vault", priority=Priority.CRITICAL)
    office.hear()

    office.wait_until(lambda: len(office.book.waiting()) == 1)
    assert subjects(receiver.requests) == ["Holdfast: the vault failed: The disk is full."]


@pytest.mark.parametrize(
    ("fields", "now", "due"),
    [
        ({}, "2026-11-21T12:00", "2026-11-21T12:00"),
        ({"digest": Digest.HOURLY}, "2026-11-21T12:10", "2026-11-21T13:00"),
        ({"digest": Digest.DAILY}, "2026-11-21T07:30", "2026-11-22T07:00"),
        ({"digest": Digest.DAILY}, "2026-11-21T06:59", "2026-11-21T07:00"),
        ({"quiet": NIGHT}, "2026-11-21T20:59", "2026-11-21T20:59"),
        ({"quiet": NIGHT}, "2026-11-21T21:00", "2026-11-22T06:00"),
        ({"quiet": NIGHT}, "2026-11-22T05:59", "2026-11-22T06:00"),
        ({"quiet": NIGHT, "digest": Digest.HOURLY}, "2026-11-21T20:30", "2026-11-22T06:00"),
        ({"quiet": Quiet(start="12:00", end="13:00")}, "2026-11-21T11:30", "2026-11-21T12:00"),
        ({"quiet": NIGHT}, "2027-03-28T00:30", "2027-03-28T05:00"),  # that night the clocks go forward
        ({"quiet": NIGHT}, "2026-10-24T22:30", "2026-10-25T06:00"),  # and that night back
        ({"digest": Digest.DAILY, "digest_at": "02:30"}, "2027-03-28T00:00", "2027-03-28T01:30"),
    ],
)
def test_a_digest_comes_at_its_time_of_day_in_its_time_zone(fields, now, due):
    rule = Rule(
        id="r", on=(Occasion.LATE,), channels=("c",), timezone="Europe/Berlin", created_at=WHEN, **fields
    )
    notice = Notice(id="n", occasions=(Occasion.LATE,), at=WHEN, subject="", text="")

    at = rules.due_at(rule, notice, datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert at == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_ten_thousand_failures_at_once_make_a_few_messages(office, receiver, clock):
    channel = office.channel(receiver.url)
    office.rule(channel)
    rule_every = office.choices.rules()

    for number in range(10_000):
        notice = Notice(
            id=f"n{number}",
            occasions=(Occasion.FAILURE,),
            at=clock.now(),
            subject=f"job {number} failed",
            text="",
            key=f"job-{number}/failure/",
        )
        told_now = office.office._planner.plan(notice, rule_every, {channel.id: channel}, clock.now())
        office.book.enter(told_now)
    office.book.flush()

    waiting = office.book.waiting()
    assert len(waiting) <= 22
    assert sum(message.count for message in waiting) + len(office.book.ended()) == 10_000
    assert max(len(message.items) for message in waiting) == 50
    clock.pass_by(timedelta(minutes=2))
    office.wait_until(lambda: not office.book.waiting())
    assert subjects(receiver.requests)[-1] == "Holdfast: 9,980 things happened, at least 50 need you"
    assert len(office.book.notices()) == 1_000


def test_a_receiver_that_never_answers_holds_up_no_other_channel(office, manager, receiver, dead):
    office.rule(office.channel(dead, "dead"), office.channel(receiver.url, "alive"))

    a_failure(manager, name="photos")
    a_failure(manager, name="mail")
    office.hear()

    assert len(receiver.wait_for(2)) == 2
    office.wait_until(lambda: len(office.book.ended()) == 2)
    assert {message.channel for message in office.book.waiting()} == {
        channel.id for channel in office.choices.channels().values() if channel.name == "dead"
    }


def test_a_message_is_tried_again_with_growing_waits_and_the_same_id(office, manager, clock):
    with receiving(answering(503)) as receiver:
        office.rule(office.channel(receiver.url))
        a_failure(manager)
        office.hear()

        for tries, seconds in enumerate((30, 60, 120), start=1):
            office.wait_until(lambda tries=tries: office.book.waiting()[0].tries == tries)
            (rest,) = office.senders.rests().values()
            assert rest == seconds
            clock.pass_by(timedelta(seconds=seconds))
        receiver.answer = answering(200)
        office.wait_until(office.book.ended)

    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == 4
    assert office.book.ended()[0].tries == 4


def test_a_message_is_given_up_after_a_day_and_shown_as_failed(office, manager, clock):
    with receiving(answering(500)) as receiver:
        office.rule(office.channel(receiver.url))
        a_failure(manager, name="photos")
        a_failure(manager, name="mail")
        began = clock.monotonic()
        office.hear()

        while office.book.waiting():
            office.wait_until(lambda: office.senders.rests() or not office.book.waiting())
            clock.pass_by(timedelta(seconds=max(office.senders.rests().values(), default=0)))

    ended = office.book.ended()
    assert timedelta(hours=22) < timedelta(seconds=clock.monotonic() - began) < timedelta(hours=26)
    assert {each.trouble for each in ended} == {"The receiver answered 500."}
    assert {each.tries for each in ended} == {RETRY.max_attempts}
    assert len(ended) == 2


def test_a_receiver_that_is_gone_for_good_is_asked_once(office, manager):
    with receiving(answering(410)) as receiver:
        office.rule(office.channel(receiver.url))
        a_failure(manager)
        office.hear()

        office.wait_until(office.book.ended)

    assert len(receiver.requests) == 1


def test_a_message_that_a_receiver_does_not_take_keeps_no_other_from_it(office, manager):
    def picky(request):
        answering(400 if b"photos" in receiver.requests[-1].body else 204)(request)

    with receiving(picky) as receiver:
        office.rule(office.channel(receiver.url))
        a_failure(manager, name="photos")
        office.hear()
        office.wait_until(lambda: office.book.waiting()[0].tries == 1)
        a_failure(manager, name="mail")
        office.hear()

        office.wait_until(lambda: len(office.book.waiting()) == 1)

    assert office.book.ended()[0].subject == "Holdfast: mail failed: The disk is full."


def test_a_channel_that_is_removed_takes_its_waiting_messages_with_it(office, manager, dead, receiver):
    gone, alive = office.channel(dead, "dead"), office.channel(receiver.url, "alive")
    office.rule(gone)
    office.rule(gone, alive)
    a_failure(manager)
    office.hear()

    office.choices.remove_channel(gone.id)
    office.hear()

    assert [rule.channels for rule in office.choices.rules()] == [(alive.id,)]
    office.wait_until(lambda: not office.book.waiting())
    with pytest.raises(NotFound):
        office.choices.channel(gone.id)


def test_a_message_that_was_not_sent_survives_a_crash_with_the_same_id(
    office, make_office, manager, receiver, dead
):
    office.rule(office.channel(dead))
    a_failure(manager, name="photos")
    office.hear()
    (before,) = office.book.waiting()

    again = make_office()

    (after,) = again.book.waiting()
    assert (after.id, after.notice) == (before.id, before.notice)
    assert again.subjects == office.subjects


def test_what_failed_just_before_a_crash_is_told_at_the_next_start(office, make_office, manager, receiver):
    office.rule(office.channel(receiver.url))
    office.office._taken.clear()
    a_failure(manager, name="photos")

    again = make_office()

    assert again.subjects == ["photos failed: The disk is full."]
    assert subjects(receiver.wait_for(1)) == ["Holdfast: photos failed: The disk is full."]


def test_nothing_is_told_twice_after_a_restart(office, make_office, manager, receiver):
    office.rule(office.channel(receiver.url), on=tuple(Occasion))
    job = a_job(manager)
    a_success(manager, job)
    a_failure(manager, job)
    office.hear()
    office.wait_until(lambda: not office.book.waiting())

    again = make_office()

    assert again.book.waiting() == ()
    assert len(receiver.requests) == 2
    assert again.subjects == office.subjects


def test_a_torn_last_line_costs_nothing_but_itself(office, make_office, manager, tmp_path):
    a_failure(manager, name="photos")
    office.hear()
    path = tmp_path / "data" / "notifications" / NAME
    with path.open("ab") as file:
        file.write(b'{"k":"told","notice":{"id":"torn"')

    again = make_office()
    a_failure(manager, name="mail")
    again.hear()

    assert again.subjects == make_office().subjects
    assert again.subjects == ["mail failed: The disk is full.", "photos failed: The disk is full."]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_cannot_be_read_is_left_out(office, make_office, manager, tmp_path):
    a_failure(manager, name="photos")
    office.hear()
    path = tmp_path / "data" / "notifications" / NAME
    path.write_bytes(b"\xff\x00 no line\n" + path.read_bytes())

    again = make_office()

    assert again.subjects == ["photos failed: The disk is full."]


def test_a_full_disk_keeps_no_message_from_being_sent(office, make_office, manager, receiver, monkeypatch):
    office.rule(office.channel(receiver.url))
    full = OSError(28, "No space left on device")
    with monkeypatch.context() as disk:
        disk.setattr("os.fdatasync", lambda _: (_ for _ in ()).throw(full))
        a_failure(manager, name="photos")
        office.hear()
        office.wait_until(lambda: not office.book.waiting())
        trouble = office.book.trouble

    office.hear()

    assert "no room left" in trouble
    assert office.book.trouble == ""
    assert len(receiver.requests) == 1
    assert make_office().book.waiting() == ()


def test_the_file_is_written_anew_when_most_of_it_is_of_no_use(office, make_office, manager, clock):
    job = a_job(manager, name="photos")
    notice = Notice(
        id="", occasions=(Occasion.FAILURE,), at=clock.now(), subject="it failed", text="", job_id=job.id
    )
    for number in range(8_000):
        told_now = office.office._planner.plan(replace(notice, id=f"n{number}"), (), {}, clock.now())
        office.book.enter(told_now)
        if number % 500 == 0:
            office.book.flush()
    office.book.flush()

    again = make_office()

    assert office.book._file.lines < 8_000
    assert len(again.book.notices()) == 1_000
    assert again.book.newest == 8_000
    assert again.book.knows("n10")


def test_a_clock_that_is_set_back_holds_no_message_up(office, manager, receiver, clock):
    office.rule(office.channel(receiver.url), digest=Digest.HOURLY, timezone="UTC")
    a_failure(manager)
    office.hear()
    office.senders.wake()
    office.wait_until(lambda: len(next(iter(office.senders._senders.values()))._due_at) == 1)

    clock.set(clock.now() - timedelta(days=30))
    clock.pass_by(HOUR)
    office.senders.wake()

    assert len(receiver.wait_for(1)) == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"on": ()}, "on"),
        ({"channels": ()}, "channels"),
        ({"channels": ("nobody",)}, "channels"),
        ({"tag": "a", "job_id": "b"}, "tag"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"digest_at": "25:00"}, "digest_at"),
        ({"quiet": Quiet(start="22:00", end="22:00")}, "quiet"),
        ({"quiet": Quiet(start="now", end="22:00")}, "quiet"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_its_field(office, fields, problem):
    defaults = {"id": "", "on": (Occasion.LATE,), "channels": ("c",), "created_at": WHEN}

    with pytest.raises(InvalidOptions) as refused:
        office.choices.add_rule(Rule(**defaults | fields))

    assert set(refused.value.problems) == {problem}


def test_no_two_channels_have_the_same_name(office):
    office.channel("http://127.0.0.1:1/", "Ops")

    with pytest.raises(InvalidOptions, match="There is a channel of this name"):
        office.channel("http://127.0.0.1:2/", "ops")


def test_a_channel_that_is_switched_off_is_given_nothing(office, manager, receiver):
    channel = office.channel(receiver.url)
    office.rule(channel)

    office.choices.switch_channel(channel.id, enabled=False)
    office.hear()
    a_failure(manager)
    office.hear()

    assert office.book.waiting() == ()


def test_a_channel_says_nothing_secret_of_itself():
    channel = Channel(
        id="c",
        name="ops",
        kind=ChannelKind.WEBHOOK,
        url="https://x/sesame",
        secret="s",
        shown="x",
        created_at=WHEN,
    )

    assert "sesame" not in f"{channel!r} {channel}"


def test_who_has_stopped_writes_no_more_beside_who_starts(office, make_office, manager, receiver):
    office.rule(office.channel("http://127.0.0.1:1/"))
    a_failure(manager, name="photos")
    office.hear()
    office.office.stop()
    again = make_office()

    office.book.failed(office.book.waiting(), "It was still being sent.")
    a_failure(manager, name="mail")
    again.hear()

    assert make_office().subjects == ["mail failed: The disk is full.", "photos failed: The disk is full."]


def test_a_message_that_cannot_be_handled_holds_up_no_other_and_is_given_up(clock, tmp_path, caplog):
    sent = []

    def send(_channel, message):
        if message.notice.subject == "odd":
            raise UnicodeError("label empty or too long")
        sent.append(message.notice.subject)
        return Outcome(sent=True, words="")

    book = Book(tmp_path / "told", clock)
    channel = Channel(id="c", name="hook", kind=ChannelKind.WEBHOOK, url="", shown="", created_at=WHEN)
    sender = Sender(channel, book, clock, send)
    for number, subject in enumerate(("odd", "plain")):
        notice = Notice(id=subject, occasions=(Occasion.FAILURE,), at=WHEN, subject=subject, text="")
        put = WHEN + timedelta(seconds=number)
        message = Message(id=subject, channel="c", put_at=put, due_at=WHEN, notice=notice)
        book.enter(Told(notice=notice, messages=(message,)))
    book.flush()

    for _ in range(RETRY.max_attempts):
        while sender.send_next():
            pass
        clock.pass_by(HOUR)

    assert sent == ["plain"]
    assert book.waiting() == ()
    assert [ended.subject for ended in book.ended() if ended.trouble] == ["Holdfast: odd"]
    assert "could not be handled" in caplog.text
