"""The page of notifications as a browser without scripts reads it."""

import threading
from datetime import timedelta

import pytest

from core.drafts import JobDraft
from core.models import Expectation
from core.notifications.values import Occasion, Rule
from core.people import Role
from tests.builders import WHEN
from tests.core.notifications.conftest import AT_LAST, answering, receiving
from tests.fastapi_app.pages.conftest import FAILED, Reader, a_failed_run, words

HOOK = "http://127.0.0.1:9/hook/sesame"


@pytest.fixture
def office(world):
    return world.house.service.notifications


@pytest.fixture
def receiver():
    with receiving(answering()) as receiver:
        yield receiver


def settled(office, holds):
    """Return once something holds that the office brings about in its own time."""
    for _ in range(int(AT_LAST / 0.02)):
        if holds():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it never came about")


def bell(page):
    return words(page.select_one(".bell"))


def form_to(page, address):
    return page.select_one(f"form[action='{address}']")


def test_a_new_house_says_that_all_is_quiet(reader):
    page = reader.open("/notifications")

    assert "All is quiet." in words(page.main)
    assert bell(page) == "Notifications unread"


def test_each_person_has_their_own_unread_count(world, people, office):
    a_failed_run(world, world.a_job("photos"))
    settled(office, lambda: office.book.newest == 1)
    viewer, admin = Reader(people[Role.VIEWER]), Reader(people[Role.ADMIN])

    before = viewer.open("/notifications")
    answer = viewer.send(form_to(before, "/notifications/read"))
    after = viewer.open("/notifications")

    assert answer.headers["location"] == "/notifications"
    assert bell(before) == "Notifications 1 unread"
    assert f"photos failed: {FAILED.message}" in words(before.main)
    assert bell(after) == "Notifications unread"
    assert "You have seen everything." in words(after.main)
    assert bell(admin.open("/")) == "Notifications 1 unread"


def test_a_webhook_is_added_tested_and_removed_on_the_page(reader, receiver, office):
    page = reader.open("/notifications")
    made = reader.read(reader.send(form_to(page, "/notifications/channels"), name="ops", url=receiver.url))
    (channel,) = office.choices.channels().values()

    tested = reader.read(reader.send(form_to(made, f"/notifications/channels/{channel.id}/test")))
    removed = reader.send(form_to(tested, f"/notifications/channels/{channel.id}/remove"))
    after = reader.open("/notifications")

    assert channel.secret in words(made.main)
    assert channel.secret not in tested.text
    assert "sesame" not in made.text + tested.text
    assert "A test was sent through “ops”. The receiver answered 204." in words(tested.main)
    assert removed.status_code == 303
    assert len(receiver.requests) == 1
    assert "ops" not in words(after.main)


def test_a_test_that_does_not_get_through_says_why(reader, office):
    channel = office.add_channel("ops", "http://127.0.0.1:1/hook/sesame")

    page = reader.read(
        reader.send(form_to(reader.open("/notifications"), f"/notifications/channels/{channel.id}/test"))
    )

    assert "There is no way to the receiver: connection refused." in words(page.select_one("[role=alert]"))
    assert "sesame" not in page.text


def test_a_mistake_in_a_channel_is_said_at_its_field(reader):
    page = reader.open("/notifications")

    again = reader.read(
        reader.send(form_to(page, "/notifications/channels"), name="ops", url="http://u:sesame@x/")
    )

    field = again.select_one("#channel-url")
    assert (reader.status, field["aria-invalid"]) == (422, "true")
    assert "not sent" in words(again.select_one("#wrong-url"))
    assert again.select_one("#channel-name")["value"] == "ops"
    assert "sesame" not in again.text


def test_a_rule_is_added_and_removed_on_the_page(reader, office):
    channel = office.add_channel("ops", HOOK)
    page = reader.open("/notifications")
    form = form_to(page, "/notifications/rules")

    reader.send(
        form, tag="pictures", digest="daily", quiet_from="22:00", quiet_to="07:00", timezone="Europe/Berlin"
    )
    shown = reader.open("/notifications")
    (rule,) = office.choices.rules()
    reader.send(form_to(shown, f"/notifications/rules/{rule.id}/remove"))

    assert rule.channels == (channel.id,)
    said = words(shown.select_one("section[aria-labelledby=rules]"))
    assert "of jobs tagged pictures , through ops" in said
    assert "Every day at 08:00 (Europe/Berlin), together" in said
    assert "quiet from 22:00 to 07:00 (Europe/Berlin), but for what is critical" in said
    assert office.choices.rules() == ()


def test_a_mistake_in_a_rule_is_said_at_its_field(reader, office):
    office.add_channel("ops", HOOK)
    form = form_to(reader.open("/notifications"), "/notifications/rules")

    again = reader.read(reader.send(form, timezone="Mars/Olympus", quiet_from="22:00"))

    assert reader.status == 422
    assert "There is no time zone 'Mars/Olympus'." in words(again.select_one("#wrong-timezone"))
    assert "Quiet hours are two times of day" in words(again.select_one("#wrong-quiet"))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_an_admin_changes_who_is_told(people, office, role):
    channel = office.add_channel("ops", HOOK)
    someone = people[role]

    page = Reader(someone).open("/notifications")

    assert page.select("main form[action*=channels], main form[action*=rules]") == []
    for address in ("channels", f"channels/{channel.id}/test", f"channels/{channel.id}/remove", "rules"):
        assert someone.post(f"/notifications/{address}", data={"name": "x", "url": HOOK}).status_code == 403


def test_a_message_that_does_not_get_through_is_shown_with_its_reason(world, reader, office):
    with receiving(answering(410)) as receiver:
        channel = office.add_channel("ops", receiver.url)
        office.add_rule(Rule(id="", on=(Occasion.FAILURE,), channels=(channel.id,), created_at=WHEN))
        a_failed_run(world, world.a_job("photos"))
        settled(office, office.book.ended)

    page = reader.open("/notifications")

    said = words(page.select_one("section[aria-labelledby=troubles]"))
    assert "photos failed" in said
    assert "ops : The receiver answered 410. Given up after 1 try." in said
    assert channel.name == "ops"


def test_a_late_job_says_so_wherever_it_is_shown(world, office):
    expect = Expectation(every=86_400, grace=3_600)
    draft = JobDraft(name="photos", kind="copy", options=world.options(), expect=expect)
    job = world.house.service.manager.create(draft, asked_by="ada")
    settled(office, lambda: office.rhythm.of(job.id) is not None)

    world.clock.pass_by(timedelta(hours=26))
    settled(office, lambda: office.book.told_late(job.id) is not None)
    reader = Reader(world.signed_in())  # the session from the day before is over

    page = reader.open(f"/jobs/{job.id}")
    assert "Late: no success by 22 Nov 2026 08:42 UTC , it never had one." in words(page.main)
    assert [time["datetime"] for time in page.select(".bar[data-st=late] time")] == ["2026-11-22T08:42:00Z"]
    assert "Late" in words(reader.open("/jobs").select_one(f"#row-{job.id}"))
    needs = reader.open("/").select_one("section[aria-labelledby=needs]")
    assert "photos" in words(needs)
    assert "No success in time" in words(needs)
