"""Which jobs copy to which destination, as jobs come, change and go."""

import pytest

from core.drafts import JobDraft, JobPatch
from core.service import Service
from core.settings import Settings
from core.storage.memory import MemoryStore
from core.tenants import places_in
from tests.doubles import SettableClock


@pytest.fixture
def service(tmp_path):
    service = Service(Settings(data=tmp_path / "data", slots=0), store=MemoryStore(), clock=SettableClock())
    service.start()
    yield service
    service.stop()


def job_to(service, place, tmp_path, name="photos"):
    (tmp_path / "source").mkdir(exist_ok=True)
    options = {"source": str(tmp_path / "source"), "destination": place}
    return service.manager.create(JobDraft(name=name, kind="copy", options=options))


def test_jobs_are_known_by_where_they_copy_to_as_they_come_change_and_go(service, tmp_path):
    before = service.tenants.of("disk")

    job = job_to(service, str(tmp_path / "folder"), tmp_path)
    options = {"source": str(tmp_path / "source"), "destination": str(tmp_path / "other")}
    first = service.tenants.of(str(tmp_path / "folder"))
    service.manager.edit(job.id, JobPatch(options=options), version=job.version)
    moved = service.tenants.of(str(tmp_path / "folder")), service.tenants.of(str(tmp_path / "other"))
    service.manager.delete(job.id)

    assert (before, first, moved) == ((), (job.id,), ((), (job.id,)))
    assert service.tenants.of(str(tmp_path / "other")) == ()


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({"destination": "nas:photos/2026"}, {"nas"}),
        ({"place": "nas"}, {"nas"}),
        ({"copies": ("rsync nas:photos full", "restic vault", "")}, {"nas", "vault"}),
        ({"destination": 7, "copies": 3}, set()),
        ({}, set()),
    ],
)
def test_every_way_in_which_options_name_a_destination_is_known(options, places):
    assert places_in(options) == places
