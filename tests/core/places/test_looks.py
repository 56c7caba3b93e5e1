"""Looking at destinations of each type, with the real programs."""

import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.destinations import marker
from core.places.drafts import DestinationDraft, DestinationPatch
from core.places.looks import host
from core.places.looks.folder import Ours, seen_in
from core.places.looks.patience import Patience
from core.places.probes import CalledOff
from tests.core.places.conftest import a_cloud, a_folder, a_host, a_repository

PASSWORD = {"pass": "eight grey geese"}
OURS = Ours("our-store", "disk")
FOUND = {
    "there": True,
    "refused": "",
    "free": 10**12,
    "total": 2 * 10**12,
    "inodes": 1_000,
    "inodes_free": 500,
    "read_only": False,
    "mount": "/mnt/backup",
    "file_system": "ext4",
    "marker": ["our-store", "disk", ""],
    "has_marker": True,
    "writable": True,
    "why_not": "",
    "folds": False,
}


@pytest.fixture
def silence():
    """A port of loopback that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield listening.getsockname()[1]


def tree_of(folder):
    return sorted(
        (path.relative_to(folder).as_posix(), path.lstat().st_mtime_ns) for path in folder.rglob("*")
    )


def test_a_folder_that_is_there_is_looked_at_and_left_as_it_is(book, probes, tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    (place / "a file").write_text("of somebody")
    made = book.create(a_folder(place))
    before = tree_of(place)

    seen = probes.test(made.id).seen

    assert (seen.reachable, seen.code, seen.warnings) == (True, "", ())
    assert seen.total >= seen.free > 0
    assert tree_of(place) == before


def test_a_folder_that_is_not_there_is_told(book, probes, tmp_path):
    made = book.create(a_folder(tmp_path / "disk"))

    seen = probes.test(made.id).seen

    assert (seen.reachable, seen.code, seen.prepared) == (False, "missing", False)
    assert not (tmp_path / "disk").exists()


def test_an_empty_mount_point_is_not_taken_for_the_disk(book, probes, tmp_path):
    (tmp_path / "disk").mkdir()
    made = book.create(a_folder(tmp_path / "disk", mounted=True))

    seen = probes.test(made.id).seen

    assert (seen.reachable, seen.code) == (False, "missing")
    assert "may not be mounted" in seen.sentence


def test_a_link_into_the_data_of_holdfast_itself_is_no_destination(book, probes, data, tmp_path):
    (data / "jobs").mkdir(parents=True, exist_ok=True)
    (tmp_path / "disk").symlink_to(data / "jobs")
    made = book.create(a_folder(tmp_path / "disk"))

    seen = probes.test(made.id).seen

    assert (seen.reachable, seen.code) == (False, "refused")
    assert list((data / "jobs").iterdir()) == []


@pytest.mark.parametrize(
    ("found", "reachable", "words"),
    [
        ({"writable": False, "read_only": True}, False, "read-only"),
        ({"writable": False, "why_not": "permission denied"}, False, "permission denied"),
        ({"marker": ["another-store", "disk", ""]}, True, "another destination's"),
        ({"marker": None, "has_marker": True}, True, "cannot be read"),
        ({"inodes_free": 19}, True, "more files fit"),
        ({"folds": True}, True, "upper and lower case"),
        ({"refused": "/etc belongs to the system."}, False, "the system"),
    ],
)
def test_what_is_odd_about_a_folder_is_told(found, reachable, words):
    seen = seen_in(FOUND | found, OURS, mounted=False)

    assert seen.reachable is reachable
    assert words in " ".join((seen.sentence, *seen.facts, *seen.warnings))


def test_nothing_is_sent_to_a_host_before_its_key_is_confirmed(probes, sshd, tmp_path):
    draft = a_host(host="127.0.0.1", port=sshd.port, user=sshd.user, path=str(tmp_path))

    seen = probes.try_out(draft)

    line = subprocess.run(
        ["ssh-keygen", "-lf", f"{sshd.host_key_file}.pub"], capture_output=True, check=True, text=True
    )
    assert (seen.reachable, seen.code) == (False, "host-key")
    assert [each.split()[1] for each in seen.fingerprints] == [line.stdout.split()[1]]
    assert seen.host_key.split()[1:] == sshd.host_key.split()[1:]


def test_a_host_whose_key_is_confirmed_is_logged_in_to(book, probes, sshd, tmp_path):
    place = tmp_path / "it's a place"
    place.mkdir()
    made = book.create(a_host(**sshd.settings(place), secrets={"key": sshd.key.read_text()}))

    seen = probes.test(made.id).seen

    assert (seen.reachable, seen.code) == (True, ""), seen.sentence
    assert seen.total >= seen.free > 0
    assert seen.program.startswith("rsync ")
    assert list(place.iterdir()) == []


def test_a_host_that_shows_another_key_is_not_believed(book, probes, sshd, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    kind, key, *_ = (tmp_path / "other.pub").read_text().split()
    settings = sshd.settings(tmp_path, host_key=f"[127.0.0.1]:{sshd.port} {kind} {key}")
    made = book.create(a_host(**settings, secrets={"key": sshd.key.read_text()}))

    seen = probes.test(made.id).seen

    assert (seen.reachable, seen.code) == (False, "host-key")


def test_a_login_that_is_refused_is_told(book, probes, sshd, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    secrets = {"key": (tmp_path / "other").read_text()}
    made = book.create(a_host(**sshd.settings(tmp_path), secrets=secrets))

    seen = probes.test(made.id).seen

    assert (seen.reachable, seen.code) == (False, "login-refused")


def test_what_a_host_says_of_its_room_is_read():
    said = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1000 600 400 60% /srv/a b\n"

    room = host.room_in(said)

    assert room is not None
    assert (room.total, room.used, room.free) == (1_024_000, 614_400, 409_600)
    assert host.room_in("nonsense\n1 2\n") is None


def test_a_path_of_a_storage_is_looked_at_and_left_as_it_is(book, probes, tmp_path):
    place = tmp_path / "cloud"
    place.mkdir()
    settings = {"backend": "local", "path": str(place)}
    made = book.create(DestinationDraft(name="Cloud", type="rclone", settings=settings))

    seen = probes.test(made.id).seen
    gone = probes.try_out(
        DestinationDraft(name="C", type="rclone", settings={**settings, "path": f"{place}/x"})
    )

    assert (seen.reachable, seen.code) == (True, "")
    assert seen.total >= seen.free > 0
    assert (gone.reachable, gone.code, gone.prepared) == (False, "missing", False)
    assert list(place.iterdir()) == []


def test_a_storage_that_cannot_be_reached_is_told(probes):
    seen = probes.try_out(a_cloud("http://127.0.0.1:1/"))

    assert (seen.reachable, seen.code) == (False, "unreachable")


def test_a_destination_that_never_answers_is_told_in_time(service, silence, data):
    service.probes.seconds = 0.7
    drafts = [
        a_host(host="127.0.0.1", port=silence),
        a_cloud(f"http://127.0.0.1:{silence}/"),
        a_repository(f"rest:http://127.0.0.1:{silence}/", password="p"),
    ]

    seen = [service.probes.try_out(draft) for draft in drafts]

    assert [(each.reachable, each.code) for each in seen] == [(False, "unreachable")] * 3
    assert list((data / "secrets").iterdir()) == []


@pytest.mark.parametrize(
    "draft",
    [
        lambda port: a_cloud(f"http://127.0.0.1:{port}/"),
        lambda port: a_host(host="127.0.0.1", port=port),
        lambda port: a_repository(f"rest:http://127.0.0.1:{port}/", password="seven grey geese"),
    ],
)
def test_a_look_that_is_called_off_ends(service, book, silence, draft):
    made = book.create(draft(silence))
    with ThreadPoolExecutor(1) as other:
        look = other.submit(service.probes.test, made.id)

        service.probes.stop()

        assert isinstance(look.exception(10), CalledOff)
    assert book.state(made.id) is None


def test_who_looks_after_a_change_does_not_see_what_was_before(service, book, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as other:
        made = book.create(a_cloud(f"http://127.0.0.1:{silent.getsockname()[1]}/"))
        look = other.submit(service.probes.test, made.id)
        silent.settimeout(30)
        caller, _ = silent.accept()
        book.edit(
            made.id, 1, DestinationPatch(settings=a_cloud("http://127.0.0.1:1/").settings, secrets=PASSWORD)
        )

        state = service.probes.test(made.id)

        assert state.seen.code == "unreachable"
        assert not look.done()
        caller.close()
    assert book.state(made.id) == state


def test_a_draft_that_is_looked_at_uses_the_secret_that_is_kept(book, probes, sshd, tmp_path):
    made = book.create(a_host(**sshd.settings(tmp_path), secrets={"key": sshd.key.read_text()}))
    draft = DestinationDraft(name="NAS", type="ssh", settings=sshd.settings(tmp_path / "not there"))

    seen = probes.try_out(draft, made.id)

    assert (seen.reachable, seen.code) == (False, "missing")
    assert book.destination(made.id) == made


def test_the_marker_of_another_is_no_marker(tmp_path):
    for odd in (
        b"",
        b"{}",
        b'{"kind":"x"}',
        b"\xff",
        b'{"kind":"holdfast-destination","store":3}',
        b"[" * 5000,
    ):
        (tmp_path / marker.NAME).write_bytes(odd)
        assert marker.marker_of(tmp_path) is None
    (tmp_path / marker.NAME).unlink()
    os.mkfifo(tmp_path / marker.NAME)
    assert marker.marker_of(tmp_path) is None


def test_patience_is_shared_out():
    patience = Patience(0.3)

    first = patience.ask(("sh", "-c", "sleep 60"), {"PATH": os.environ["PATH"]})

    assert first.timed_out
    assert patience.is_over
