"""A house with a book of destinations, and what people enter for some."""

import pytest

from core.places.drafts import DestinationDraft
from core.service import Service
from core.settings import Settings
from core.storage.memory import MemoryStore

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LXNlY3JldA\n-----END OPENSSH PRIVATE KEY-----"


def a_folder(path, name="Disk", **settings):
    return DestinationDraft(name=name, type="folder", settings={"path": str(path), **settings})


def a_host(name="NAS", secrets=None, **settings):
    settings = {"host": "nas.example", "path": "srv/copies", **settings}
    return DestinationDraft(name=name, type="ssh", settings=settings, secrets=secrets or {"key": KEY})


def a_cloud(url="https://dav.example/", name="Cloud", secrets=None, **options):
    settings = {"backend": "webdav", "options": {"url": url, "vendor": "other", "user": "me", **options}}
    secrets = {"pass": "seven grey geese"} if secrets is None else secrets
    return DestinationDraft(name=name, type="rclone", settings=settings, secrets=secrets)


def a_repository(path, name="Repository", password=""):
    secrets = {"password": password} if password else {}
    return DestinationDraft(name=name, type="restic", settings={"repository": str(path)}, secrets=secrets)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def make_service(data, clock):
    """Make a service on the data folder; `kept` is one whose store lasts."""

    def make(*, kept=False):
        return Service(Settings(data=data), clock=clock, store=None if kept else MemoryStore())

    return make


@pytest.fixture
def service(make_service):
    with make_service().opened(at_work=True) as service:
        yield service


@pytest.fixture
def book(service):
    return service.destinations


@pytest.fixture
def probes(service):
    return service.probes
