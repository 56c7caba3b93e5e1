"""The page of files, and files over HTTP."""

import pytest

from core.people import Role
from tests.fastapi_app.pages.conftest import Reader, a_verified_run, words

NAME = "holdfast-20261121T074200Z.tar.zst"


@pytest.fixture
def left(world):
    """A run that left a manifest, a log and a result of a hostile name, and a backup of the house."""
    job = world.a_job("photos <b>of</b> Skye")
    run = a_verified_run(world, job, kept=[{"name": "../\u202egnp.<img src=x>", "bytes": 6}])
    data = world.house.service.data
    work = data / "work" / run.id[:2] / run.id
    for path in (
        work / "manifest.b3",
        work / "kept" / "0001",
        data / "logs" / run.id[:2] / f"{run.id}.log",
        data / "backups" / "own-state" / NAME,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("secret")
    world.house.service.kept_files.forget()
    return run


def test_files_are_listed_with_their_job_and_saved_from_there(reader, left):
    page = reader.open("/files")

    links = {link["href"] for link in page.select("td a[download]")}
    assert len(links) == 4
    assert "photos <b>of</b> Skye" in words(page)
    for link in links:
        answer = reader.browser.get(link)
        assert (answer.status_code, answer.text) == (200, "secret")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_hostile_name_of_a_result_stays_text_and_names_no_folder(reader, left):
    page = reader.open("/files?kind=result")
    answer = reader.browser.get(page.select_one("td a[download]")["href"])

    assert page.select("main img") == []
    assert "/" not in answer.headers["content-disposition"].partition("''")[2]


def test_files_are_found_by_their_job_and_by_their_kind(reader, left, world):
    assert len(reader.open("/files?q=skye").select("tbody tr")) == 3
    assert len(reader.open("/files?q=skye&kind=manifest").select("tbody tr")) == 1
    assert "No file matches" in words(reader.open("/files?q=nothing-like-it"))


def test_backups_of_the_house_are_for_admins(people, left):
    viewer = people[Role.VIEWER]

    page = Reader(viewer).open("/files")
    answers = [viewer.get(f"{way}/files/backup/{NAME}") for way in ("", "/api/v1")]

    assert NAME not in page.text
    assert [answer.status_code for answer in answers] == [404, 404]
    assert viewer.get("/api/v1/files", params={"kind": "backup"}).json()["total"] == 0


@pytest.mark.parametrize(
    "place", ["log/..%2F..%2Fauth%2Fusers", "nothing/x", "backup/%2e%2e", "manifest/%00", "log/"]
)
def test_an_address_of_no_file_is_not_found(browser, left, place):
    for way in ("", "/api/v1"):
        assert browser.get(f"{way}/files/{place}").status_code == 404


def test_who_saved_a_file_is_in_the_audit(reader, left, world):
    reader.browser.get(f"/files/manifest/{left.id}")

    (entry,) = world.house.service.audit.entries(limit=1)
    assert (entry.kind, entry.by) == ("file.saved", "ada")


def test_the_api_pages_through_files_with_totals(browser, left):
    first = browser.get("/api/v1/files", params={"limit": 3}).json()
    rest = browser.get("/api/v1/files", params={"limit": 3, "offset": 3}).json()

    assert (first["total"], first["bytes"]) == (4, 4 * len("secret"))
    assert len({file["href"] for file in first["items"] + rest["items"]}) == 4


def test_a_house_without_files_says_what_will_be_here(reader):
    page = reader.open("/files")

    assert "No files yet" in words(page.select_one(".empty"))
    assert page.select("[role=search]", limit=2)[-1].get("action") != "/files"
