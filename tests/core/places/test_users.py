"""Who uses a destination keeps it from being removed."""

import pytest

from core.drafts import JobDraft
from core.errors import WrongState
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
