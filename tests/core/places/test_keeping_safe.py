"""Destinations and their secrets in backups of Holdfast's own state, and in a check of its folder."""

import stat

import pytest

from core.checking import Check
from core.clock import SystemClock
from core.drafts import JobDraft
from core.places.drafts import DestinationPatch
from core.service import Service
from core.settings import Settings
from core.storage.restoring import restore
from tests.core.places.conftest import KEY, a_cloud, a_host


@pytest.fixture
def kept(make_service, data, tmp_path):
    """A store that lasts, with a destination and a job that goes there."""
    with make_service(kept=True).opened(at_work=True) as service:
        service.destinations.create(a_host())
        service.destinations.create(a_cloud())
        (tmp_path / "source").mkdir()
        options = {"source": str(tmp_path / "source"), "destination": "nas:photos"}
        service.manager.create(JobDraft(name="Photos", kind="rsync", options=options))
    return data


def test_secrets_are_restored_for_their_user_alone(make_service, kept, tmp_path):
    with make_service(kept=True).opened(at_work=True) as service:
        taken = service.back_up_own_state()
        service.destinations.edit("nas", 1, DestinationPatch(secrets={"key": "changed since"}))

    restore(type(kept)(taken.path), tmp_path / "again")
    with Service(Settings(data=tmp_path / "again")).opened(at_work=True) as service:
        path = service.destinations.secret("nas", "key")
        found = path.read_text(), [each.id for each in service.destinations.list()]

    assert found == (f"{KEY}\n", ["cloud", "nas"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "again" / "secrets").stat().st_mode) == 0o700


def problems_of(data):
    return [(each.path, each.message) for each in Check(data, SystemClock()).check().problems]


def test_a_check_of_good_destinations_finds_nothing(kept):
    found = Check(kept, SystemClock()).check()

    assert (found.problems, found.notes) == ((), ())


def lose_a_secret(data):
    (data / "secrets" / "nas" / "key").unlink()
    return "secrets/nas/key", "is not there"


def open_a_secret(data):
    (data / "secrets" / "nas" / "key").chmod(0o644)
    return "secrets/nas/key", "Others can read it"


def open_a_folder(data):
    (data / "secrets" / "nas").chmod(0o755)
    return "secrets/nas", "Others can look into it"


def link_a_folder(data):
    (data / "secrets" / "other").symlink_to("/etc")
    return "secrets/other", "It is no folder"


def link_a_secret(data):
    (data / "secrets" / "nas" / "key").unlink()
    (data / "secrets" / "nas" / "key").symlink_to("/etc/hostname")
    return "secrets/nas/key", "is not there"


@pytest.mark.parametrize("spoil", [lose_a_secret, open_a_secret, open_a_folder, link_a_folder, link_a_secret])
def test_a_check_names_secrets_that_are_lost_or_open_to_others(kept, spoil):
    path, words = spoil(kept)

    ((found, message),) = problems_of(kept)

    assert found == path
    assert words in message


def test_a_check_knows_which_secrets_belong_to_nobody(kept):
    (kept / "secrets" / "gone").mkdir(mode=0o700)

    found = Check(kept, SystemClock()).check()

    assert found.problems == ()
    assert found.notes == ("secrets/gone belongs to no destination; the next start removes it.",)
