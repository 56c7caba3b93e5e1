"""Steps around a copy: done before it, undone after it, whatever happens in between."""

import contextlib
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from core import steps
from core.acting import Actor, acting_as
from core.drafts import JobDraft, checked
from core.errors import EngineFailed, Refused, StorageFailed
from core.steps.journal import journals_in
from core.steps.wishes import StepWishes
from core.steps.words import as_text, entered
from core.work import Copied, RunStopped, Surroundings
from tests.core.steps.serving import fake_programs, make
from tests.doubles import ScriptedContext


class Bench:
    """A run with steps, and the programs that they find."""

    def __init__(self, folder):
        self.programs = fake_programs(folder / "programs")
        self.source = folder / "source"
        self.source.mkdir()
        workspace = folder / "data"
        workspace.mkdir()
        self.context = ScriptedContext(workspace)
        self.context.surroundings = replace(self.context.surroundings, step_programs=self.programs)

    def runs(self, *names):
        for name in names:
            (self.programs / f"running.{name}").touch()
            (self.programs / f"known.{name}").touch()

    def files(self):
        return [path.name for path in self.source.iterdir()]

    def is_running(self, name):
        return (self.programs / f"running.{name}").exists()

    def calls(self):
        with contextlib.suppress(FileNotFoundError):
            return (self.programs / "calls").read_text().splitlines()
        return []

    def around(self, *lines):
        return steps.around(self.context, StepWishes(steps=list(lines)))

    def around_another_run(self, *lines):
        """Return the same for a run of another job that is at work beside it."""
        workspace = self.own_data.parent / "another"
        workspace.mkdir()
        context = ScriptedContext(workspace, own_data=self.own_data)
        context.run_id = "run-2"
        context.surroundings = replace(context.surroundings, step_programs=self.programs)
        return steps.around(context, StepWishes(steps=list(lines)))

    def noted(self):
        return [entry.deed.words for journal in journals_in(self.own_data) for entry in journal.entries()]

    @property
    def own_data(self):
        return self.context.surroundings.own_data


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_service_stands_still_while_its_files_are_copied(bench):
    bench.runs("nextcloud.service")

    with bench.around("stop-service nextcloud.service") as done:
        during = bench.is_running("nextcloud.service")
        noted = bench.noted()

    assert (during, noted) == (False, ["start nextcloud.service"])
    assert bench.is_running("nextcloud.service")
    assert (bench.noted(), done.warnings) == ([], [])


def test_a_container_stands_still_while_its_files_are_copied(bench):
    bench.runs("photoprism")

    with bench.around("stop-container photoprism"):
        during = bench.is_running("photoprism")

    assert (during, bench.is_running("photoprism")) == (False, True)


def test_what_did_not_run_before_is_not_started_afterwards(bench):
    (bench.programs / "known.photoprism").touch()

    with bench.around("stop-service nextcloud.service", "stop-container photoprism"):
        pass

    assert not bench.is_running("nextcloud.service")
    assert not bench.is_running("photoprism")
    assert not any(word in call.split() for call in bench.calls() for word in ("stop", "start"))


def test_a_container_that_nobody_knows_fails_the_step(bench):
    with (
        pytest.raises(EngineFailed, match="No such container: photoprsim"),
        bench.around("stop-container photoprsim"),
    ):
        pytest.fail("nothing may be copied")


@pytest.mark.parametrize("unit", ["typo.service", "web.service"])
def test_a_service_that_cannot_be_asked_about_fails_the_step(bench, unit):
    bench.runs("web.service")
    if unit == "web.service":
        (bench.programs / "no-systemd").touch()

    with (
        pytest.raises(EngineFailed, match=r"cannot be stopped: (nobody knows it here|.*booted with systemd)"),
        bench.around(f"stop-service {unit}"),
    ):
        pytest.fail("nothing may be copied")


@pytest.mark.parametrize(
    "error", [EngineFailed("It broke."), RunStopped("cancel"), RunStopped("pause"), KeyError("x")]
)
def test_steps_are_undone_however_the_copy_ends(bench, error):
    bench.runs("nextcloud.service")

    def copy():
        with bench.around("stop-service nextcloud.service"):
            bench.context.asked = getattr(error, "asked", None)
            raise error

    with pytest.raises(type(error)):
        copy()

    assert bench.is_running("nextcloud.service")
    assert bench.noted() == []


def test_steps_are_undone_in_the_opposite_order(bench):
    bench.runs("web.service", "database.service")

    with bench.around("stop-service web.service", "stop-service database.service"):
        pass

    starts = [call.split()[-1] for call in bench.calls() if "start" in call.split()]
    assert starts == ["database.service", "web.service"]


def test_a_step_that_fails_keeps_the_copy_from_being_made_and_undoes_those_before_it(bench):
    bench.runs("web.service", "database.service")
    (bench.programs / "stop-fails").touch()

    with (
        pytest.raises(EngineFailed, match=r"Failed to stop web\.service") as failed,
        bench.around("stop-service web.service"),
    ):
        pytest.fail("nothing may be copied")

    assert failed.value.code == "step-failed"
    assert bench.noted() == []


def test_a_step_that_may_fail_is_a_warning(bench):
    bench.runs("web.service")
    (bench.programs / "stop-fails").touch()

    with bench.around("stop-service web.service on_failure=warn") as done:
        pass

    told = done.told(Copied(since_ns=0, warnings=("another",)))
    assert len(told.warnings) == 2
    assert "Failed to stop web.service" in told.warnings[0]


def test_what_cannot_be_undone_is_a_warning_and_tried_again_until_it_can(bench):
    bench.runs("web.service")
    (bench.programs / "start-fails").touch()
    said = []

    with bench.around("stop-service web.service") as done:
        pass
    with pytest.raises(StorageFailed, match=r"Start web\.service failed"):
        steps.recover(bench.own_data, lambda _: False, lambda *words: said.append(words))
    (bench.programs / "start-fails").unlink()
    steps.recover(bench.own_data, lambda _: False, lambda *words: said.append(words))

    assert "Start web.service failed" in done.warnings[0]
    assert bench.is_running("web.service")
    assert said == [("run-1", "Afterwards: start web.service.")]
    assert bench.noted() == []


def test_steps_of_a_run_that_somebody_is_at_work_on_are_left_to_them(bench):
    bench.runs("web.service")
    around = bench.around("stop-service web.service")
    around.__enter__()

    steps.recover(bench.own_data, lambda _: True, lambda *_: None)
    during = bench.is_running("web.service")
    around.__exit__(None, None, None)

    assert not during
    assert bench.is_running("web.service")


@pytest.mark.parametrize("line", ["stop-service web.service", "stop-container web"])
def test_a_service_that_two_runs_stop_is_started_by_the_last_of_them(bench, line):
    name = line.split()[1]
    bench.runs(name)
    first, second = bench.around(line), bench.around_another_run(line.removesuffix(".service"))
    first.__enter__()
    second.__enter__()

    first.__exit__(None, None, None)
    meanwhile = bench.is_running(name)
    second.__exit__(None, None, None)

    assert not meanwhile
    assert bench.is_running(name)
    assert "is left to another run" in bench.context.infos[-1]
    assert bench.noted() == []


def test_a_service_that_two_dead_runs_stopped_is_started_once(bench):
    bench.runs("web.service")
    for around in (
        bench.around("stop-service web.service"),
        bench.around_another_run("stop-service web.service"),
    ):
        around.__enter__()

    steps.recover(bench.own_data, lambda _: False, lambda *_: None)

    assert bench.is_running("web.service")
    assert sum("start" in call for call in bench.calls()) == 1
    assert bench.noted() == []


def test_a_command_of_two_runs_is_run_after_each(bench):
    (bench.programs / "thaw").write_text('#!/bin/sh\necho thaw >> "$(dirname "$0")/calls"\n')
    (bench.programs / "thaw").chmod(0o755)

    with bench.around("command after=thaw"), bench.around_another_run("command after=thaw"):
        pass

    assert bench.calls() == ["thaw", "thaw"]


def test_a_note_of_what_to_undo_that_cannot_be_read_is_told_and_stops_nothing_else(bench):
    bench.runs("web.service")
    around = bench.around("stop-service web.service")
    around.__enter__()
    (bench.own_data / "steps" / "another.json").write_text("{torn")

    with pytest.raises(StorageFailed, match=r"What run another has to undo cannot be read.*do by hand"):
        steps.recover(bench.own_data, lambda _: False, lambda *_: None)

    assert bench.is_running("web.service")
    around.__exit__(None, None, None)


def test_a_note_that_is_torn_while_the_copy_is_made_is_a_warning_of_the_run(bench):
    bench.runs("web.service")

    with bench.around("stop-service web.service") as done:
        (bench.own_data / "steps" / "run-1.json").write_text("{torn")

    assert "do by hand what it names" in done.warnings[0]
    assert len(bench.context.errors) == 1


def test_nothing_is_stopped_that_could_not_be_noted_first(bench):
    bench.runs("web.service")
    (bench.own_data / "steps").write_text("a file where a folder has to be")

    with pytest.raises((StorageFailed, OSError)), bench.around("stop-service web.service"):
        pytest.fail("nothing may be copied")

    assert bench.is_running("web.service")


def test_a_step_that_takes_too_long_fails(bench):
    with (
        pytest.raises(EngineFailed, match="took longer than 1 s") as failed,
        bench.around("command before='/bin/sh -c \"exec tail -f /dev/null\"' seconds=1"),
    ):
        pytest.fail("nothing may be copied")

    assert failed.value.transient


def test_commands_are_run_before_and_after_without_a_shell(bench):
    before, after = bench.source / "before", bench.source / "after"

    with bench.around(
        {"do": "command", "before": ["touch", str(before)], "after": ["touch", f"{after} $HOME"]}
    ):
        during = (before.exists(), after.with_name("after $HOME").exists())

    assert during == (True, False)
    assert (bench.source / "after $HOME").exists()


# Dumps


@pytest.fixture(scope="module")
def postgresql():
    """A PostgreSQL of our own, reached by a socket in a folder; its user is who runs the tests, or postgres for root."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-pg-"))
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
    who = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    own: dict[str, Any] = (
        {"user": who, "group": pwd.getpwnam(who).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    )
    if own:
        shutil.chown(folder, who)

    def run(*argv):
        return subprocess.run(argv, check=True, capture_output=True, text=True, cwd=folder, **own).stdout

    run(
        binaries / "initdb",
        "--auth=trust",
        "--no-sync",
        "--no-instructions",
        "-U",
        "postgres",
        folder / "data",
    )
    options = f"-F -k {folder} -c listen_addresses='' -c max_connections=10"
    log = folder / "log"
    run(binaries / "pg_ctl", "start", "-w", "-D", folder / "data", "-l", log, "-o", options)
    try:
        sql = "create database photos; create role ana login password 'not for anybody'"
        for statement in sql.split("; "):
            run("psql", "-h", folder, "-U", "postgres", "-c", statement)
        run(
            "psql",
            "-h",
            folder,
            "-U",
            "postgres",
            "photos",
            "-c",
            "create table album as select 'Lisbon' as name",
        )
        yield folder
    finally:
        run(binaries / "pg_ctl", "stop", "-m", "immediate", "-D", folder / "data")
        shutil.rmtree(folder)


def test_a_postgresql_database_is_dumped_into_the_source_before_the_copy(bench, postgresql):
    dump = bench.source / "photos.sql"

    with bench.around(f"dump-postgresql {dump} database=photos host={postgresql} user=postgres"):
        text = dump.read_text()

    assert "Lisbon" in text
    assert dump.stat().st_mode & 0o777 == 0o600
    assert bench.files() == ["photos.sql"]


def test_all_databases_of_a_postgresql_are_dumped_with_their_roles(bench, postgresql):
    dump = bench.source / "all.sql"

    with bench.around(f"dump-postgresql {dump} host={postgresql} user=postgres"):
        text = dump.read_text()

    assert "Lisbon" in text
    assert "CREATE ROLE ana" in text


def test_a_dump_that_fails_leaves_the_one_before_and_nothing_is_copied(bench, postgresql):
    dump = bench.source / "photos.sql"
    dump.write_text("-- of yesterday")

    with (
        pytest.raises(EngineFailed, match='database "photoz" does not exist'),
        bench.around(f"dump-postgresql {dump} database=photoz host={postgresql} user=postgres"),
    ):
        pytest.fail("nothing may be copied")

    assert dump.read_text() == "-- of yesterday"
    assert bench.files() == ["photos.sql"]


def test_a_database_that_cannot_be_reached_may_be_reached_later(bench, tmp_path):
    with (
        pytest.raises(EngineFailed) as failed,
        bench.around(f"dump-postgresql {bench.source / 'x.sql'} database=photos host={tmp_path / 'nowhere'}"),
    ):
        pytest.fail("nothing may be copied")

    assert failed.value.transient


def test_an_sqlite_database_is_dumped_as_it_was_at_one_moment_while_others_write(bench, tmp_path):
    path, dump = tmp_path / "a base%20.db", bench.source / "photos.sqlite"
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60)
    writer.execute("pragma journal_mode = wal")
    writer.execute("create table pairs (one integer, other integer)")
    writer.execute("begin")
    writer.executemany("insert into pairs values (?, ?)", [(n, n) for n in range(20_000)])
    writer.execute("commit")
    ending = threading.Event()

    def write():
        number = 20_000
        while not ending.is_set():
            writer.execute("begin")
            writer.execute("insert into pairs values (?, null)", (number,))
            writer.execute("update pairs set other = one where one = ?", (number,))
            writer.execute("commit")
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with bench.around({"do": "dump-sqlite", "to": str(dump), "database": str(path)}):
            pass
    finally:
        ending.set()
        thread.join()
        writer.close()

    with contextlib.closing(sqlite3.connect(dump)) as copy:
        count, halves = copy.execute("select count(*), count(*) - count(other) from pairs").fetchone()
    assert count >= 20_000
    assert halves == 0


def test_what_is_no_database_is_not_dumped(bench, tmp_path):
    (tmp_path / "photos.db").write_text("not a database at all, but long enough to be looked at " * 100)

    with (
        pytest.raises(EngineFailed, match="file is not a database"),
        bench.around(f"dump-sqlite {bench.source / 'x.sqlite'} database={tmp_path / 'photos.db'}"),
    ):
        pytest.fail("nothing may be copied")

    assert bench.files() == []


def test_a_mariadb_is_dumped_with_its_password_in_a_file(bench):
    dump = bench.source / "wiki.sql"

    with bench.around(f"dump-mariadb {dump} database=wiki defaults_file=/etc/holdfast/wiki.cnf"):
        text = dump.read_text()

    words = bench.calls()[0].split()
    assert text == "-- a dump\n"
    assert words[:2] == ["mariadb-dump", "--defaults-extra-file=/etc/holdfast/wiki.cnf"]
    assert words[-2:] == ["--databases", "wiki"]


@pytest.mark.parametrize("kind", ["link", "a half dump that anybody may read"])
def test_what_lies_in_the_place_of_a_dump_is_not_written_to(bench, tmp_path, kind):
    dump, part = bench.source / "wiki.sql", bench.source / ".wiki.sql.holdfast.part"
    victim = tmp_path / "victim"
    victim.write_text("of somebody else")
    if kind == "link":
        part.symlink_to(victim)
    else:
        part.write_text("half")
        part.chmod(0o644)

    with bench.around(f"dump-mariadb {dump} database=wiki"):
        text, mode = dump.read_text(), dump.lstat().st_mode

    assert victim.read_text() == "of somebody else"
    assert (text, mode & 0o777) == ("-- a dump\n", 0o600)
    assert not dump.is_symlink()
    assert bench.files() == ["wiki.sql"]


def test_a_link_that_takes_the_place_of_a_dump_meanwhile_is_no_dump(bench):
    dump = bench.source / "wiki.sql"
    dump.write_text("-- of yesterday")
    swapped = 'for word; do case "$word" in --result-file=*) ln -s /etc/passwd "${word#--result-file=}" ;; esac; done'
    (bench.programs / "mariadb-dump").write_text(f"#!/bin/sh\n{swapped}\n")

    with (
        pytest.raises(EngineFailed, match="took the place of the dump"),
        bench.around(f"dump-mariadb {dump} database=wiki"),
    ):
        pytest.fail("nothing may be copied")

    assert dump.read_text() == "-- of yesterday"
    assert not dump.is_symlink()


# What people write


LINES = (
    "stop-container photoprism program=podman",
    "stop-service on_failure=warn nextcloud.service",
    "dump-postgresql '/srv/a b/p.sql' database=photos run_as=postgres",
    "dump-mariadb /srv/m.sql defaults_file=/etc/holdfast/my.cnf",
    "dump-sqlite /srv/x.db database=/srv/y.sqlite",
    "command 'before=fsfreeze -f /srv' 'after=fsfreeze -u /srv'",
)


def test_steps_are_written_as_lines_or_as_objects(bench):
    steps_in_lines = entered("\n".join(LINES))

    as_objects = [step.model_dump(mode="json") for step in steps_in_lines]

    assert entered(as_objects) == steps_in_lines
    assert as_text(as_objects).splitlines() == list(LINES)
    assert steps_in_lines[-1].before == ("fsfreeze", "-f", "/srv")


@pytest.mark.parametrize(
    "line",
    [
        "reboot now",
        "stop-service",
        "stop-service --force",
        "stop-service a b",
        "stop-container -f",
        "stop-container x program=bash",
        "dump-postgresql /srv/x.sql database=postgres://evil/x",
        "dump-postgresql /srv/x.sql database=-cfoo",
        "dump-postgresql /srv/x.sql 'host=a,b passfile=/x'",
        "dump-postgresql /etc/passwd",
        "dump-postgresql srv/x.sql",
        "dump-sqlite /srv/../etc/x.db database=/x",
        "dump-mariadb /srv/x.sql database=--result-file=/etc/x",
        "command before=../evil",
        "command before='a",
        "dump-sqlite /srv/x.db",
        7,
        {"do": ["stop-service"]},
    ],
)
def test_what_is_no_step_is_refused_in_words(line):
    with pytest.raises(ValidationError, match="Step 1"):
        StepWishes(steps=[line])


def test_a_dump_belongs_below_the_source_in_a_place_of_its_own(bench, tmp_path):
    (bench.source / "link.sql").symlink_to("/etc/passwd")
    lines = {
        f"dump-sqlite {tmp_path}/x.db database=/y.db": "must lie below the source",
        f"dump-sqlite {bench.source}/no/x.db database=/y.db": "There is no folder",
        f"dump-sqlite {bench.source}/link.sql database=/y.db": "no file that can be replaced",
        f"dump-sqlite {bench.source}/y.db database={bench.source}/y.db": "the database itself",
        f"dump-sqlite {bench.source}/x.db database=/y.db": "",
    }

    found = {line: steps.problems(StepWishes(steps=[line]), bench.source).get("steps", "") for line in lines}

    assert all(words in found[line] for line, words in lines.items())
    assert found[next(reversed(lines))] == ""


def test_a_dump_never_takes_the_place_of_a_database_or_of_another_dump(bench, tmp_path):
    (bench.source / "app.db").write_bytes(b"a database")
    (tmp_path / "by-link").symlink_to(bench.source)
    through_a_link = f"dump-sqlite {bench.source}/app.db database={tmp_path}/by-link/app.db"
    of_another_step = (
        f"dump-sqlite {bench.source}/copy.db database={bench.source}/app.db",
        f"dump-postgresql {bench.source}/app.db",
    )
    twice = (f"dump-postgresql {bench.source}/a.sql database=one", f"dump-mariadb {bench.source}/a.sql")

    found = [
        steps.problems(StepWishes(steps=list(lines)), bench.source).get("steps", "")
        for lines in ((through_a_link,), of_another_step, twice)
    ]

    assert "Step 1" in found[0]
    assert "Step 2" in found[1]
    assert all("is the database itself" in words for words in found[:2])
    assert found[2].endswith("a.sql is the dump of an earlier step.")


@pytest.mark.parametrize(
    ("line", "allowed"),
    [(line, False) for line in LINES if not line.startswith("dump-sqlite")]
    + [(LINES[4], True), ("dump-postgresql /srv/p.sql database=photos", True)],
)
def test_only_admins_make_jobs_whose_steps_run_commands(tmp_path, line, allowed):
    draft = JobDraft(name="photos", kind="stepped", options={"steps": [line]})
    surroundings = Surroundings(own_data=tmp_path)

    with acting_as(Actor(name="olga", admin=False)):
        refused = pytest.raises(Refused, match="Only admins") if not allowed else contextlib.nullcontext()
        with refused:
            checked(draft, make, surroundings)

    with acting_as(Actor(name="ana")):
        assert checked(draft, make, surroundings).kind == "stepped"
