"""What a job comes after and how it is carried through, written into its file by hand."""

import pytest

from core.models import Retry
from core.service import Service
from core.settings import Settings
from tests.builders import a_draft
from tests.doubles import SettableClock, make_scripted_engine


@pytest.fixture
def service(tmp_path):
    settings = Settings(data=tmp_path / "data")
    service = Service(settings, clock=SettableClock(), make_engine=make_scripted_engine)
    with service.opened(at_work=True):
        yield service


@pytest.fixture
def write(service):
    """Add lines to the file of a job, and have them taken over; returns the job as it is then."""

    def add(job, lines):
        shelf = service._shelf()
        shelf.write_due()
        path = shelf.folder / shelf.placed[job.id].file
        path.write_text(path.read_text() + lines)
        service.edits.catch_up()
        return service.manager.job(job.id).job

    return add


def test_a_job_is_made_to_come_after_another_in_its_file(service, write):
    first, second = service.manager.create(a_draft()), service.manager.create(a_draft())

    job = write(second, f"after:\n- {first.id}\nretry:\n  max_attempts: 3\ntimeout: 60\ngroups: [night]\n")

    assert (job.after, job.retry, job.timeout) == ((first.id,), Retry(max_attempts=3), 60)
    assert job.groups == ("night",)
    assert service.manager.mistakes == {}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("retry:\n  max_attempts: 0\n", "max_attempts"),
        ("timeout: 0\n", "one second"),
        ("groups: ['a,b']\n", "no commas"),
        ("after: [nobody]\n", "There is no job 'nobody'"),
    ],
)
def test_terms_that_make_no_sense_are_a_mistake_in_the_file(service, write, lines, said):
    job = service.manager.create(a_draft())

    assert write(job, lines) == job
    assert said in service.manager.mistakes[job.id].message


def test_a_circle_written_by_hand_is_a_mistake_in_the_file(service, write):
    first = service.manager.create(a_draft())
    second = service.manager.create(a_draft(after=(first.id,)))

    kept = write(first, f"after: [{second.id}]\n")

    assert kept == first
    assert "circle" in service.manager.mistakes[first.id].message
