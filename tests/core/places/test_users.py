"""Who uses a destination keeps it from being removed."""

import pytest

from core.drafts import JobDraft, JobPatch
from core.errors import WrongState
from tests.builders import a_paused_run
from tests.core.places.conftest import a_folder


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.mkdir()
    return path


def test_a_job_of_several_copies_uses_each_destination_that_a_line_names(service, book, tmp_path, source):
    (tmp_path / "disk").mkdir()
    disk, other = (
        book.create(a_folder(tmp_path / "disk")),
        book.create(a_folder(tmp_path / "b", name="Other")),
    )
    lines = [f"rsync {disk.id}:photos full", f"rsync {tmp_path / 'third'}"]
    options = {"source": str(source), "copies": lines}
    service.manager.create(JobDraft(name="twice", kind="several", options=options))

    with pytest.raises(WrongState, match="twice"):
        book.remove(disk.id)

    book.remove(other.id)
    assert [each.id for each in book.list()] == [disk.id]


def test_a_destination_stays_while_a_run_that_began_with_it_is_not_over(service, book, tmp_path, source):
    (tmp_path / "disk").mkdir()
    disk = book.create(a_folder(tmp_path / "disk"))
    options = {"source": str(source), "destination": f"{disk.id}:photos"}
    run = a_paused_run(service.manager, name="photos", kind="copy", options=options)
    elsewhere = JobPatch(options={**options, "destination": str(tmp_path / "elsewhere")})
    service.manager.edit(run.job_id, elsewhere, version=1)

    with pytest.raises(WrongState, match="photos"):
        book.remove(disk.id)

    service.manager.cancel(run.id)
    book.remove(disk.id)
    assert book.list() == ()
