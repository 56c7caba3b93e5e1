"""What was seen is kept; destinations are made ready; locks that nobody holds are removed."""

import shutil
import subprocess
import threading

import pytest

from core.destinations import marker
from core.errors import InvalidOptions, NotFound, WrongState
from core.places.drafts import DestinationDraft, DestinationPatch
from core.places.preparing import NotPrepared, new_password
from core.places.states import Seen
from core.remotes import restic
from core.remotes.asking import ask
from tests.core.places.conftest import a_folder, a_host, a_repository


@pytest.fixture(scope="session")
def new_repository(tmp_path_factory):
    """A new repository whose password is p, to be copied."""
    folder = tmp_path_factory.mktemp("repositories")
    (folder / "password").write_text("p")
    argv = ["restic", "--no-cache", "-r", str(folder / "new"), "-p", str(folder / "password"), "init"]
    subprocess.run(argv, check=True, capture_output=True)
    return folder / "new"


@pytest.fixture
def repository(new_repository, tmp_path):
    return shutil.copytree(new_repository, tmp_path / "repository")


def owner_of(folder):
    """Return which destination the marker in a folder names."""
    found = marker.marker_of(folder)
    assert found is not None
    return found.destination


def restic_says(book, made, *words):
    call = restic.call(made, book)
    return ask((*call.argv, *words), call.environment)


def test_what_was_seen_is_kept_by_who_looked(service, book, probes, tmp_path):
    (tmp_path / "disk").mkdir()
    made = book.create(a_folder(tmp_path / "disk"))

    state = probes.test(made.id, why="tested destination disk")

    assert book.state(made.id) == state
    assert book.states() == {made.id: state}
    assert state.at == service.clock.now()


def test_a_look_at_what_was_changed_meanwhile_is_not_kept(book, probes):
    made = book.create(a_host())
    book.edit(made.id, 1, DestinationPatch(name="Other"))

    probes.keep(made, Seen(reachable=True, sentence="It was there."))

    assert book.state(made.id) is None


def test_a_look_at_what_was_removed_meanwhile_is_not_kept(service, book, probes):
    made = book.create(a_host())
    book.remove(made.id)

    with pytest.raises(NotFound):
        probes.keep(made, Seen(reachable=True, sentence="It was there."))

    assert service.manager.registers("destination") == {}


def test_two_who_look_at_once_see_the_same(service, book, probes, tmp_path):
    (tmp_path / "disk").mkdir()
    made = book.create(a_folder(tmp_path / "disk"))
    states = []

    looks = [threading.Thread(target=lambda: states.append(probes.test(made.id))) for _ in range(2)]
    for look in looks:
        look.start()
    for look in looks:
        look.join()

    assert [state.seen.reachable for state in states] == [True, True]
    assert probes.test(made.id).seen.reachable


def test_a_folder_is_made_ready_with_its_marker(book, probes, service, tmp_path):
    made = book.create(a_folder(tmp_path / "disk", mounted=True))

    prepared = probes.prepare(made.id)

    assert prepared.state.seen.reachable
    assert marker.marker_of(tmp_path / "disk") == marker.Marker(store="", destination=made.id)
    assert (tmp_path / "disk").stat().st_mode & 0o077 == 0


def test_two_destinations_do_not_share_a_folder(book, probes, tmp_path):
    first = book.create(a_folder(tmp_path / "disk", "First"))
    second = book.create(a_folder(tmp_path / "disk", "Second"))
    probes.prepare(first.id)

    with pytest.raises(NotPrepared, match="another destination"):
        probes.prepare(second.id)

    assert owner_of(tmp_path / "disk") == first.id
    assert "another destination" in probes.test(second.id).seen.warnings[0]


def test_no_folder_is_made_where_a_disk_is_not_mounted(book, probes, tmp_path):
    made = book.create(a_folder(tmp_path / "not mounted" / "disk"))
    kept = book.create(a_repository(tmp_path / "not mounted" / "repository"))

    for destination, words in ((made, {}), (kept, {"generate": True})):
        with pytest.raises(NotPrepared):
            probes.prepare(destination.id, **words)

    assert not (tmp_path / "not mounted").exists()
    assert book.destination(kept.id).secrets == ()


def test_a_folder_of_another_machine_is_made_ready(book, probes, sshd, tmp_path):
    place = tmp_path / "it's" / "a place"
    made = book.create(a_host(**sshd.settings(place), secrets={"key": sshd.key.read_text()}))
    before = probes.test(made.id).seen

    prepared = probes.prepare(made.id)

    assert (before.code, before.prepared) == ("missing", False)
    assert prepared.state.seen.reachable
    assert owner_of(place) == made.id


def test_a_path_of_a_storage_is_made_ready(book, probes, tmp_path):
    settings = {"backend": "local", "path": str(tmp_path / "cloud" / "copies")}
    made = book.create(DestinationDraft(name="Cloud", type="rclone", settings=settings))

    prepared = probes.prepare(made.id)

    assert prepared.state.seen.reachable
    assert owner_of(tmp_path / "cloud" / "copies") == made.id


def test_a_repository_is_made_with_a_password_that_is_shown_once(book, probes, tmp_path):
    made = book.create(a_repository(tmp_path / "repository"))

    prepared = probes.prepare(made.id, generate=True)

    assert book.secret(made.id, "password").read_text() == prepared.password
    assert len(prepared.password.replace("-", "")) == 28
    assert prepared.password not in repr(prepared)
    assert prepared.state.seen.snapshots == 0
    assert prepared.state.seen.free > 0
    assert restic_says(book, book.destination(made.id), "snapshots").code == 0


def test_what_is_prepared_is_not_prepared_again(book, probes, repository):
    made = book.create(a_repository(repository, password="p"))
    other = book.create(a_repository(repository, "Other"))

    with pytest.raises(NotPrepared, match="already"):
        probes.prepare(made.id)
    with pytest.raises(NotPrepared, match="already"):
        probes.prepare(other.id, generate=True)
    with pytest.raises(InvalidOptions, match="has a password already"):
        probes.prepare(made.id, generate=True)

    assert book.destination(other.id).secrets == ()


def test_a_wrong_password_of_a_repository_is_told(book, probes, repository):
    made = book.create(a_repository(repository, password="wrong"))

    seen = probes.test(made.id).seen

    assert (seen.reachable, seen.code) == (False, "wrong-password")


def test_only_locks_that_nobody_holds_are_removed(book, probes, repository):
    made = book.create(a_repository(repository, password="p"))
    call = restic.call(made, book)
    argv = [*call.argv, "backup", "--stdin", "--no-cache"]

    with subprocess.Popen(
        argv, env=dict(call.environment), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as living:
        while not list((repository / "locks").iterdir()):
            assert living.poll() is None
        refused = probes.unlock(made.id)
        living.kill()
    removed = probes.unlock(made.id)

    (held,) = refused.state.seen.locks
    assert (held.pid, held.stale) == (living.pid, False)
    assert "at work on this machine" in held.words
    assert refused.sentence.startswith("No locks were removed.")
    assert (removed.sentence, removed.state.seen.locks) == ("1 lock was removed.", ())


def test_a_destination_without_locks_is_not_unlocked(book, probes):
    made = book.create(a_host())

    with pytest.raises(WrongState):
        probes.unlock(made.id)


def test_passwords_that_are_made_differ():
    made = {new_password() for _ in range(100)}

    assert len(made) == 100
    assert all(each.replace("-", "").isalnum() for each in made)
