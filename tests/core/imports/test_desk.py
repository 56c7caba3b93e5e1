"""What is shown is what is made, once, and no secret is told."""

import pytest

from core.acting import Actor, acting_as
from core.errors import InvalidOptions, NotFound, Refused
from core.service import Service
from core.settings import Settings

SECRET = "hunter2-and-more"


@pytest.fixture
def house(tmp_path):
    service = Service(Settings(data=tmp_path / "data"))
    with service.opened(at_work=True):
        yield service


@pytest.fixture
def lines(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    return (
        f"30 2 * * * rsync -a {source}/ {tmp_path}/copy\n"
        f"0 3 * * * RESTIC_PASSWORD={SECRET} restic -r {tmp_path}/repository backup {source}\n"
        f"0 4 * * * rsync -a {source}/ ana@nas:/srv/copies\n"
        f"0 5 * * * rsync -a {tmp_path}/nowhere/ {tmp_path}/other\n"
    )


def test_nothing_is_made_by_looking(house, lines):
    shown = house.imports.preview("crontab", lines)

    assert [job.kind for job in shown.found.jobs] == ["rsync", "restic", "rsync", "rsync"]
    assert house.destinations.list() == ()
    assert list(house.manager.list_jobs().items) == []


def test_exactly_what_was_shown_is_made_and_only_once(house, lines, tmp_path):
    shown = house.imports.preview("crontab", lines)
    house.imports.preview("crontab", lines.replace("/copy", "/elsewhere"))

    made = house.imports.apply(shown.hash)

    jobs = {house.manager.job(job_id).job.kind: house.manager.job(job_id).job for job_id in made.jobs}
    (repository,) = house.destinations.list()
    assert jobs["rsync"].options["destination"] == f"{tmp_path}/copy"
    assert jobs["restic"].options["destination"] == repository.id
    assert house.destinations.secret(repository.id, "password").read_text() == SECRET
    with pytest.raises(NotFound):
        house.imports.apply(shown.hash)


def test_jobs_are_made_disabled_with_their_schedule(house, lines):
    made = house.imports.apply(house.imports.preview("crontab", lines).hash)

    jobs = [house.manager.job(job_id).job for job_id in made.jobs]
    assert {(job.enabled, job.schedule.cron) for job in jobs} == {(False, "30 2 * * *"), (False, "0 3 * * *")}


def test_jobs_run_at_once_where_that_is_asked_for(house, lines):
    made = house.imports.apply(house.imports.preview("crontab", lines).hash, enable=True)

    assert all(house.manager.job(job_id).job.enabled for job_id in made.jobs)


def test_what_cannot_be_made_is_told_and_keeps_nothing_else_back(house, lines):
    shown = house.imports.preview("crontab", lines)

    made = house.imports.apply(shown.hash)

    ssh = next(planned for planned in shown.found.destinations if planned.draft.type == "ssh")
    assert ssh.problems == (
        "Its key is not in the file. Make this destination by hand, then read the file again.",
    )
    assert len(made.jobs) == 2
    assert "There is no folder" in shown.found.jobs[3].problems[0]
    assert "cannot be made yet" in shown.found.jobs[2].problems[0]


def test_a_file_that_is_imported_again_makes_nothing_twice(house, lines):
    house.imports.apply(house.imports.preview("crontab", lines).hash)

    again = house.imports.preview("crontab", lines)

    assert [planned.same_as for planned in again.found.destinations if planned.draft.type == "restic"] != [""]
    assert [job.problems for job in again.found.jobs[:2]] == [("There is a job of this name and kind.",)] * 2


def test_a_secret_is_in_no_word_and_no_hash_that_could_be_tried(house, lines, tmp_path):
    shown = house.imports.preview("crontab", lines)
    other = Service(Settings(data=tmp_path / "other"))
    with other.opened(at_work=True):
        elsewhere = other.imports.preview("crontab", lines)

    assert SECRET not in repr(shown)
    assert shown.hash != elsewhere.hash


def test_only_admins_import(house, lines):
    shown = house.imports.preview("crontab", lines)

    with acting_as(Actor(name="otto", admin=False)):
        with pytest.raises(Refused):
            house.imports.preview("crontab", lines)
        with pytest.raises(Refused):
            house.imports.apply(shown.hash)


def test_a_file_that_is_too_long_is_refused(house):
    with pytest.raises(InvalidOptions):
        house.imports.preview("crontab", "x" * 1_000_001)
    with pytest.raises(InvalidOptions):
        house.imports.preview("crontab", "\ud800")


def test_a_job_that_could_not_be_made_by_its_name_is_told_before(house):
    text = "source_directories: [/home]\nrepositories: [{path: nas}]"

    (job,) = house.imports.preview("borgmatic", text, path="/etc/two\nlines.yaml").found.jobs

    assert any(problem.startswith("Name: ") for problem in job.problems)
