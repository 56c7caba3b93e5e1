"""The pages of what happened, without scripts."""

import pytest

from core.people import Role

MARKUP = '<script>alert(1)</script>"'


@pytest.fixture
def busy(world):
    job = world.a_job(MARKUP)
    world.a_running_run(job)
    world.house.service.clerk.follow()
    return job


def words(page):
    return [row.get_text(" ", strip=True) for row in page.select("tbody tr")]


def test_events_are_listed_with_what_they_are_about(reader, busy):
    page = reader.open("/events")

    rows = words(page)
    assert ["Began" in rows[0], "In line" in rows[1], "New job" in rows[2]] == [True] * 3
    assert all(MARKUP in row for row in rows)
    assert not page.select("main script")
    assert page.select_one(f'a[href="/jobs/{busy.id}"]') is not None
    assert page.select_one('nav.side a[href="/events"]')["aria-current"] == "page"


def test_a_filter_stays_in_the_form_and_in_what_is_handed_out(reader, busy):
    page = reader.open("/events?q=running&kind=run&state=running&person=%22")
    none = reader.open("/events?q=running&kind=run&state=running")

    assert page.select_one("#q")["value"] == "running"
    assert page.select_one("#by")["value"] == '"'
    assert page.select_one("#kind option[selected]")["value"] == "run"
    assert "No event matches." in page.text
    assert len(words(none)) == 1
    exports = [link["href"] for link in none.select("a[download]")]
    assert [href.rpartition("format=")[2] for href in exports] == ["csv", "json", "txt"]
    assert all(href.startswith("/api/v1/events?state=running&kind=run&q=running") for href in exports)


def test_before_anything_happened_the_page_says_what_to_do(reader):
    assert "Nothing has happened yet." in reader.open("/events").text


def test_older_events_are_pages_further(world, reader, busy):
    for number in range(60):
        world.a_job(f"job {number}")
    world.house.service.clerk.follow()

    first = reader.open("/events")
    older = reader.open(first.find("a", string="Older")["href"])

    assert (len(words(first)), len(words(older))) == (50, 13)
    assert older.find("a", string="Older") is None
    assert older.find("a", string="Newest") is not None


def test_nonsense_in_the_address_of_events_is_refused_or_read_over(reader, busy):
    reader.open("/events?state=%00&kind=%E2%80%AE")
    assert reader.status == 200
    reader.open("/events?before=-1")
    assert reader.status == 422


def test_the_audit_page_verifies_and_is_for_admins(world, reader, people):
    world.house.service.audit.note("login", "Signed in.", by="ada", origin="127.0.0.1")

    page = reader.open("/audit?verify=1")

    assert "Verified up to entry 1: each is as it was written" in page.text
    assert "ada from 127.0.0.1" in page.text
    assert people[Role.OPERATOR].get("/audit", headers={"Accept": "text/html"}).status_code == 403


def test_the_audit_page_names_what_was_changed(world, reader):
    world.house.service.audit.note("login", "Signed in.", by="ada")
    (path,) = (world.folder / "data" / "audit").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"ada", b"eve", 1))

    page = reader.open("/audit?verify=1")

    assert "somebody changed the audit" in page.text
    assert "line 1: This line was altered" in page.text


def test_the_audit_is_filtered_by_who_and_what_and_paged_by_number(world, reader):
    audit = world.house.service.audit
    for number in range(60):
        audit.note("login", f"Signed in, number {number}.", by="ben", origin="10.0.0.9")
    audit.note("denied", "POST /jobs was denied.", by="carol")

    first = reader.open("/audit?person=ben&kind=login")
    older = reader.open(first.select_one("footer.acts a")["href"])
    denied = reader.open("/audit?q=was+denied")

    assert (len(first.select("tbody tr")), len(older.select("tbody tr"))) == (50, 10)
    assert "carol" in denied.select_one("tbody").text
    assert len(denied.select("tbody tr")) == 1
    assert "No entry matches" in reader.open("/audit?person=nobody").text


def test_the_audit_is_handed_out_as_a_table_of_what_was_asked_for(world, browser):
    world.house.service.audit.note("login", "=cmd|' /C calc'!A0", by="ben")

    answer = browser.get("/api/v1/audit", params={"person": "ben", "format": "csv"})

    lines = answer.text.splitlines()
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert len(lines) == 2
    assert ",=cmd" not in lines[1]


def test_the_audit_says_how_far_and_when_it_was_verified(world, reader):
    before = reader.open("/audit").text
    reader.open("/audit?verify=1")
    after = reader.open("/audit").text

    assert "Not verified yet" in before
    assert "Verified up to entry" in after
