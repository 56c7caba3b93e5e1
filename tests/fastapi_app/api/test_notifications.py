"""Notifications, channels and rules, as programs read and change them."""

import threading

import pytest

from core.people import Role
from tests.core.notifications.conftest import AT_LAST, answering, receiving
from tests.fastapi_app.pages.conftest import a_failed_run

HOOK = "https://hooks.example.org/hook/sesame?token=open"


@pytest.fixture
def office(world):
    return world.house.service.notifications


def settled(holds):
    for _ in range(int(AT_LAST / 0.02)):
        if holds():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it never came about")


def test_a_program_reads_what_happened_and_notes_that_it_did(world, people, office):
    run = a_failed_run(world, world.a_job("photos"))
    settled(lambda: office.book.newest == 1)
    viewer = people[Role.VIEWER]

    before = viewer.get("/api/v1/notifications").json()
    noted = viewer.post("/api/v1/notifications/read")
    after = viewer.get("/api/v1/notifications").json()

    (item,) = before["items"]
    assert (before["unread"], before["total"], item["unread"]) == (1, 1, True)
    assert item["subject"] == "photos failed: The disk is full."
    assert item["occasions"] == ["failure", "dead-letter", "first-run"]
    assert item["page"] == f"/runs/{run.id}"
    assert noted.json() == {"unread": 0}
    assert (after["unread"], after["items"][0]["unread"]) == (0, False)


def test_a_channel_is_added_tested_and_removed_by_a_program(browser, office):
    with receiving(answering(204)) as receiver:
        made = browser.post("/api/v1/channels", json={"name": "ops", "url": receiver.url})
        place = f"/api/v1/channels/{made.json()['id']}"
        tested = browser.post(f"{place}/test")
        off = browser.request("PATCH", place, json={"enabled": False})
        listed = browser.get("/api/v1/channels")
        gone = browser.request("DELETE", place)

    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert made.json()["secret"] not in listed.text
    assert tested.json() == {"sent": True, "words": "The receiver answered 204."}
    assert off.json()["enabled"] is False
    assert listed.json()[0]["waiting"] == 0
    assert (gone.status_code, gone.text) == (204, "")
    assert browser.get("/api/v1/channels").json() == []
    assert browser.request("DELETE", place).status_code == 404


def test_no_answer_carries_the_secret_of_a_channel(browser, office, caplog):
    made = browser.post("/api/v1/channels", json={"name": "ops", "url": HOOK})
    wrong = browser.post("/api/v1/channels", json={"name": "no", "url": "mailto://u:sesame@"})
    twice = browser.post("/api/v1/channels", json={"name": "ops", "url": HOOK})
    odd = browser.post("/api/v1/channels", json={"name": "odd", "url": ["sesame"], "secret": "sesame"})

    said = [
        made,
        wrong,
        twice,
        odd,
        *(browser.get(f"/api/v1/{what}") for what in ("channels", "rules", "store")),
    ]
    assert [answer.status_code for answer in said] == [201, 422, 422, 422, 200, 200, 200]
    assert made.json()["shown"] == "https://hooks.example.org/…"
    assert not any("sesame" in answer.text or "open" in answer.json() for answer in said)
    assert "sesame" not in caplog.text


def test_a_rule_is_added_and_removed_by_a_program(browser, office):
    channel = browser.post("/api/v1/channels", json={"name": "ops", "url": HOOK}).json()
    entry = {
        "on": ["failure", "late"],
        "channels": [channel["id"]],
        "tag": "pictures",
        "quiet": {"start": "22:00", "end": "07:00"},
        "digest": "hourly",
        "timezone": "Europe/Berlin",
    }

    made = browser.post("/api/v1/rules", json=entry)
    listed = browser.get("/api/v1/rules").json()
    gone = browser.request("DELETE", f"/api/v1/rules/{made.json()['id']}")

    assert made.status_code == 201
    assert listed == [made.json()]
    assert listed[0] | entry | {"quiet": listed[0]["quiet"]} == listed[0]
    assert listed[0]["quiet"] == {"start": "22:00", "end": "07:00", "but_critical": True}
    assert gone.status_code == 204
    assert browser.get("/api/v1/rules").json() == []


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"on": []}, "on"),
        ({"on": ["everything"]}, "on"),
        ({"channels": ["nobody"]}, "channels"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"digest_at": "24:00"}, "digest_at"),
        ({"quiet": {"start": "x", "end": "07:00"}}, "quiet.start"),
        ({"throttle": -1}, "throttle"),
        ({"loud": True}, "loud"),
    ],
)
def test_a_rule_of_a_program_that_makes_no_sense_is_refused(browser, office, entry, field):
    channel = office.add_channel("ops", HOOK)

    answer = browser.post("/api/v1/rules", json={"on": ["late"], "channels": [channel.id]} | entry)

    assert answer.status_code == 422
    assert list(answer.json()["problems"]) == [field]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_is_no_admin_reads_channels_and_changes_none(people, office, role):
    channel = office.add_channel("ops", HOOK)
    someone = people[role]

    assert someone.get("/api/v1/channels").status_code == 200
    assert someone.get("/api/v1/notifications/outbox").json() == {"waiting": [], "ended": [], "trouble": ""}
    for method, place in (
        ("POST", "channels"),
        ("POST", f"channels/{channel.id}/test"),
        ("PATCH", f"channels/{channel.id}"),
        ("DELETE", f"channels/{channel.id}"),
        ("POST", "rules"),
        ("DELETE", "rules/x"),
    ):
        assert someone.request(method, f"/api/v1/{place}", json={}).status_code == 403
