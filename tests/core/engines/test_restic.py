"""restic as a kind of job: run for real, on repositories in folders and at a REST server of the tests' own."""

import json
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from core import proofs
from core.engines import engine_for
from core.engines.restic import ResticEngine
from core.errors import EngineFailed, InvalidOptions, Unreachable
from core.executing import Follower
from core.processes.program import Program
from core.remotes import restic
from core.repositories.repository import Repository
from core.work import LeftAtWork, RunStopped
from tests.doubles import Listener, ScriptedContext
from tests.servers import REPOSITORY_PASSWORD, SomeDestinations, a_repository, repositories_at

PUT_DOWN = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
    "--",
)
"""Root reads what nobody may read; without these two powers it does not."""


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


class House:
    """A source, a repository, and whatever runs there are between them."""

    def __init__(self, folder, server=None):
        self.folder = folder
        self.source = folder / "source"
        self.source.mkdir()
        self.data = folder / "data"
        self.data.mkdir()
        self.known = SomeDestinations(self.data)
        self.repository = a_repository(folder / "repository") if server is None else server.folder / "mine"
        where = str(self.repository) if server is None else server.repository
        login = {} if server is None else {"rest_user": server.user, "rest_password": server.password}
        self.known.add("safe", "restic", {"repository": where}, password=REPOSITORY_PASSWORD, **login)
        self._runs = 0

    def engine(self, **options) -> ResticEngine:
        given = {"source": str(self.source), "destination": "safe", "guard_changes": False, "reread_days": 0}
        engine = engine_for("restic", given | options)
        assert isinstance(engine, ResticEngine)
        return engine

    def context(self, kind=ScriptedContext, **script) -> ScriptedContext:
        self._runs += 1
        workspace = self.folder / f"run-{self._runs}"
        workspace.mkdir()
        context = kind(workspace, own_data=self.data, **script)
        context.run_id = f"run-{self._runs}"
        return self.at_home(context)

    def at_home(self, context):
        context.surroundings = replace(context.surroundings, destinations=self.known)
        return context

    def next_attempt(self, context) -> ScriptedContext:
        """Return the context of the attempt after a context's own."""
        later = self.at_home(context.again())
        later.run_id, later.attempt, later.notes = context.run_id, context.attempt + 1, context.notes
        return later

    def run(self, context=None, **options):
        return self.engine(**options).run(context or self.context())

    def restic(self, *arguments):
        """Ask restic something, as a person would."""
        argv = [
            "restic",
            "--repo",
            str(self.repository),
            "--password-file",
            str(self._password()),
            "--no-cache",
        ]
        done = subprocess.run([*argv, *arguments], capture_output=True, text=True, check=True, env=PLAIN)
        return done.stdout

    def _password(self):
        return self.known.secret("safe", "password")

    @property
    def snapshots(self):
        return json.loads(self.restic("--json", "snapshots")) or []

    @property
    def locks(self):
        return self.restic("--no-lock", "list", "locks").split()


PLAIN = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture
def server(tmp_path):
    with repositories_at(tmp_path / "server") as server:
        yield server


def restics_of(house):
    """Return the restic processes that work for a house."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "restic" and str(house.folder) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def bytes_to_carry(house, size=12_000_000):
    """Give the house something to do for a while, at the rate that goes with it."""
    write(house.source, {"big": os.urandom(size)})
    return {"bandwidth_limit": 2_000_000}


def once_at_work(act):
    """Return what looks at progress, and acts once when restic has something to carry."""
    done = threading.Event()

    def look(progress):
        if progress.stage == "copy" and progress.total and progress.done and not done.is_set():
            done.set()
            return act()
        return None

    return look


def test_what_is_new_or_changed_is_carried_and_the_snapshot_is_read_back(house):
    write(house.source, {"a": "1", "b/c": "2", "b/d [x]*/e?": "3" * 100_000})

    first = house.run(verify="full")
    write(house.source, {"a": "other", "new": "4"})
    second = house.run(verify="sample")
    third = house.run(verify="fast")

    assert [run.result["copied"] for run in (first, second, third)] == [3, 2, 0]
    assert [run.result["verified"] for run in (first, second, third)] == [True, True, False]
    assert [run.result["files"] for run in (first, second, third)] == [3, 4, 4]
    assert len(house.snapshots) == 3
    assert house.restic("dump", second.result["snapshot"], f"{house.source}/a") == "other"
    assert set(house.snapshots[0]["tags"]) == {"holdfast", "run=run-1", "job=job-1"}


def test_a_repository_at_a_server_is_used_with_its_password_in_nobody_s_sight(tmp_path, server):
    house = House(tmp_path, server)
    slow = bytes_to_carry(house, 4_000_000)
    seen = []

    def look():
        for process in [psutil.Process(), *psutil.process_iter()]:
            try:
                if process.ppid() and process.name() != "rclone":
                    seen.append(f"{process.cmdline()} {process.environ()}")
            except psutil.Error:
                continue

    outcome = house.run(house.context(ask=once_at_work(look)), **slow)

    assert outcome.result["verified"] is True
    assert any("'backup'" in each for each in seen)
    for secret in (server.password, "p%20w%40%2Fword"):
        assert not any(secret in each for each in seen)
        assert not any(secret in path.read_text("utf-8", "replace") for path in left_in(tmp_path, "run-1"))


def test_a_repository_by_sftp_is_reached_by_one_pinned_key(house, sshd):
    write(house.source, {"a": "1", "b/c": "2" * 100_000})
    repository = f"sftp://{sshd.user}@127.0.0.1:{sshd.port}/{house.repository}"
    key, password = sshd.key.read_text(), REPOSITORY_PASSWORD
    settings = {"repository": repository, "host_key": sshd.host_key}
    house.known.add("far", "restic", settings, key=key, password=password)
    stranger = settings | {"host_key": Path(f"{sshd.key}.pub").read_text()}
    house.known.add("other", "restic", stranger, key=key, password=password)

    outcome = house.run(destination="far", verify="full")
    with pytest.raises(EngineFailed) as refused:
        house.run(destination="other")

    assert outcome.result["verified"] is True
    assert refused.value.code == "host-key"
    assert house.locks == []


def left_in(folder, name):
    return [path for path in (folder / name).rglob("*") if path.is_file()]


def test_names_of_every_sort_are_carried_and_proved(house):
    odd = [
        "-rf",
        "--exclude=x",
        "a b ",
        " a",
        "$(id)",
        "$HOME",
        "a\nb",
        "é",
        "*",
        "[x]",
        "\\",
        ":x",
        "!a",
        "#",
    ]
    write(house.source, {name: name for name in odd} | {f"d {name}/x": "1" for name in odd})
    (house.source / os.fsdecode(b"latin-\xe9")).write_text("not UTF-8")
    (house.source / "link").symlink_to("/etc")

    whole = house.run(verify="full")
    sample = house.run(verify="sample", sample_good_share=0.5, sample_confidence=0.5)

    assert whole.result["copied"] == 2 * len(odd) + 1
    assert whole.result["verification"]["proved"] == 2 * len(odd) + 1
    assert sample.result["verified"] is True


def test_a_source_reached_by_a_link_is_backed_up_itself(house, tmp_path):
    write(house.source, {"a": "1"})
    link = tmp_path / "link"
    link.symlink_to(house.source)

    outcome = house.run(source=str(link), verify="full")

    assert (outcome.result["files"], outcome.result["verified"]) == (1, True)


@pytest.mark.parametrize(("verify", "files"), [("full", 1), ("sample", 1), ("sample", 60)])
def test_a_flipped_bit_in_a_pack_is_found_by_reading_back(house, verify, files):
    write(house.source, {f"file-{number}": os.urandom(300_000 // files) for number in range(files)})
    context, engine = house.context(), house.engine(verify=verify, sample_confidence=0.999)
    ground = engine.ground(context.surroundings)
    copied = engine.copy_all(context, ground)
    flip(house, 150_000)

    with pytest.raises(EngineFailed) as failed:
        proofs.insist(engine.prove(context, ground, copied), copied)

    assert not failed.value.transient
    assert "damaged" in str(failed.value) or "is not at the destination" in str(failed.value)


def flip(house, place):
    """Flip one bit in the only pack that is long enough."""
    packs = [path for path in (house.repository / "data").rglob("*") if path.is_file()]
    (pack,) = [path for path in packs if path.stat().st_size > place]
    pack.chmod(0o600)
    content = bytearray(pack.read_bytes())
    content[place] ^= 1
    pack.write_bytes(content)


def test_a_repository_is_read_again_a_part_a_day_and_damage_fails_the_run(house):
    write(house.source, {"a": os.urandom(300_000)})
    first = house.context()
    house.run(first, reread_days=2)
    same_day, next_day = house.context(), house.context()
    same_day.notes = next_day.notes = first.notes
    house.run(same_day, reread_days=2)
    first.notes["reread"] = {**first.notes["reread"], "last": "2026-01-01"}
    flip(house, 150_000)

    with pytest.raises(EngineFailed) as failed:
        house.run(next_day, reread_days=2, verify="fast")

    assert failed.value.code == "damaged"
    assert "reading all of its data found errors" in str(failed.value)
    assert not any("group" in line for line in same_day.infos)


def test_a_cancelled_backup_ends_and_leaves_no_lock(house):
    slow = bytes_to_carry(house)
    context = house.context(ask=once_at_work(lambda: "cancel"))

    with pytest.raises(RunStopped):
        house.run(context, **slow)

    assert not restics_of(house)
    assert house.locks == []
    assert house.snapshots == []


def test_a_paused_backup_goes_on_and_carries_nothing_twice(house):
    slow = bytes_to_carry(house, 8_000_000)
    context = house.context(ask=once_at_work(lambda: "pause"))
    with pytest.raises(RunStopped):
        house.run(context, **slow)

    outcome = house.run(house.next_attempt(context))

    assert outcome.result["verified"] is True
    assert outcome.result["adopted"] is False
    assert len(house.snapshots) == 1


def test_a_restic_that_is_killed_leaves_a_lock_that_the_next_attempt_removes(house):
    slow = bytes_to_carry(house)

    def kill():
        for process in restics_of(house):
            process.send_signal(signal.SIGKILL)

    context = house.context(ask=once_at_work(kill))
    with pytest.raises(EngineFailed) as failed:
        house.run(context, **slow)
    left = house.locks

    outcome = house.run(house.next_attempt(context))

    assert failed.value.transient
    assert len(left) == 1
    assert outcome.result["verified"] is True
    assert house.locks == []


def a_stranger(house, *arguments):
    """Start a restic that nobody here knows, and return it once it holds its lock."""
    before = set(house.locks)
    argv = [
        "restic",
        "--repo",
        str(house.repository),
        "--password-file",
        str(house._password()),
        "--no-cache",
    ]
    process = subprocess.Popen(
        [*argv, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=PLAIN
    )
    while set(house.locks) == before:
        assert process.poll() is None
    return process


def test_a_lock_of_a_living_restic_is_named_and_waited_for(house):
    write(house.source, {"a": os.urandom(300_000)})
    house.run(verify="fast")
    stranger = a_stranger(house, "check", "--read-data", "--limit-download", "20")

    with pytest.raises(EngineFailed) as failed:
        house.run()

    held = house.locks
    stranger.kill()
    stranger.wait()
    assert (failed.value.code, failed.value.transient) == ("locked", True)
    assert f"Held by process {stranger.pid} of " in str(failed.value)
    assert "is at work on this machine" in str(failed.value)
    assert len(held) == 1


def test_a_lock_that_somebody_else_left_is_never_broken_by_a_run(house):
    slow = bytes_to_carry(house)
    stranger = a_stranger(house, "backup", "--limit-upload", "100", str(house.source))
    stranger.kill()
    stranger.wait()
    (theirs,) = house.locks

    def kill():
        for process in restics_of(house):
            process.kill()

    context = house.context(ask=once_at_work(kill))
    with pytest.raises(EngineFailed):
        house.run(context, **slow)
    outcome = house.run(house.next_attempt(context), reread_days=30)

    assert outcome.result["verified"] is True
    assert theirs in house.locks
    assert outcome.result["reread"]["postponed"] is True
    assert "nothing of it was read again" in outcome.warnings[0]


def test_a_snapshot_that_an_earlier_attempt_finished_is_adopted(house):
    write(house.source, {"a": "1"})
    context, engine = house.context(), house.engine()
    engine.copy_all(context, engine.ground(context.surroundings))  # and whoever watched it is gone

    outcome = engine.run(house.next_attempt(context))

    assert outcome.result["adopted"] is True
    assert outcome.result["verified"] is True
    assert [each["id"] for each in house.snapshots] == [outcome.result["snapshot"]]


def test_all_of_the_repository_is_read_once_for_a_run_however_often_it_is_held(house):
    write(house.source, {"a": "1"})
    context = house.context()
    first = house.run(context, verify="full")

    again = house.run(house.next_attempt(context), verify="full")

    assert first.result["reread"] == {
        "sentence": "Everything the repository holds was read and is good.",
        "read": "all",
    }
    assert again.result["reread"] == {"sentence": "Everything the repository holds was read and is good."}


def test_a_snapshot_of_another_run_is_not_adopted(house):
    write(house.source, {"a": "1"})
    house.run()
    context = house.context()
    context.attempt = 2

    outcome = house.run(context)

    assert outcome.result["adopted"] is False
    assert len(house.snapshots) == 2


class Restarted(ScriptedContext):
    """A context whose server goes down in the middle of a program, and leaves it at work."""

    def execute(self, order, on_line=None, *, name="program", hide=None, on_latest=None):
        program = Program(self.workspace / f"attempt-{self.attempt}" / name, f"{self.run_id}:{self.attempt}")

        return Follower(program, order, Listener(self, on_line), self._wish).follow()

    def _wish(self):
        if self.asked:
            raise LeftAtWork


def test_a_backup_goes_on_while_the_server_restarts_and_is_taken_up(house):
    slow = bytes_to_carry(house, 6_000_000)
    context = house.context(Restarted, ask=once_at_work(lambda: "leave"))
    with pytest.raises(LeftAtWork):
        house.run(context, **slow)
    at_work = restics_of(house)

    again = house.at_home(Restarted(context.workspace, own_data=house.data))
    again.run_id = context.run_id
    outcome = house.run(again, **slow)

    assert at_work
    assert outcome.result["verified"] is True
    assert len(house.snapshots) == 1
    assert house.locks == []


class WithoutPowers(ScriptedContext):
    """A context whose programs may not read what nobody may read, even where the tests run as root."""

    def execute(self, order, *args, **named):
        return super().execute(replace(order, argv=(*PUT_DOWN, *order.argv)), *args, **named)


def test_an_unreadable_source_file_is_named_and_never_counts_as_verified(house):
    write(house.source, {"a": "1", "b": "2"})
    (house.source / "b").chmod(0)
    context = house.context(WithoutPowers)

    with pytest.raises(EngineFailed) as failed:
        house.run(context)

    assert "b" in str(failed.value)
    assert any(f"Could not be read: {house.source}/b: Permission denied" == line for line in context.warnings)
    assert not (failed.value.result or {}).get("verified")


class OnASmallDisk(ScriptedContext):
    """A context whose programs see the repository on a disk of six megabytes."""

    repository = ""

    def execute(self, order, *args, **named):
        as_root = () if os.geteuid() == 0 else ("--map-root-user",)
        script = 'cp -a "$1" "$1.full" && mount -t tmpfs -o size=6m none "$1" && cp -a "$1.full/." "$1" && shift && exec "$@"'
        within = ("unshare", *as_root, "--mount", "sh", "-c", script, "sh", self.repository)
        return super().execute(replace(order, argv=(*within, *order.argv)), *args, **named)


def test_a_full_disk_is_said_to_be_full_and_waiting_does_not_help(house):
    write(house.source, {"big": os.urandom(20_000_000)})
    context = house.context(OnASmallDisk)
    context.repository = str(house.repository)

    with pytest.raises(EngineFailed) as failed:
        house.run(context)

    assert str(failed.value).startswith("There is no room left at the repository.")
    assert (failed.value.code, failed.value.transient) == ("destination-full", False)


def test_a_wrong_password_and_a_repository_that_is_gone_are_told_apart(house):
    write(house.source, {"a": "1"})
    house._password().write_text("other")
    with pytest.raises(EngineFailed) as wrong:
        house.run()
    shutil.rmtree(house.repository)
    with pytest.raises(EngineFailed) as gone:
        house.run()

    found = [(each.value.code, each.value.transient) for each in (wrong, gone)]

    assert found == [("wrong-password", False), ("missing", False)]
    assert str(wrong.value) == "The repository does not open with this password."
    assert str(gone.value).startswith("There is no repository at this place.")


def test_what_ssh_said_is_known_even_if_restic_ended_before_it_was_passed_on(house, sshd):
    settings = {
        "repository": f"sftp://{sshd.user}@127.0.0.1:{sshd.port}/{house.repository}",
        "host_key": Path(f"{sshd.key}.pub").read_text(),
    }
    house.known.add("other", "restic", settings, key=sshd.key.read_text(), password=REPOSITORY_PASSWORD)
    call = restic.call(house.known.find("other"), house.known)
    mute = replace(call, argv=("/bin/false", *call.argv[1:]))

    with pytest.raises(EngineFailed) as refused:
        Repository(house.context(), mute, "other").locks()

    assert refused.value.code == "host-key"


def test_a_server_that_is_away_is_unreachable_and_one_that_knows_us_not_refuses(tmp_path, server):
    house = House(tmp_path, server)
    write(house.source, {"a": "1"})
    house.known.secret("safe", "rest_password").write_text("wrong")
    with pytest.raises(EngineFailed) as refused:
        house.run()
    server.kill()

    with pytest.raises(Unreachable) as away:
        house.run()

    assert (refused.value.code, refused.value.transient) == ("login-refused", False)
    assert str(away.value).startswith("The repository's host does not answer.")


def test_a_server_that_dies_in_mid_copy_is_waited_for_and_the_backup_goes_on(tmp_path, server):
    house = House(tmp_path, server)
    slow = bytes_to_carry(house, 5_000_000)
    back = threading.Timer(0.5, server.start)

    def go_away():
        server.kill()
        back.start()

    outcome = house.run(context := house.context(ask=once_at_work(go_away)), **slow)

    back.join()
    assert outcome.result["verified"] is True
    assert any("retrying after" in line for line in context.warnings)


def test_trying_names_what_a_run_would_carry_and_writes_nothing(house):
    write(house.source, {"a": "1", "b": "2", "no.tmp": "3"})
    house.run(exclude=["*.tmp"])
    write(house.source, {"a": "other", "c/d": "3"})
    before = sorted(house.repository.rglob("*"))

    outcome = house.engine(exclude=["*.tmp"]).rehearse(house.context())

    assert sorted(house.repository.rglob("*")) == before
    assert list(map(tuple, outcome.result["changes"])) == [("changed", "a"), ("new", "c/d")]
    assert (outcome.result["new"], outcome.result["changed"], outcome.result["removed"]) == (1, 1, 0)


def test_patterns_caches_and_our_own_names_are_left_out_of_snapshot_and_proof_alike(house):
    tag = "Signature: 8a477f597d28d172789f06886806bc55\n"
    write(
        house.source,
        {
            "keep.jpg": "1",
            "no.tmp": "2",
            "yes.tmp": "3",
            "cache/CACHEDIR.TAG": tag,
            "cache/x": "4",
            ".holdfast-quarantine/run/x": "5",
            "a [b]/CACHEDIR.TAG": tag,
            "a b/x": "6",
        },
    )

    outcome = house.run(exclude=["*.tmp"], include=["yes.tmp"], exclude_caches=True, verify="full")

    assert outcome.result["files"] == outcome.result["copied"] == 3
    assert outcome.result["verified"] is True


def test_progress_is_told_in_percent_bytes_and_files(house):
    write(house.source, {"big": os.urandom(20_000_000), "small": "1"})
    context = house.context()

    house.run(context)

    told = [each for each in context.reported if each.stage == "copy" and each.total]
    assert (told[-1].percent, told[-1].done, told[-1].total) == (100.0, 20_000_001, 20_000_001)
    assert "2 of 2 files" in told[-1].message
    assert [each.percent for each in told if each.total == 20_000_001] == sorted(
        each.percent for each in told if each.total == 20_000_001
    )
    assert {"prepare", "copy", "verify"} <= {each.stage for each in context.reported}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"destination": "nowhere"}, "destination"),
        ({"destination": "safe:below"}, "destination"),
        ({"password_file": "/etc/hostname"}, "password_file"),
        ({"tags": ["--password-command=id"]}, "tags.0"),
        ({"tags": ["a,b"]}, "tags.0"),
        ({"tags": ["holdfast"]}, "tags"),
        ({"host_name": "-x"}, "host_name"),
        ({"host_name": "a b"}, "host_name"),
        ({"compression": "--json"}, "compression"),
        ({"pack_size": "16 --password-command=id"}, "pack_size"),
        ({"source": "--password-command=id"}, "source"),
        ({"source": "/no/such"}, "source"),
        ({"extra": ["-o", "sftp.command=id"]}, "extra"),
    ],
)
def test_no_option_can_become_a_flag_or_work_where_it_cannot(house, options, field):
    with pytest.raises(InvalidOptions) as refused:
        house.run(**options)

    assert list(refused.value.problems) == [f"options.{field}"]


def test_a_repository_in_or_around_the_source_is_refused(house, tmp_path):
    inside = a_repository(house.source / "repository")
    with pytest.raises(InvalidOptions) as refused:
        house.run(destination=str(inside), password_file=str(house._password()))

    assert "back up itself" in refused.value.problems["options.destination"]


def test_the_command_is_what_a_person_would_type(house):
    write(house.source, {"a": "1"})

    (command,) = house.engine(tags=["weekly"], pack_size=16, exclude=["*.tmp"]).command_in_words(
        house.context().surroundings
    )

    password = house._password()
    assert command.startswith(
        f"restic --repo {house.repository} --password-file {password} backup --pack-size=16"
    )
    assert command.endswith(f"-- {house.source}")
    assert "*.tmp" in command
    assert "python" not in command


def test_a_large_sample_is_restored_in_a_few_goes(house):
    write(house.source, {f"{number % 20}/{number}": str(number) for number in range(2_000)})

    outcome = house.run(sample_good_share=0.999, sample_confidence=0.99)

    assert outcome.result["verification"]["sample"] > 500
    assert outcome.result["verified"] is True
