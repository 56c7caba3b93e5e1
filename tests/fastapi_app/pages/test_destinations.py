"""Destinations are made, looked at and removed by pages that need no scripts."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup

from core.acting import Actor, acting_as
from core.drafts import JobDraft
from core.people import Role
from core.places.drafts import DestinationDraft
from core.places.states import Lock, Room, Seen
from tests.fastapi_app.pages.conftest import Reader, a_verified_run, words

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LXNlY3JldA\n-----END OPENSSH PRIVATE KEY-----"
AN_ADMIN = Actor(name="ada", admin=True)


@pytest.fixture
def shelf(world):
    """A folder that is kept as a destination."""
    return made(
        world, DestinationDraft(name="Shelf", type="folder", settings={"path": str(world.folder / "shelf")})
    )


def made(world, draft):
    with acting_as(AN_ADMIN):
        return world.house.service.destinations.create(draft)


def seen(world, destination, **found):
    what = Seen(**{"reachable": True, "sentence": "It is there.", **found})
    return world.house.service.probes.keep(destination, what)


def a_job_to(world, place):
    options = world.options() | {"destination": place}
    return world.house.service.manager.create(JobDraft(name="photos", kind="copy", options=options))


def the_form(page):
    return page.select_one("#destination-form")


def save(form):
    return form.select_one(".acts button[value=save]")


def test_without_destinations_the_page_offers_the_first(reader):
    page = reader.open("/destinations")

    assert "No destinations yet." in words(page.main)
    assert page.select_one(".empty a.btn")["href"] == "/destinations/new"


def test_every_type_of_destination_has_a_form(reader):
    types = reader.open("/destinations/new").select(".kinds a")

    for link in types:
        page = reader.open(link["href"])
        assert reader.status == 200
        assert page.select_one('#destination-form input[name="name"]')
    assert len(types) > 10


def test_a_destination_is_made_without_scripts_and_looked_at_at_once(world, reader):
    form = the_form(reader.open("/destinations/new?type=folder"))

    answer = reader.send(form, save(form), name="Disk", path=str(world.folder / "disk"))
    page = reader.open(answer.headers["location"])

    assert answer.headers["location"] == "/destinations/disk"
    assert words(page.h1) == "Disk"
    assert "To be prepared" in words(page.select_one(".head"))
    assert "seen just now" in words(page.select_one("section[aria-labelledby=state]"))


def test_what_is_wrong_with_a_destination_comes_back_beside_its_field(reader):
    form = the_form(reader.open("/destinations/new?type=ssh"))

    page = reader.read(reader.send(form, save(form), name="NAS", host="-oProxyCommand=x", path="/srv"))

    assert reader.status == 422
    assert "cannot begin with -" in words(page.select_one("#truth-field-host"))
    assert page.select_one('[name="path"]')["value"] == "/srv"


def test_a_secret_never_comes_back_to_the_browser(world, reader):
    form = the_form(reader.open("/destinations/new?type=ssh"))
    typed = {"name": "NAS", "host": "127.0.0.1", "port": "1", "path": "/srv", "secrets.key": KEY}

    tried = reader.send(form, form.select_one("button[value=test]"), **typed)
    kept = reader.send(form, save(form), **typed)
    pages = [
        reader.browser.get(path)
        for path in (kept.headers["location"], "/destinations/nas/edit", "/destinations")
    ]

    assert all("c2VjcmV0LXNlY3JldA" not in answer.text for answer in (tried, *pages))
    assert "type them once more" in tried.text
    assert world.house.service.destinations.secret("nas", "key").read_text().strip() == KEY


def test_a_destination_is_edited_and_its_secret_stays(world, reader):
    destination = made(
        world,
        DestinationDraft(
            name="NAS",
            type="ssh",
            settings={"host": "127.0.0.1", "port": 1, "path": "a"},
            secrets={"key": KEY},
        ),
    )
    form = the_form(reader.open(f"/destinations/{destination.id}/edit"))

    answer = reader.send(form, save(form), path="b")

    assert answer.status_code == 303
    edited = world.house.service.destinations.destination("nas")
    assert (edited.settings["path"], edited.version, edited.secrets) == ("b", 2, ("key",))


def test_an_old_program_that_a_destination_needs_is_warned_of_on_its_page(
    world, reader, monkeypatch, tmp_path
):
    destination = made(
        world,
        DestinationDraft(name="Cloud", type="rclone", settings={"backend": "local", "path": "/srv/copies"}),
    )
    program = tmp_path / "rclone"
    program.write_text("#!/bin/sh\necho 'rclone v1.60.1-DEV'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    page = reader.open(f"/destinations/{destination.id}")

    assert "Versions before 1.74.3 have known holes" in words(page.select_one("[data-weak]"))


def test_two_people_editing_a_destination_see_each_other(world, reader, shelf):
    form = the_form(reader.open(f"/destinations/{shelf.id}/edit"))
    assert reader.send(form, save(form), name="Shelf of Ben").status_code == 303

    page = reader.read(reader.send(form, save(form), name="Shelf of Ada"))

    assert reader.status == 409
    assert "version" in words(page.select_one("#tested"))
    assert world.house.service.destinations.destination(shelf.id).name == "Shelf of Ben"


def test_the_state_of_a_destination_is_shown_with_its_age(world, reader, shelf):
    free, total = 80_000_000, 100_000_000
    lock = Lock(id="l", words="held by ben@nas, process 7", stale=True)
    for day in range(10):
        world.clock.pass_by(timedelta(days=1))
        used = Room(free=free - day * 1_000_000, total=total)
        seen(world, shelf, room=used, locks=(lock,), warnings=("It is a network share.",))

    page = Reader(world.signed_in()).open(f"/destinations/{shelf.id}")

    said = words(page.main)
    assert "Look at it" in words(page.select_one(".head"))
    assert "71.0 MB of 100 MB" in said
    assert "held by ben@nas, process 7" in said
    assert "It is a network share." in said
    assert (
        page.select("svg.course")[0]["aria-label"]
        == "Free over 9 days: from 80.0 MB to 71.0 MB; at this pace 62.0 MB in 9 days"
    )
    assert "1.0 MB a day" in said


def test_what_nobody_has_seen_lately_is_grey(world, reader, shelf):
    seen(world, shelf)
    fresh = reader.open("/destinations").select_one(".place .st")
    world.clock.pass_by(timedelta(days=3))

    (old,) = Reader(world.signed_in()).open("/destinations").select(".place .st")

    assert (fresh["data-st"], old["data-st"]) == ("ok", "unproved")
    assert words(old) == "Not looked at lately"


def test_a_destination_shows_its_jobs_and_the_newest_verified_copy(world, reader, shelf):
    (world.folder / "shelf").mkdir()
    job = a_job_to(world, f"{shelf.id}:photos")
    a_verified_run(world, job)

    page = reader.open(f"/destinations/{shelf.id}")
    (card,) = reader.open("/destinations").select(".place")

    assert page.select_one(f'section[aria-labelledby=users] a[href="/jobs/{job.id}"]')
    assert "Newest verified copy just now" in words(card)
    assert "1 job copies to it" in words(card)
    assert "Jobs use it." in words(page.select_one("#more"))


def test_a_destination_shows_the_jobs_that_only_watch_it(world, reader, shelf):
    world.house.service.manager.create(JobDraft(name="dumps", kind="watch", options={"place": shelf.id}))

    page = reader.open(f"/destinations/{shelf.id}")

    assert "dumps" in words(page.main)


def test_a_destination_is_removed_by_a_form(world, reader, shelf):
    form = reader.open(f"/destinations/{shelf.id}").select_one("#more form")

    answer = reader.send(form)

    assert answer.headers["location"] == "/destinations"
    assert world.house.service.destinations.find(shelf.id) is None


def test_who_may_only_look_sees_how_it_is_and_nothing_more(world, people, shelf):
    seen(world, shelf, sentence="Only for admins.")
    viewer = Reader(people[Role.VIEWER])

    every, one = viewer.open("/destinations"), viewer.open(f"/destinations/{shelf.id}")

    for page in (every, one):
        assert "Shelf" in words(page.main)
        assert "Reachable" in words(page.main)
        assert str(world.folder) not in str(page)
        assert "Only for admins." not in str(page)
        assert not page.select("main form")
    assert viewer.browser.post(f"/destinations/{shelf.id}/test").status_code == 403
    for form in (
        f"/destinations/{shelf.id}/edit",
        "/destinations/new",
        "/destinations/new?type=ssh",
        "/import",
    ):
        answer = people[Role.OPERATOR].get(form)
        assert (answer.status_code, str(world.folder) in answer.text) == (403, False)
    assert "New destination" not in people[Role.OPERATOR].get("/jobs/new?kind=copy").text


def test_a_host_is_trusted_once_a_person_compared_its_key(world, reader):
    settings = {"host": "127.0.0.1", "port": 1, "path": "a"}
    host = made(world, DestinationDraft(name="NAS", type="ssh", settings=settings, secrets={"key": KEY}))
    line = "[127.0.0.1]:1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0DKNtPpJJSWdoJIjbH8vSFxDm4wBsUj9c1DyhBcvEH"
    seen(world, host, fingerprints=("SHA256:abc (ssh-ed25519)",), host_key=line, code="host-key")
    page = reader.open("/destinations/nas")
    assert "SHA256:abc" in words(page.select_one("section[aria-labelledby=key]"))
    assert "Compare its key" in words(page.select_one(".head"))

    form = page.select_one("section[aria-labelledby=key] form")
    answer = reader.send(form)

    assert answer.status_code == 303
    assert world.house.service.destinations.destination("nas").settings["host_key"].strip() == line


def test_the_form_of_a_job_leads_to_a_new_destination_and_back_as_it_was(world, reader):
    form = reader.open("/jobs/new?kind=copy").select_one("#job-form")
    source = world.options()["source"]
    leaving = form.select_one("button[value=destination]")
    asked = {"name": "photos", "options.source": source, "options.verify": "sample"}

    way = reader.send(form, leaving, **asked).headers["location"]
    there = the_form(reader.open(way))
    (world.folder / "disk").mkdir()
    where = {"name": "Disk", "path": str(world.folder / "disk"), "mounted": ""}
    page = reader.open(reader.send(there, save(there), **where).headers["location"])

    assert parse_qs(urlsplit(way).query)["type"] == ["folder"]
    assert page.select_one("#name")["value"] == "photos"
    assert page.select_one("#options-source")["value"] == source
    assert page.select_one("#options-destination")["value"] == "disk"
    assert page.select_one("#options-verify option[selected]")["value"] == "sample"
    assert page.select_one('#places option[value="disk"]').text == "Disk, Folder of this machine"


def test_the_form_of_a_job_says_what_was_last_seen_of_its_destination(world, reader, shelf):
    (world.folder / "shelf").mkdir()
    form = reader.open("/jobs/new?kind=rsync").select_one("#job-form")
    typed = {
        "options.source": world.options()["source"],
        "options.destination": "shelf:photos",
        "then": "check",
    }
    unseen = words(reader.read(reader.send(form, **typed)).select_one("#truth-options-destination"))
    seen(world, shelf, room=Room(free=80_000_000))

    page = reader.read(reader.send(form, **typed))

    assert (
        words(page.select_one("#truth-options-destination"))
        == "Shelf: reachable, 80.0 MB free, seen just now"
    )
    assert "reachable" not in unseen


def test_a_form_that_was_left_never_leads_elsewhere(reader):
    page = reader.open("/destinations/new?type=folder&back=//evil.example/")

    assert "evil" not in str(page)


def test_what_is_used_of_a_disk_is_not_said_to_be_used_by_copies(world, reader, shelf):
    seen(world, shelf, room=Room(free=5, total=10, used=5), program="ext4")

    page = words(reader.open(f"/destinations/{shelf.id}").main)

    assert "Used in all" in page
    assert "File system ext4" in page
    assert "Used by copies" not in page


def test_a_destination_without_a_path_ends_in_no_colon(world, reader):
    settings = {"backend": "webdav", "options": {"url": "http://127.0.0.1:1/"}}
    made(world, DestinationDraft(name="Cloud", type="rclone", settings=settings))

    pages = [reader.open("/destinations"), reader.open("/destinations/cloud")]

    assert not any("WebDAV:" in words(page.main) for page in pages)


def test_the_cards_of_destinations_are_drawn_by_themselves_as_in_the_page(world, reader, shelf):
    seen(world, shelf, room=Room(free=500, total=1_000))
    (world.folder / "shelf").mkdir()
    a_job_to(world, f"{shelf.id}:photos")
    part = next(part for part in world.house.parts.of(["destinations"]) if part.element_id == "destinations")

    (drawn,) = BeautifulSoup(part.draw(), "html.parser").select("#destinations")

    (shown,) = reader.open("/destinations").select("#destinations")
    assert drawn.prettify() == shown.prettify()
    assert str(world.folder) not in drawn.prettify()
    assert "1 job copies to it" in words(drawn)
