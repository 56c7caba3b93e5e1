"""Destinations, as programs make, change, test and remove them, and as everybody sees them."""

import pytest

from core.people import Role
from core.places.states import Room, Seen
from tests.core.places.conftest import KEY

SECRET = "seven grey geese"
PLACE = "/api/v1/destinations"
HOST = {
    "name": "Cellar",
    "type": "ssh",
    "settings": {"host": "cellar.secret-name.example", "user": "keeper", "path": "srv/copies"},
    "secrets": {"key": KEY},
}
CLOUD = {
    "name": "Cloud",
    "type": "rclone",
    "settings": {"backend": "webdav", "options": {"url": "http://127.0.0.1:1/"}},
    "secrets": {"pass": SECRET},
}


@pytest.fixture
def service(world):
    return world.house.service


def test_a_program_makes_changes_and_removes_a_destination(browser):
    made = browser.post(PLACE, json=HOST)
    place = made.headers["location"]
    changed = browser.request("PATCH", place, json={"version": 1, "name": "Attic"})
    tagged = browser.request(
        "PATCH", place, json={"name": "Loft"}, headers={"If-Match": changed.headers["etag"]}
    )
    removed = browser.request("DELETE", place, headers={"If-Match": '"3"'})
    gone = browser.get(place)

    assert (made.status_code, place, made.headers["etag"]) == (201, f"{PLACE}/cellar", '"1"')
    assert made.json()["standing"] == "unknown"
    assert (tagged.json()["name"], tagged.json()["version"]) == ("Loft", 3)
    assert (removed.status_code, gone.status_code) == (204, 404)


def test_a_change_that_names_an_old_version_or_none_is_refused(browser):
    browser.post(PLACE, json=HOST)
    browser.request("PATCH", f"{PLACE}/cellar", json={"version": 1, "name": "Attic"})

    late = browser.request("PATCH", f"{PLACE}/cellar", json={"version": 1, "name": "Loft"})
    unsaid = browser.request("PATCH", f"{PLACE}/cellar", json={"name": "Loft"})
    removal = browser.request("DELETE", f"{PLACE}/cellar", headers={"If-Match": '"1"'})

    assert (late.status_code, unsaid.status_code, removal.status_code) == (409, 428, 409)
    assert browser.get(f"{PLACE}/cellar").json()["name"] == "Attic"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_is_no_admin_sees_how_a_destination_is_and_changes_nothing(people, browser, service, role):
    browser.post(PLACE, json=HOST)
    kept = service.destinations.destination("cellar")
    seen = Seen(
        reachable=True,
        sentence="cellar.secret-name.example has the folder srv/copies.",
        room=Room(free=5, total=10, used=5),
    )
    service.probes.keep(kept, seen)
    person = people[role]

    shown = [person.get(PLACE), person.get(f"{PLACE}/cellar")]
    asked = [
        person.post(PLACE, json=CLOUD),
        person.post(f"{PLACE}/test", json=CLOUD),
        person.request("PATCH", f"{PLACE}/cellar", json={"version": 1, "name": "Mine"}),
        person.post(f"{PLACE}/cellar/test"),
        person.post(f"{PLACE}/cellar/prepare", json={}),
        person.post(f"{PLACE}/cellar/unlock"),
        person.request("DELETE", f"{PLACE}/cellar"),
    ]

    one = shown[1].json()
    assert (one["name"], one["standing"], one["settings"], one["secrets"]) == ("Cellar", "good", {}, [])
    assert (one["state"]["free"], one["state"]["seen"]) == (5, None)
    assert not any(word in each.text for each in shown for word in ("secret-name", "srv/copies", "keeper"))
    assert {each.status_code for each in asked} == {403}
    assert [each.id for each in service.destinations.list()] == ["cellar"]


def test_no_answer_repeats_a_secret(browser, tmp_path):
    place = tmp_path / "repository"
    answers = [
        browser.post(PLACE, json=CLOUD),
        browser.post(PLACE, json=CLOUD),
        browser.post(
            PLACE, json=CLOUD | {"name": "Other", "secrets": {"pass": f"{SECRET}\nx", SECRET: SECRET}}
        ),
        browser.post(PLACE, json=CLOUD | {"name": "Third", "secrets": {"pass": [SECRET]}}),
        browser.post(PLACE, json=CLOUD | {"name": "Fourth", "settings": {"pass": SECRET}}),
        browser.post(f"{PLACE}/test", json=CLOUD | {"name": "Fifth"}),
        browser.request("PATCH", f"{PLACE}/cloud", json={"version": 1, "secrets": {"pass": SECRET}}),
        browser.request("PATCH", f"{PLACE}/cloud", json={"version": 1, "secrets": {"pass": SECRET}}),
        browser.post(f"{PLACE}/cloud/test"),
        browser.post(PLACE, json={"name": "R", "type": "restic", "settings": {"repository": str(place)}}),
        browser.post(f"{PLACE}/r/prepare", json={"password": f"{SECRET}\n{SECRET}"}),
        browser.get(PLACE),
        browser.get(f"{PLACE}/cloud"),
        browser.get("/api/v1/events"),
        browser.get("/api/v1/audit"),
        browser.get("/api/v1/notifications"),
    ]

    assert [each.status_code for each in answers[:3]] == [201, 422, 422]
    assert not any("grey geese" in each.text for each in answers)


def test_what_admins_do_with_destinations_is_in_the_audit(browser, service):
    browser.post(PLACE, json=CLOUD)
    browser.post(f"{PLACE}/cloud/test")
    browser.request("DELETE", f"{PLACE}/cloud")

    service.clerk.follow()

    told = [each["words"] for each in browser.get("/api/v1/audit").json()["items"]]
    for words in ("Made destination cloud.", "Tested destination cloud.", "Removed destination cloud."):
        assert words in told


def test_a_destination_is_looked_at_before_it_is_kept(browser, tmp_path):
    (tmp_path / "disk").mkdir()
    entry = {"name": "Disk", "type": "folder", "settings": {"path": str(tmp_path / "disk")}}

    answer = browser.post(f"{PLACE}/test", json=entry)

    assert answer.json()["reachable"] is True
    assert browser.get(PLACE).json() == {"items": []}


def test_a_destination_is_made_ready_by_a_program(browser, tmp_path):
    browser.post(PLACE, json={"name": "Disk", "type": "folder", "settings": {"path": str(tmp_path / "disk")}})

    before = browser.post(f"{PLACE}/disk/test").json()
    prepared = browser.post(f"{PLACE}/disk/prepare", json={}).json()

    assert (before["reachable"], before["seen"]["prepared"]) == (False, False)
    assert (prepared["state"]["reachable"], prepared["password"]) == (True, None)
    assert browser.get(f"{PLACE}/disk").json()["standing"] in {"good", "warned"}
    assert len(browser.get(f"{PLACE}/disk").json()["samples"]) == 1


def test_every_way_to_ask_for_a_destination_marks_its_secrets(browser):
    forms = browser.get(f"{PLACE}/types").json()["items"]

    assert {"folder", "ssh", "rclone-webdav", "restic-local"} <= {form["id"] for form in forms}
    for form in forms:
        fields = form["fields"]["properties"]
        assert set(form["fields"]["required"]) <= set(fields)
        for name, about in fields.items():
            assert about["title"]
            assert bool(about.get("writeOnly")) == name.startswith("secrets.")


@pytest.mark.parametrize("odd", ["..%2F..%2Fetc", "nas%00", "%ff", "a" * 500, "NAS", "nas~", "%F0%9F%92%BE"])
def test_an_id_in_an_address_that_is_none_is_not_found(browser, odd):
    answers = [
        browser.get(f"{PLACE}/{odd}"),
        browser.post(f"{PLACE}/{odd}/test"),
        browser.post(f"{PLACE}/{odd}/prepare", json={}),
        browser.request("DELETE", f"{PLACE}/{odd}"),
    ]

    assert {each.status_code for each in answers} <= {404, 405}


def test_a_thousand_destinations_are_listed(browser, service):
    values = {
        f"destination/d{number}": {
            "id": f"d{number}",
            "name": f"Destination {number}",
            "type": "folder",
            "settings": {"path": f"/mnt/{number}"},
            "secrets": [],
            "version": 1,
            "created_at": "2026-11-21T07:42:00Z",
            "updated_at": "2026-11-21T07:42:00Z",
        }
        for number in range(1_000)
    }
    service.manager.set_registers(values)

    listed = browser.get(PLACE).json()["items"]

    assert len(listed) == 1_000
    assert listed[0]["name"] == "Destination 0"
