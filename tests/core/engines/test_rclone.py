"""The rclone kind, with the real program and servers on loopback."""

import os
import shutil
from pathlib import Path

import psutil
import pytest

from core.engines import engine_for
from core.engines.rclone import RcloneEngine
from core.errors import EngineFailed, InvalidOptions, Unreachable
from core.work import RunHeld, RunStopped, Surroundings
from tests.doubles import ScriptedContext
from tests.rclone_servers import (
    PASSWORD,
    USER,
    ScriptedDav,
    SmallS3,
    add_remote,
    flip_a_bit,
    served,
    webdav_settings,
)
from tests.servers import SomeDestinations, a_free_port


@pytest.fixture(scope="session")
def webdav(tmp_path_factory):
    """Serve one folder for all tests of a worker; each has a folder of its own in it."""
    room = tmp_path_factory.mktemp("webdav")
    with served("webdav", room / "served", room) as server:
        yield server


@pytest.fixture(scope="session")
def sftp(tmp_path_factory):
    room = tmp_path_factory.mktemp("sftp")
    with served("sftp", room / "served", room) as server:
        yield server


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "inner").mkdir(parents=True)
    for number in range(12):
        (folder / "inner" / f"file {number}").write_bytes(os.urandom(1000 + number))
    (folder / "empty").touch()
    return folder


@pytest.fixture
def destinations(tmp_path):
    return SomeDestinations(tmp_path)


@pytest.fixture
def place(webdav, destinations, tmp_path):
    """Return the folder that the destination "nas" ends up in."""
    settings = webdav_settings(webdav.port, path=tmp_path.name, user=USER)
    add_remote(destinations, "nas", settings, **{"pass": PASSWORD})
    return webdav.folder / tmp_path.name


@pytest.fixture
def new_context(tmp_path, destinations):
    count = iter(range(100))

    def make(**wishes):
        workspace = tmp_path / f"workspace-{next(count)}"
        workspace.mkdir()
        own = tmp_path / "own"
        own.mkdir(exist_ok=True)
        context = ScriptedContext(workspace, own_data=own, **wishes)
        context.surroundings = Surroundings(own_data=own, destinations=destinations)
        return context

    return make


@pytest.fixture
def backup(source, new_context):
    """Copy the source in a run of its own and return the outcome."""

    def run(destination="nas", context=None, **options):
        engine = engine_for("rclone", {"source": str(source), "destination": str(destination), **options})
        return engine.run(context or new_context())

    return run


def tree_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".holdfast")
    }


def test_a_folder_is_carried_to_webdav_and_read_back(backup, source, place):
    outcome = backup()

    assert tree_of(place) == tree_of(source)
    assert (outcome.result["verified"], outcome.result["files"]) == (True, 13)
    assert outcome.result["verification"]["proved"] == 13


def test_a_folder_of_this_machine_is_a_destination_too(backup, source, tmp_path):
    outcome = backup(tmp_path / "copy")
    again = backup(tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(source)
    assert (outcome.result["copied"], again.result["copied"], again.result["compared"]) == (13, 0, 13)
    assert again.result["verified"]


def test_a_folder_that_is_a_destination_must_be_mounted(backup, source, destinations, tmp_path):
    (tmp_path / "disk").mkdir()
    settings = {"path": str(tmp_path / "disk")}
    destinations.add("disk", "folder", settings)
    destinations.add("usb", "folder", {**settings, "mounted": True})

    with pytest.raises(EngineFailed, match="marker") as failed:
        backup("usb:photos/july")
    outcome = backup("disk:photos/june")

    assert outcome.result["verified"]
    assert failed.value.transient
    assert not (tmp_path / "disk" / "photos" / "july").exists()


def test_a_remote_that_speaks_s3_is_written_and_read_back(backup, source, destinations, tmp_path):
    (tmp_path / "s3" / "bucket").mkdir(parents=True)
    with SmallS3(tmp_path / "s3", "AKIA1") as server:
        add_remote(destinations, "s3", server.settings("bucket/photos"), secret_access_key=PASSWORD)

        outcome = backup("s3:june")
        again = backup("s3:june")

    assert tree_of(tmp_path / "s3" / "bucket" / "photos" / "june") == tree_of(source)
    assert outcome.result["verified"]
    assert (again.result["copied"], again.result["by"]) == (0, "times")


def test_everything_is_encrypted_where_the_destination_says_so(
    backup, source, webdav, destinations, tmp_path
):
    settings = webdav_settings(webdav.port, path=tmp_path.name, user=USER) | {"encrypt": "standard"}
    add_remote(destinations, "nas", settings, **{"pass": PASSWORD, "crypt_password": "a wren sings"})

    outcome = backup("nas:june")

    there = tree_of(webdav.folder / tmp_path.name)
    assert outcome.result["verified"]
    assert len(there) == 13
    assert not any("file" in name or "june" in name for name in there)


def test_a_changed_file_of_equal_or_smaller_size_is_sent_again_also_where_no_times_are_kept(
    backup, source, place, new_context
):
    backup()
    equal, smaller = source / "inner" / "file 1", source / "inner" / "file 2"
    status = equal.stat()
    equal.write_bytes(b"x" * status.st_size)
    os.utime(equal, ns=(status.st_atime_ns, status.st_mtime_ns))
    smaller.write_bytes(b"x")

    context = new_context()
    outcome = backup(context=context)

    assert tree_of(place) == tree_of(source)
    assert outcome.result["by"] == "all"
    assert any("neither times nor checksums" in line for line in context.infos)
    assert outcome.warnings == ()


@pytest.mark.parametrize("compare", ["times", "checksum"])
def test_a_changed_file_of_equal_or_smaller_size_is_sent_again(compare, backup, source, tmp_path):
    backup(tmp_path / "copy", compare=compare)
    (source / "inner" / "file 1").write_bytes(b"x" * 1001)
    (source / "inner" / "file 2").write_bytes(b"x")

    outcome = backup(tmp_path / "copy", compare=compare)

    assert tree_of(tmp_path / "copy") == tree_of(source)
    assert outcome.result["copied"] == 2


def test_one_flipped_bit_at_the_remote_is_caught(backup, source, place, new_context):
    engine = engine_for("rclone", {"source": str(source), "destination": "nas"})
    assert isinstance(engine, RcloneEngine)
    context = new_context()
    ground = engine.ground(context.surroundings)
    copied = engine.copy_all(context, ground)
    flip_a_bit(place / "inner" / "file 7")

    proof = engine.prove(context, ground, copied)

    assert not proof.verified
    assert [("file 7" in words) for words in proof.damaged] == [True]


def test_odd_names_are_proved_by_their_own_names(backup, source, place, new_context):
    odd = ["a\nb", "-rf", ":webdav,x=y:", " lead", "tab\t", "back\\slash", "␊", "{{.*}}", "é", "*", "a\nb␊c"]
    for name in odd:
        (source / name).write_text(name)
    digest = "0" * 64
    (source / f"x\n{digest}  inner").touch()

    outcome = backup()

    assert outcome.result["verified"]
    assert outcome.result["verification"]["proved"] == 13 + len(odd) + 1


def test_what_patterns_leave_out_is_neither_sent_nor_missed(backup, source, place):
    (source / "cache").mkdir()
    (source / "cache" / "keep.txt").touch()
    (source / "a.tmp").touch()
    (source / "keep.tmp").touch()

    outcome = backup(exclude=["cache/", "*.tmp"], include=["keep.tmp", "cache/keep.txt"])

    assert outcome.result["verified"]
    assert {"keep.tmp"} == tree_of(place).keys() - {f"inner/file {n}" for n in range(12)} - {"empty"}


def test_a_wrong_password_is_told_as_a_refused_login(backup, webdav, destinations, tmp_path):
    settings = webdav_settings(webdav.port, user=USER)
    add_remote(destinations, "nas", settings, **{"pass": "another password"})

    with pytest.raises(EngineFailed) as failed:
        backup()

    assert failed.value.code == "login-refused"
    assert not failed.value.transient
    assert "another password" not in str(failed.value)


def test_a_server_that_is_down_is_out_of_reach(backup, destinations):
    add_remote(destinations, "nas", webdav_settings(a_free_port(), user=USER), **{"pass": PASSWORD})

    with pytest.raises(Unreachable) as failed:
        backup()

    assert failed.value.transient
    assert "cannot be reached" in str(failed.value)


def test_a_missing_bucket_is_told_as_missing(backup, destinations, tmp_path):
    (tmp_path / "s3").mkdir()
    with SmallS3(tmp_path / "s3", "AKIA1") as server:
        settings = server.settings("nowhere")
        settings["options"]["no_check_bucket"] = "true"
        add_remote(destinations, "s3", settings, secret_access_key=PASSWORD)

        with pytest.raises(EngineFailed) as failed:
            backup("s3")

    assert failed.value.code == "missing"


def test_a_wrong_key_of_s3_is_told_as_a_refused_login(backup, destinations, tmp_path):
    (tmp_path / "s3" / "bucket").mkdir(parents=True)
    with SmallS3(tmp_path / "s3", "AKIA1") as server:
        settings = server.settings("bucket")
        settings["options"]["access_key_id"] = "AKIA2"
        add_remote(destinations, "s3", settings, secret_access_key=PASSWORD)

        with pytest.raises(EngineFailed) as failed:
            backup("s3")

    assert failed.value.code == "login-refused"


@pytest.mark.parametrize(
    ("status", "code", "transient"),
    [
        (401, "token-expired", False),
        (507, "destination-full", False),
        (429, "too-many-requests", True),
        (502, "connection-lost", True),
    ],
)
def test_what_happens_in_the_middle_is_told_for_what_it_is(
    status, code, transient, backup, destinations, tmp_path
):
    def script(method, path, puts):
        return status if method == "PUT" and puts >= 3 else 0

    with ScriptedDav(tmp_path / "dav", "tok-42", script) as server:
        add_remote(destinations, "nas", webdav_settings(server.port), bearer_token="tok-42")

        with pytest.raises(EngineFailed) as failed:
            backup()

    assert (failed.value.code, failed.value.transient) == (code, transient)
    assert "tok-42" not in str(failed.value)


def test_a_server_that_is_killed_in_the_middle_is_worth_another_try(
    backup, source, destinations, tmp_path, new_context
):
    (source / "large").write_bytes(os.urandom(30_000_000))
    with served("webdav", tmp_path / "served", tmp_path) as server:
        add_remote(destinations, "own", webdav_settings(server.port, user=USER), **{"pass": PASSWORD})

        def stop(progress):
            if progress.stage == "copy" and progress.done > 5_000_000:
                server.stop()

        with pytest.raises(EngineFailed) as failed:
            backup("own", new_context(ask=stop), bandwidth_limit="8 MB/s")

    assert failed.value.transient


def test_a_run_that_is_asked_to_stop_goes_on_where_it_was(source, new_context, tmp_path):
    for number in range(8):
        (source / f"large {number}").write_bytes(os.urandom(1_000_000))
    options = {"source": str(source), "destination": str(tmp_path / "copy"), "transfers": 1}
    context = new_context(ask=lambda progress: "pause" if progress.done > 3_000_000 else None)

    with pytest.raises(RunStopped):
        engine_for("rclone", {**options, "bandwidth_limit": "4 MB/s"}).run(context)
    outcome = engine_for("rclone", options).run(new_context())

    assert outcome.result["verified"]
    assert 0 < outcome.result["copied"] < 21


def test_a_program_that_was_killed_is_made_up_for_by_the_next_attempt(source, new_context, tmp_path):
    for number in range(6):
        (source / f"large {number}").write_bytes(os.urandom(1_000_000))
    options = {"source": str(source), "destination": str(tmp_path / "copy"), "transfers": 1}

    def kill(progress):
        if progress.done > 2_000_000:
            for process in psutil.process_iter(["cmdline"]):
                words = process.info["cmdline"] or []
                if words[:1] == ["rclone"] and str(source) in words:
                    process.kill()

    with pytest.raises(EngineFailed) as failed:
        engine_for("rclone", {**options, "bandwidth_limit": "3 MB/s"}).run(new_context(ask=kill))
    outcome = engine_for("rclone", options).run(new_context())

    assert failed.value.transient
    assert outcome.result["verified"]


def test_a_server_that_speaks_sftp_is_a_destination(backup, source, destinations, tmp_path, sftp):
    host_key = sftp.host_key()
    (tmp_path / "known_hosts").write_text(host_key)
    options = {
        "host": "127.0.0.1",
        "port": sftp.port,
        "user": USER,
        "known_hosts_file": str(tmp_path / "known_hosts"),
        "shell_type": "none",
    }
    settings = {"backend": "sftp", "options": options, "path": tmp_path.name}
    add_remote(destinations, "far", settings, **{"pass": PASSWORD})

    outcome = backup("far")
    again = backup("far")

    assert tree_of(sftp.folder / tmp_path.name) == tree_of(source)
    assert (outcome.result["verified"], again.result["copied"], again.result["by"]) == (True, 0, "times")


def test_a_trial_says_what_would_change_and_writes_nothing(source, new_context, tmp_path, backup):
    place = tmp_path / "copy"
    backup(place)
    (source / "new\nfile").write_text("new")
    (source / "inner" / "file 1").write_text("changed")
    before = tree_of(place)

    options = {"source": str(source), "destination": str(place)}
    outcome = engine_for("rclone", options).rehearse(new_context())

    assert tree_of(place) == before
    assert (outcome.result["new"], outcome.result["removed"]) == (1, 0)
    assert ["new", "new\nfile"] in outcome.result["changes"]
    assert ["changed", "inner/file 1"] in outcome.result["changes"]


def test_a_mirror_puts_aside_what_the_source_no_longer_has(backup, source, tmp_path):
    backup(tmp_path / "photos", mirror=True)
    (source / "inner" / "file 1").unlink()

    outcome = backup(tmp_path / "photos", mirror=True)

    aside = tree_of(tmp_path / "photos-removed")
    assert tree_of(tmp_path / "photos") == tree_of(source)
    assert outcome.result["removed"] == 1
    assert any(name.endswith("inner/file 1") for name in aside)
    assert outcome.result["verified"]


def test_a_mirror_that_would_put_aside_more_than_usual_puts_nothing_aside_before_it_asks(
    backup, source, new_context, tmp_path
):
    for number in range(30):
        (source / f"doomed {number}").write_text("x")
    before, context = new_context(), new_context()
    backup(tmp_path / "photos", before, mirror=True)
    context.notes = before.notes
    for number in range(30):
        (source / f"doomed {number}").unlink()

    with pytest.raises(RunHeld) as held:
        backup(tmp_path / "photos", context, mirror=True)

    assert "would remove 30 files" in held.value.question.sentence
    assert held.value.question.admin_only
    assert len(tree_of(tmp_path / "photos")) == 43
    assert not (tmp_path / "photos-removed").exists()


def test_a_mirror_stops_at_its_limit(backup, source, tmp_path):
    backup(tmp_path / "photos", mirror=True)
    shutil.rmtree(source / "inner")

    with pytest.raises(EngineFailed) as failed:
        backup(tmp_path / "photos", mirror=True, mirror_most=2, guard_changes=False)

    assert "More than 2 files are gone from the source" in str(failed.value)
    assert not failed.value.transient
    assert len(tree_of(tmp_path / "photos")) >= 11


def test_links_are_left_out_with_a_warning(backup, source, tmp_path):
    (source / "link").symlink_to("/etc/passwd")

    outcome = backup(tmp_path / "copy")

    assert not os.path.lexists(tmp_path / "copy" / "link")
    assert any("symbolic links were left out" in warning for warning in outcome.warnings)


def test_progress_is_what_rclone_says_in_its_log_and_not_in_the_log_of_the_run(source, new_context, tmp_path):
    (source / "large").write_bytes(os.urandom(3_000_000))
    context = new_context()
    options = {"source": str(source), "destination": str(tmp_path / "copy"), "bandwidth_limit": "1500 kB/s"}

    engine_for("rclone", options).run(context)

    copying = [one for one in context.reported if one.stage == "copy"]
    assert any(0 < (one.percent or 0) < 100 and 0 < one.done < 3_012_066 for one in copying)
    assert "of 14 files carried over" in copying[-1].message
    assert not any("Transferred" in line or "stats" in line for line in context.infos + context.warnings)


@pytest.mark.parametrize(
    "place",
    [":webdav,bearer_token_command=touch /tmp/x:", "nas:-x/../y", "nas::local:/etc", "-o", "nas,x=y:z"],
)
def test_a_remote_cannot_be_smuggled_in_as_a_destination(place, source, destinations, new_context):
    options = {"source": str(source), "destination": place}

    with pytest.raises(InvalidOptions):
        engine_for("rclone", options).check(new_context().surroundings)


def test_the_command_can_be_typed_and_has_no_secret(source, destinations, place, new_context):
    engine = engine_for("rclone", {"source": str(source), "destination": "nas:a b", "exclude": ["*.tmp"]})

    (command,) = engine.command_in_words(new_context().surroundings)

    assert command.startswith("rclone --config ")
    assert command.endswith(f"-- {source} 'holdfast:{place.name}/a b'")
    assert PASSWORD not in command


def test_no_secret_is_in_the_arguments_or_the_environment_of_any_process(
    source, destinations, place, new_context
):
    (source / "large").write_bytes(os.urandom(4_000_000))
    seen = []

    def look(progress):
        seen.append(everything_said_to_processes())

    engine = engine_for("rclone", {"source": str(source), "destination": "nas", "bandwidth_limit": "3 MB/s"})
    engine.run(new_context(ask=look))

    ours = [text for one in seen for text in one if "holdfast:" in text]
    assert any(" copy " in text for text in ours)
    assert not any(PASSWORD in text or "_PASS" in text or "COMMAND" in text for text in ours)
    assert not any(" rcd" in text or "--rc" in text for text in ours)


@pytest.mark.parametrize("below", ["", ":own/jobs", ":source/inner"])
def test_a_remote_of_this_machine_leads_neither_into_our_own_data_nor_into_the_source(
    source, destinations, new_context, tmp_path, below
):
    add_remote(destinations, "here", {"backend": "local", "path": str(tmp_path)})
    engine = engine_for("rclone", {"source": str(source), "destination": f"here{below}"})

    with pytest.raises(InvalidOptions) as refused:
        engine.check(new_context().surroundings)

    assert list(refused.value.problems) == ["options.destination"]


def everything_said_to_processes() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            argv = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if argv.startswith("rclone "):
                found.append(argv + (folder / "environ").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found
