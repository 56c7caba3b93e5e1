"""Watching backups that something else makes, on this machine and at real remotes."""

import hashlib
import json
import os
import subprocess
import tarfile
import time
from datetime import timedelta

import pytest
from blake3 import blake3
from msgspec.structs import replace

from core.engines import engine_for
from core.engines.watch import NOTE
from core.errors import EngineFailed, InvalidOptions
from core.work import RunStopped, Surroundings
from tests.doubles import ScriptedContext
from tests.rclone_servers import PASSWORD, USER, add_remote, served, webdav_settings
from tests.servers import REPOSITORY_PASSWORD, SomeDestinations, a_repository

HOUR = timedelta(hours=1).total_seconds()
DAY = 24 * HOUR


class Shelf:
    """A folder with backups, and the runs that watch it."""

    def __init__(self, folder):
        self.folder = folder / "backups"
        self.folder.mkdir()
        self.data = folder / "data"
        self.data.mkdir()
        self.known = SomeDestinations(self.data)
        self.context = self._next = None
        self._folder, self._runs, self._notes = folder, 0, {}

    def put(self, name, content=b"a backup", *, age=HOUR):
        """Lay a file there that was made so many seconds ago."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - age,) * 2)
        return path

    def new_context(self):
        self._runs += 1
        workspace = self._folder / f"run-{self._runs}"
        workspace.mkdir()
        context = ScriptedContext(workspace, own_data=self.data)
        context.notes = self._notes
        context.surroundings = replace(context.surroundings, destinations=self.known)
        return context

    def watch(self, **options):
        engine = engine_for("watch", {"place": str(self.folder), **options})
        return engine.run(self.new_context()).result

    def failure(self, **options):
        with pytest.raises(EngineFailed) as failed:
            self.watch(**options)
        return failed.value


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def test_a_backup_that_is_new_enough_is_told_with_its_age(shelf):
    shelf.put("old.sql", age=9 * DAY)
    shelf.put("daily/new.sql", b"x" * 2_000, age=3 * HOUR)

    result = shelf.watch(newest_within="26 h")

    assert (result["files"], result["bytes"]) == (2, 2_008)
    assert (result["newest"]["name"], result["newest"]["bytes"]) == ("daily/new.sql", 2_000)
    assert result["newest"]["age_seconds"] == pytest.approx(3 * HOUR, abs=60)
    assert result["verified"] is False
    assert "nothing was read" in result["verification"]["sentence"]


def test_a_backup_that_is_too_old_fails_the_run(shelf):
    shelf.put("new.sql", age=3 * DAY)

    failure = shelf.failure(newest_within="26 h")

    assert "The newest backup is 3 d old; it should be at most 1 d 2 h." in str(failure)
    assert failure.code == "backup-not-good"
    assert failure.result["newest"]["name"] == "new.sql"


def test_a_folder_without_a_backup_fails_the_run(shelf):
    shelf.put("notes.txt")

    assert "There is no backup" in str(shelf.failure(pattern="*.sql"))
    (shelf.folder / "notes.txt").unlink()
    shelf.folder.rmdir()
    gone = shelf.failure()
    assert (gone.code, gone.transient) == ("watch-unreadable", True)


def test_a_file_dated_in_the_future_is_no_witness_of_a_new_backup(shelf):
    shelf.put("old.sql", age=9 * DAY)
    shelf.put("odd.sql", age=-400 * DAY)

    failure = shelf.failure()

    assert "The newest backup is 9 d old" in str(failure)
    assert failure.warnings == ("1 file is dated in the future, and says nothing of how new the backup is.",)


def test_only_files_that_are_meant_count_and_links_are_not_followed(shelf):
    shelf.put("a.sql", age=3 * DAY)
    shelf.put("b.txt")
    (shelf.folder / "link.sql").symlink_to(shelf.folder / "b.txt")
    shelf.put("inner/.holdfast-destination")

    assert "3 d old" in str(shelf.failure(pattern="*.sql"))
    assert shelf.watch(pattern="*.txt")["files"] == 1
    assert "no backup" in str(shelf.failure(pattern="inner/*.sql"))
    assert shelf.watch()["files"] == 2


def test_a_backup_that_is_too_small_fails_the_run(shelf):
    shelf.put("new.sql", b"x" * 1_000)

    assert "has 1.0 kB; it should have 1.0 MB at least" in str(shelf.failure(smallest="1 MB"))
    assert shelf.watch(smallest="1 kB", newest_within=7_200)["files"] == 1


def test_a_backup_that_shrank_or_grew_more_than_expected_fails_the_run(shelf):
    limits = {"most_shrink": 20, "most_growth": 50}
    shelf.put("1.sql", b"x" * 1_000, age=5 * HOUR)
    shelf.watch(**limits)

    shelf.put("2.sql", b"x" * 700, age=4 * HOUR)
    shrunk = shelf.failure(**limits)
    shelf.put("3.sql", b"x" * 1_600, age=3 * HOUR)
    grown = shelf.failure(**limits)
    shelf.put("4.sql", b"x" * 900, age=2 * HOUR)
    fine = shelf.watch(**limits)

    assert "30 % less, and 20 % at most is expected" in str(shrunk)
    assert "60 % more, and 50 % at most is expected" in str(grown)
    assert fine["newest"]["name"] == "4.sql"


def test_all_files_together_can_be_compared_with_last_time(shelf):
    for number in range(10):
        shelf.put(f"{number}.sql", b"x" * 1_000)
    shelf.watch(measure="all", most_shrink=5)
    (shelf.folder / "3.sql").unlink()
    shelf.put("new.sql", b"")

    assert "All files together have 9.0 kB; last time it was 10.0 kB" in str(
        shelf.failure(measure="all", most_shrink=5)
    )


def test_older_backups_that_go_are_noticed_though_the_newest_stays(shelf):
    for number in range(10):
        shelf.put(f"{number}.sql", b"x" * 1_000, age=(number + 1) * HOUR)
    shelf.watch(measure="all", most_shrink=50)
    for number in range(1, 10):
        (shelf.folder / f"{number}.sql").unlink()

    assert "90 % less" in str(shelf.failure(measure="all", most_shrink=50))


def test_a_clock_that_was_wrong_keeps_no_new_file_from_being_read(shelf):
    shelf.put("a.sql")
    shelf.watch(prove="readable")
    (note,) = shelf._notes
    ahead = time.time_ns() + int(DAY * 1e9)
    shelf._notes[note] = {**shelf._notes[note], "proved_ns": ahead}
    shelf.put("b.sql")

    healed = shelf.watch(prove="readable")
    shelf.put("c.sql")
    after = shelf.watch(prove="readable")

    assert healed["verification"]["files"] == 2
    assert after["verification"]["files"] == 1


def test_reading_files_to_the_end_proves_only_that_they_can_be_read(shelf):
    shelf.put("new.sql", b"x" * 3_000_000)

    result = shelf.watch(prove="readable")

    assert result["verified"] is False
    assert (result["verification"]["files"], result["verification"]["bytes"]) == (1, 3_000_000)
    assert "can be read" in result["verification"]["sentence"]


def test_archives_are_read_to_the_end_and_a_flipped_bit_is_noticed(shelf):
    with tarfile.open(shelf.put("new.tar.gz"), "w:gz") as archive:
        archive.add(__file__)
    good = shelf.watch(prove="archive")
    whole = bytearray((shelf.folder / "new.tar.gz").read_bytes())
    whole[len(whole) // 2] ^= 1
    shelf.put("newer.tar.gz", bytes(whole))

    failure = shelf.failure(prove="archive")

    assert good["verified"] is True
    assert "1 agree with what the archives say of themselves" in good["verification"]["sentence"]
    assert "1 file is not good. newer.tar.gz: it is damaged or cut off" in str(failure)
    assert failure.result["verified"] is False


def test_files_are_compared_with_the_digests_beside_them(shelf):
    one, two = shelf.put("one.img", os.urandom(5_000)), shelf.put("two.img", os.urandom(5_000))
    shelf.put("SHA256SUMS", f"{hashlib.sha256(one.read_bytes()).hexdigest()} *one.img\n".encode())
    shelf.put("two.img.b3", f"{blake3(two.read_bytes()).hexdigest()}  two.img\n".encode())
    good = shelf.watch(prove="digests")
    three = shelf.put("three.img")
    unnamed = shelf.failure(prove="digests")
    shelf.put("three.img.sha256", hashlib.sha256(b"other").hexdigest().encode())
    three.touch()

    wrong = shelf.failure(prove="digests")

    assert (good["verified"], good["files"]) == (True, 2)
    assert "three.img: no list of digests beside it names it" in str(unnamed)
    assert "three.img: its bytes are not those that three.img.sha256 says" in str(wrong)


def test_only_what_is_new_since_the_last_proof_is_read(shelf):
    shelf.put("one.sql")
    first = shelf.watch(prove="readable")
    second = shelf.watch(prove="readable")
    shelf.put("two.sql", age=400 * DAY)  # dated back, and new all the same

    third = shelf.watch(prove="readable")

    assert [result["verification"]["files"] for result in (first, second, third)] == [1, 0, 1]
    assert "Nothing is new" in second["verification"]["sentence"]


def test_a_file_that_was_found_damaged_is_read_again_in_the_next_run(shelf):
    shelf.put("one.gz", b"no gzip")
    shelf.failure(prove="archive")

    assert "one.gz: it is damaged" in str(shelf.failure(prove="archive"))
    assert NOTE not in shelf.new_context().notes


def test_a_job_that_watches_something_else_now_forgets_what_it_measured(shelf):
    shelf.put("one.sql", b"x" * 1_000)
    shelf.watch(most_shrink=5)
    shelf.put("one.txt", b"x")

    assert shelf.watch(most_shrink=5, pattern="*.txt")["files"] == 1


def test_watching_stops_when_it_is_asked_to(shelf):
    for number in range(2_000):
        (shelf.folder / f"{number}").touch()
    context = shelf.new_context()
    context.asked = "cancel"

    with pytest.raises(RunStopped):
        engine_for("watch", {"place": str(shelf.folder)}).run(context)


# Remotes


def test_the_newest_snapshot_of_a_repository_is_watched_and_its_data_read(shelf, tmp_path):
    repository = a_repository(tmp_path / "repository")
    shelf.known.add("safe", "restic", {"repository": str(repository)}, password=REPOSITORY_PASSWORD)
    none = shelf.failure(place="safe")
    command = [
        "restic",
        "--repo",
        str(repository),
        "--password-file",
        str(shelf.known.secret("safe", "password")),
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    backup = [*command, "--no-cache", "backup", "--quiet", __file__]
    subprocess.run([*backup, "--time", "2026-01-01 10:00:00"], check=True, env=environment)
    old = shelf.failure(place="safe")
    subprocess.run(backup, check=True, env=environment)

    result = shelf.watch(place="safe", prove="check", subset="100 %")
    pack = next(path for path in (repository / "data").rglob("*") if path.is_file())
    content = bytearray(pack.read_bytes())
    content[10] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    damaged = shelf.failure(place="safe", prove="check", subset="100 %")

    assert "There is no backup" in str(none)
    assert "The newest backup is" in str(old)
    assert (result["files"], result["verified"]) == (2, True)
    assert "read 100% of its data" in result["verification"]["sentence"]
    assert damaged.code == "damaged"


def test_a_repository_whose_list_of_snapshots_is_long_is_watched(shelf, tmp_path):
    repository = a_repository(tmp_path / "repository")
    shelf.known.add("safe", "restic", {"repository": str(repository)}, password=REPOSITORY_PASSWORD)
    names = [tmp_path / f"{number:03}-{'x' * 220}" for number in range(400)]
    for name in names:
        name.write_text("one of many")
    password = str(shelf.known.secret("safe", "password"))
    command = ["restic", "--repo", str(repository), "--password-file", password, "--no-cache", "backup"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run([*command, "--quiet", *map(str, names)], check=True, env=environment)

    result = shelf.watch(place="safe")

    assert result["files"] == 1
    assert result["newest"]["age_seconds"] < HOUR


def test_files_on_a_host_are_watched_over_ssh(shelf, sshd):
    shelf.put("a name/new.sql", b"x" * 1_234_567, age=2 * HOUR)
    shelf.known.add("nas", "ssh", sshd.settings(shelf.folder), key=sshd.key.read_text())

    result = shelf.watch(place="nas")
    below = shelf.watch(place="nas:a name", pattern="*.sql")
    gone = shelf.failure(place="nas:nowhere")

    assert result["newest"]["name"] == "a name/new.sql"
    assert (result["bytes"], below["newest"]["name"]) == (1_234_567, "new.sql")
    assert result["newest"]["age_seconds"] == pytest.approx(2 * HOUR, abs=120)
    assert gone.code == "missing"


def test_files_at_a_remote_of_rclone_are_watched(shelf, tmp_path):
    room = tmp_path / "webdav"
    room.mkdir()
    with served("webdav", room / "served", room) as server:
        (server.folder / "inner").mkdir()
        path = server.folder / "inner" / "new.sql"
        path.write_bytes(b"x" * 5_000)
        (server.folder / "SHA256SUMS").write_text("a list of digests is no backup")
        settings = webdav_settings(server.port, path="", user=USER)
        add_remote(shelf.known, "cloud", settings, **{"pass": PASSWORD})

        result = shelf.watch(place="cloud", pattern="*.sql")
        whole = shelf.watch(place="cloud")
        small = shelf.failure(place="cloud", smallest="1 MB")

    assert (result["newest"]["name"], result["bytes"]) == ("inner/new.sql", 5_000)
    assert (whole["newest"]["name"], whole["files"]) == ("inner/new.sql", 1)
    assert "it should have 1.0 MB at least" in str(small)


def test_a_folder_that_is_a_destination_is_read_like_any_other(shelf):
    shelf.put("dumps/new.sql")
    shelf.known.add("disk", "folder", {"path": str(shelf.folder)})

    result = shelf.watch(place="disk:dumps", prove="readable")

    assert result["verification"]["files"] == 1


# Before a run


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"place": "nowhere"}, "place"),
        ({"place": "relative/path"}, "place"),
        ({"place": "nas:../etc"}, "place"),
        ({"place": "safe", "pattern": "*.sql"}, "pattern"),
        ({"place": "safe", "smallest": "1 MB"}, "smallest"),
        ({"place": "safe", "prove": "archive"}, "prove"),
        ({"place": "nas", "prove": "archive"}, "prove"),
        ({"place": "/srv", "prove": "check"}, "prove"),
        ({"place": "/srv", "newest_within": "soon"}, "newest_within"),
        ({"place": "/srv", "newest_within": "1 s"}, "newest_within"),
        ({"place": "safe", "prove": "check", "subset": "--password-command=x"}, "subset"),
    ],
)
def test_what_cannot_be_watched_is_refused_by_field(shelf, options, field):
    shelf.known.add("safe", "restic", {"repository": "/srv/restic"})
    shelf.known.add("nas", "ssh", {"host": "127.0.0.1", "path": "/"})

    with pytest.raises(InvalidOptions) as refused:
        engine_for("watch", options).check(Surroundings(own_data=shelf.data, destinations=shelf.known))

    assert set(refused.value.problems) == {f"options.{field}"}


def test_what_a_watching_job_will_do_is_told_in_words(shelf):
    engine = engine_for("watch", {"place": str(shelf.folder), "smallest": "1 MB", "prove": "archive"})

    plan = " ".join(engine.plan_in_words())
    facts = engine.facts(Surroundings(own_data=shelf.data))

    assert "older than 26 h" in plan
    assert "less than 1.0 MB" in plan
    assert [(fact.field, fact.good) for fact in facts] == [("place", True)]
    assert json.dumps(engine.model_dump(mode="json"))
