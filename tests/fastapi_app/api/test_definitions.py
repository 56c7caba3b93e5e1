"""The versions of a job as JSON."""

from core.drafts import JobPatch
from core.models import Priority


def test_versions_are_listed_with_what_changed(world, browser):
    job = world.a_job("photos")
    world.house.service.manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=1)

    answer = browser.get(f"/api/v1/jobs/{job.id}/versions").json()

    assert [item["version"] for item in answer["items"]] == [2, 1]
    assert answer["items"][0]["changes"] == ["priority normal -> high"]


def test_one_version_is_told_whole(world, browser):
    job = world.a_job("photos")
    world.house.service.manager.edit(job.id, JobPatch(name="pictures"), version=1)

    answer = browser.get(f"/api/v1/jobs/{job.id}/versions/1").json()

    assert answer["version"] == 1
    assert answer["definition"]["name"] == "photos"
    assert browser.get(f"/api/v1/jobs/{job.id}/versions/9").status_code == 404


def test_a_version_is_restored_by_programs_that_name_the_present_one(world, browser):
    job = world.a_job("photos")
    world.house.service.manager.edit(job.id, JobPatch(name="pictures"), version=1)
    address = f"/api/v1/jobs/{job.id}/versions/1/restore"

    unnamed = browser.post(address)
    stale = browser.post(address, headers={"If-Match": '"1"'})
    restored = browser.post(address, headers={"If-Match": '"2"'})

    assert (unnamed.status_code, stale.status_code) == (428, 409)
    assert restored.status_code == 200
    assert restored.headers["ETag"] == '"3"'
    assert restored.json()["name"] == "photos"
