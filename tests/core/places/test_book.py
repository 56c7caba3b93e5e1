"""Destinations as admins make, change and remove them."""

import threading

import pytest

from core.acting import Actor, acting_as
from core.drafts import JobDraft
from core.errors import HoldfastError, InvalidOptions, NotFound, Refused, VersionConflict, WrongState
from core.places.drafts import DestinationDraft, DestinationPatch
from core.places.states import Seen
from tests.core.places.conftest import KEY, a_cloud, a_folder, a_host, a_repository


def test_a_destination_has_an_id_made_of_its_name(book, tmp_path):
    names = ["Büro NAS", "Büro-NAS!", "New", "備份", "x" * 80]

    made = [book.create(a_folder(tmp_path / str(at), name)) for at, name in enumerate(names)]

    assert [each.id for each in made] == ["buro-nas", "buro-nas-2", "new-2", "folder", "x" * 37]
    assert all(book.find(each.id) == each for each in made)


def test_the_second_of_two_changes_at_once_is_refused(book):
    made = book.create(a_host())
    book.edit(made.id, made.version, DestinationPatch(name="Cellar"))

    with pytest.raises(VersionConflict):
        book.edit(made.id, made.version, DestinationPatch(name="Attic"))

    assert (book.destination(made.id).name, book.destination(made.id).version) == ("Cellar", 2)


def test_of_many_changes_of_one_version_one_is_made(book):
    made = book.create(a_host())
    came_of_it = []

    def change(number):
        try:
            book.edit(made.id, made.version, DestinationPatch(name=f"NAS {number}"))
            came_of_it.append("changed")
        except VersionConflict:
            came_of_it.append("refused")

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(came_of_it) == ["changed"] + ["refused"] * 7
    assert book.destination(made.id).version == 2


@pytest.mark.parametrize("verb", ["make", "change", "test", "remove"])
def test_nobody_but_an_admin_makes_changes_tests_or_removes_one(book, probes, verb):
    made = book.create(a_host())
    verbs = {
        "make": lambda: book.create(a_host("Other")),
        "change": lambda: book.edit(made.id, 1, DestinationPatch(name="Other")),
        "test": lambda: probes.try_out(a_host("Other")),
        "remove": lambda: book.remove(made.id),
    }

    with acting_as(Actor(name="otto", admin=False)), pytest.raises(Refused):
        verbs[verb]()

    assert book.list() == (made,)


def test_a_destination_that_jobs_use_is_not_removed(service, book, tmp_path):
    made = book.create(a_host())
    (tmp_path / "source").mkdir()
    options = {"source": str(tmp_path / "source"), "destination": f"{made.id}:photos"}
    service.manager.create(JobDraft(name="Photos to the NAS", kind="rsync", options=options))

    with pytest.raises(WrongState, match="Photos to the NAS"):
        book.remove(made.id)

    assert book.find(made.id) == made
    assert book.secret(made.id, "key").is_file()


def test_a_word_that_only_looks_like_a_destination_keeps_none(service, book):
    made = book.create(a_host())
    service.manager.create(JobDraft(name="Echo", kind="command", options={"argv": ["echo", made.id]}))

    book.remove(made.id)

    assert book.list() == ()


def test_a_removed_destination_leaves_nothing(service, book, probes, data):
    made = book.create(a_host())
    probes.keep(made, Seen(reachable=True, sentence="It is there."))
    service.manager.set_register(f"breaker/destination:{made.id}", {"failures": 1})

    book.remove(made.id)

    assert service.manager.registers("destination") == {}
    assert service.manager.registers("breaker/") == {}
    assert list((data / "secrets").iterdir()) == []
    with pytest.raises(NotFound):
        book.destination(made.id)


def test_what_was_seen_of_another_place_does_not_count(book, probes):
    made = book.create(a_host())
    probes.keep(made, Seen(reachable=True, sentence="It is there."))

    book.edit(made.id, 1, DestinationPatch(name="Cellar"))
    after_a_name = book.state(made.id)
    book.edit(made.id, 2, DestinationPatch(settings={"host": "other.example", "path": "x"}))

    assert after_a_name is not None
    assert book.state(made.id) is None


def test_the_key_of_a_host_does_not_go_over_to_another(book, sshd):
    made = book.create(a_host(host="127.0.0.1", port=sshd.port, host_key=sshd.host_key))
    moved = {**made.settings, "host": "other.example"}

    moved = book.edit(made.id, 1, DestinationPatch(settings=moved))

    assert "host_key" not in moved.settings


BAD = {
    "an option for a host": (a_host(host="-oProxyCommand=x"), "settings.host"),
    "an option for a user": (a_host(user="-lroot"), "settings.user"),
    "a line break in a path": (a_host(path="a\nb"), "settings.path"),
    "a way up in a path": (a_host(path="a/../../b"), "settings.path"),
    "a setting that is not known": (a_host(proxy_command="x"), "settings.proxy_command"),
    "a port that is none": (a_host(port=0), "settings.port"),
    "a text for a port": (a_host(port="22"), "settings.port"),
    "a relative folder": (a_folder("here"), "settings.path"),
    "the root": (a_folder("/"), "settings.path"),
    "a folder of the system": (a_folder("/etc"), "settings.path"),
    "a way up": (a_folder("/mnt/../etc"), "settings.path"),
    "a command for a token": (
        a_cloud(bearer_token_command="touch /x"),
        "settings.options.bearer_token_command",
    ),
    "a secret as an option": (a_cloud(**{"pass": "x"}), "settings.options.pass"),
    "a remote made up on the way": (a_repository("rclone::webdav,url=x:"), "settings.repository"),
    "a command for a repository": (a_repository("sftp:-oProxyCommand=x:/y"), "settings.repository"),
    "half a character in a path": (a_folder("/srv/\ud800"), "settings.path"),
    "a repository that is none, with a key": (
        DestinationDraft(
            name="r", type="restic", settings={"repository": "sftp:h:~/x"}, secrets={"key": KEY}
        ),
        "settings.repository",
    ),
    "half a character": (a_host(name="\ud800"), "name"),
    "no name": (a_host(name="  "), "name"),
    "a secret that is not known": (a_host(secrets={"key": "k", "../../x": "y"}), "secrets"),
    "a secret of two lines": (a_cloud(secrets={"pass": "one\ntwo = three"}), "secrets.pass"),
    "half a character in a secret": (a_cloud(secrets={"pass": "\ud800"}), "secrets.pass"),
    "no key": (a_host(secrets={"key": ""}), "secrets.key"),
}


@pytest.mark.parametrize("why", BAD)
def test_hostile_settings_are_refused_by_field(book, data, why):
    draft, field = BAD[why]

    with pytest.raises(InvalidOptions) as refused:
        book.create(draft)

    assert list(refused.value.problems) == [field]
    assert not refused.value.problems[field].endswith((" .", "unicode string."))
    assert book.list() == ()
    assert list(data.glob("secrets/*")) == []


@pytest.mark.parametrize("host", ["::1", "2001:db8::1", "192.0.2.1", "nas_1.example"])
def test_a_host_is_a_name_or_an_address_of_either_kind(book, host):
    assert book.create(a_host(host=host)).settings["host"] == host


def test_the_data_of_holdfast_itself_is_no_destination(book, data):
    for path in (data, data / "jobs", data.parent):
        local = DestinationDraft(name="here", type="rclone", settings={"backend": "local", "path": str(path)})
        for draft in (a_folder(path), a_repository(path, password="seven grey geese"), local):
            with pytest.raises(InvalidOptions, match="its own data"):
                book.create(draft)


@pytest.mark.parametrize("odd", ["../../etc", "a/b", "", ".", "NAS", "a" * 42, "nas\n", "nas~", "\ud800"])
def test_an_id_that_is_none_leads_nowhere(book, odd):
    book.create(a_host())

    with pytest.raises(NotFound):
        book.destination(odd)
    with pytest.raises(FileNotFoundError):
        book.secret(odd, "key")
    for name in ("../nas/key", "key~0", ".", "", "known_hosts", odd):
        with pytest.raises(FileNotFoundError):
            book.secret("nas", name)


def test_names_are_told_apart(book):
    book.create(a_host("NAS"))

    with pytest.raises(InvalidOptions, match="of this name"):
        book.create(a_host("nas"))


def test_a_register_that_cannot_be_read_hides_no_other(service, book):
    made = book.create(a_host())
    service.manager.set_register("destination/odd", {"id": "odd", "name": 3})
    service.manager.set_register("destination/stray", {**service.manager.register("destination/nas")})

    assert book.list() == (made,)
    with pytest.raises(HoldfastError):
        book.destination("odd")
