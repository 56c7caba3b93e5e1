"""rsync as a kind of job: run for real, to folders of this machine and over a server of ssh of the tests' own."""

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from core.engines import engine_for
from core.engines.rsync import RsyncEngine
from core.errors import EngineFailed, InvalidOptions, Unreachable
from core.remotes.rsync_unfinished import NOTE
from core.work import LeftAtWork, RunHeld, RunStopped
from tests.core.copying.humble import PUT_DOWN
from tests.doubles import ScriptedContext
from tests.servers import SomeDestinations, sshd_at

OLD = 1_600_000_000


def write(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write files below a folder, whose times are long ago."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (OLD, OLD))
    return folder


def read(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, but for the marker that the guards lay there."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in files.items() if not name.endswith(".holdfast-destination")}


class Place:
    """A source, and a destination that the kind can reach; `copy` is where the files of it are."""

    def __init__(self, tmp_path: Path, sshd=None) -> None:
        self._tmp_path = tmp_path
        self.source = tmp_path / "source"
        self.source.mkdir()
        self.root = tmp_path / "root"
        self.root.mkdir()
        self.known = SomeDestinations(tmp_path / "data")
        self.copy = self.root / "photos"
        if sshd is None:
            self.name = str(self.copy)
        else:
            self.known.add("nas", "ssh", sshd.settings(self.root), key=sshd.key.read_text())
            self.name = "nas:photos"
        self._runs = 0

    def engine(self, **options) -> RsyncEngine:
        given = {"source": str(self.source), "destination": self.name, "guard_changes": False}
        engine = engine_for("rsync", given | options)
        assert isinstance(engine, RsyncEngine)
        return engine

    def context(self, kind=ScriptedContext, **script) -> ScriptedContext:
        self._runs += 1
        workspace = self._tmp_path / f"run-{self._runs}"
        workspace.mkdir()
        data = self._tmp_path / "data"
        data.mkdir(exist_ok=True)
        context = kind(workspace, own_data=data, **script)
        context.surroundings = replace(context.surroundings, destinations=self.known)
        return context

    def run(self, **options):
        return self.engine(**options).run(self.context())


@pytest.fixture(params=["folder", "ssh"])
def place(request, tmp_path, sshd):
    return Place(tmp_path, sshd if request.param == "ssh" else None)


@pytest.fixture
def here(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def there(tmp_path, sshd):
    return Place(tmp_path, sshd)


def test_what_is_new_or_changed_is_carried_and_read_back(place):
    write(place.source, {"a": "1", "b/c": "2", "b/d/e": "3" * 100_000})

    first = place.run()
    again = place.run()
    write(place.source, {"a": "other", "new": "4"})
    changed = place.run()

    assert read(place.copy) == read(place.source)
    assert [run.result["copied"] for run in (first, again, changed)] == [3, 0, 2]
    assert [run.result["verified"] for run in (first, again, changed)] == [True, True, True]
    assert first.result["files"] == 3
    assert not changed.warnings


def test_a_changed_file_of_equal_or_smaller_size_is_updated(place):
    write(place.source, {"equal": "new", "smaller": "x" * 10})
    write(place.copy, {"equal": "old", "smaller": "y" * 1000, "smaller still": ""})
    os.utime(place.copy / "equal", (OLD - 10, OLD - 10))

    outcome = place.run()

    assert read(place.copy) == read(place.source) | {"smaller still": b""}
    assert outcome.result["verified"] is True


def test_names_that_are_hard_to_say_are_carried(place):
    odd = [
        "-rf",
        "--delete",
        "a b",
        "'q'",
        '"q"',
        "$(id)",
        "a\nb",
        "é",
        "*",
        "[x]",
        "\\",
        ":x",
        "100% (xfr#9)",
        "!a",
    ]
    write(place.source, {name: name for name in odd} | {f"d {name}/x": "1" for name in odd})
    (place.source / os.fsdecode(b"latin-\xe9")).write_text("not UTF-8")

    outcome = place.run()

    assert read(place.copy) == read(place.source)
    assert outcome.result["verified"] is True
    assert outcome.result["copied"] == 2 * len(odd) + 1


def test_patterns_leave_out_for_the_copy_and_for_the_proof_alike(here):
    write(
        here.source, {"keep.jpg": "1", "no.tmp": "2", "cache/x": "3", "sub/no.tmp": "4", "sub/yes.tmp": "5"}
    )

    outcome = here.run(exclude=["*.tmp", "/cache/"], include=["yes.tmp"])

    assert set(read(here.copy)) == {"keep.jpg", "sub/yes.tmp"}
    assert (outcome.result["verified"], outcome.result["files"]) == (True, 2)


def test_what_is_ours_is_never_carried(here):
    write(
        here.source,
        {"a": "1", ".holdfast-quarantine/run/x": "2", ".holdfast-source": "3", "b/.holdfast-partial/y": "4"},
    )

    outcome = here.run()

    assert set(read(here.copy)) == {"a"}
    assert outcome.result["verified"] is True


def test_a_flipped_bit_at_the_destination_is_caught(place):
    write(place.source, {"good": "1", "hurt": "1" * 1000})
    write(place.copy, {"good": "1", "hurt": "1" * 500 + "0" + "1" * 499})

    with pytest.raises(EngineFailed) as failed:
        place.run()

    assert "hurt" in str(failed.value)
    assert not (failed.value.result or {}).get("verified")


def test_nothing_is_removed_unless_it_is_a_mirror(here):
    write(here.source, {"a": "1"})
    write(here.copy, {"extra": "2"})

    here.run()

    assert set(read(here.copy)) == {"a", "extra"}


def test_a_mirror_keeps_what_it_removes_and_replaces(place):
    write(place.source, {"a": "new content"})
    write(place.copy, {"a": "old", "gone/extra": "2", ".holdfast-destination": "{}"})

    outcome = place.run(mirror=True)

    assert set(read(place.copy)) == {"a"}
    assert (place.copy / ".holdfast-destination").exists()
    kept = read(place.root / "photos.holdfast-replaced")
    assert {name.split("/", 1)[1]: content for name, content in kept.items()} == {
        "a": b"old",
        "gone/extra": b"2",
    }
    assert outcome.result["removed"] >= 1


def test_a_plain_copy_leaves_links_out_and_says_so(here):
    write(here.source, {"a": "1"})
    (here.source / "link").symlink_to("a")

    outcome = here.run(preset="plain")

    assert set(read(here.copy)) == {"a"}
    assert outcome.result["verified"] is True
    assert "1 symbolic link was not looked at" in outcome.result["verification"]["sentence"]
    assert outcome.warnings == ("1 special file or link was left out.",)


def test_a_mirror_that_would_remove_more_than_usual_removes_nothing_before_it_asks(place):
    write(place.source, {str(number): "1" for number in range(100)})
    before, context = place.context(), place.context()
    place.engine(mirror=True, guard_changes=True).run(before)
    context.notes = before.notes
    for number in range(80):
        (place.source / str(number)).unlink()

    with pytest.raises(RunHeld) as held:
        place.engine(mirror=True, guard_changes=True).run(context)

    assert "would remove 80 files" in held.value.question.sentence
    assert "it may remove 10 without asking" in held.value.question.sentence
    assert held.value.question.admin_only
    assert len(read(place.copy)) == 100
    assert not (place.root / "photos.holdfast-replaced").exists()


def test_a_mirror_removes_no_more_than_its_budget(here):
    write(here.source, {"a": "1"})
    write(here.copy, {f"extra-{number}": "x" for number in range(10)})

    outcome = here.run(mirror=True, remove_most=3)

    assert len(read(here.copy)) == 1 + 7
    assert "the rest stayed there" in outcome.warnings[0]


def test_trying_names_what_a_run_would_do_and_does_nothing(place):
    write(place.source, {"a": "new", "b": "2", "c/d": "3"})
    write(place.copy, {"a": "old one", "extra": "x", "b": "2"})
    before = read(place.root)

    outcome = place.engine(mirror=True).rehearse(place.context())

    assert read(place.root) == before
    assert sorted(map(tuple, outcome.result["changes"])) == [
        ("changed", "a"),
        ("new", "c/"),
        ("new", "c/d"),
        ("removed", "extra"),
    ]
    assert (outcome.result["new"], outcome.result["changed"], outcome.result["removed"]) == (2, 1, 1)
    assert "change 1 and remove 1" in outcome.result["sentence"]


def test_trying_a_copy_whose_place_is_not_there_yet_makes_nothing(here):
    write(here.source, {"a": "1"})

    outcome = here.engine().rehearse(here.context())

    assert outcome.result["new"] == 1
    assert list(here.root.iterdir()) == []


def test_a_destination_that_is_not_there_is_not_made(there):
    write(there.source, {"a": "1"})
    there.root.rmdir()

    with pytest.raises(EngineFailed) as failed:
        there.run()

    assert failed.value.code == "missing"
    assert not there.root.exists()


def test_a_place_below_a_destination_is_made(there):
    write(there.source, {"a": "1"})

    outcome = there.run(destination="nas:deep/er/folder")

    assert read(there.root) == {"deep/er/folder/a": b"1"}
    assert outcome.result["verified"] is True


def test_a_cancelled_copy_ends_and_goes_on_where_it_was(here):
    write(here.source, {"big": os.urandom(3_000_000)})
    context = here.context(ask=lambda progress: "cancel" if progress.stage == "copy" else None)

    with pytest.raises(RunStopped):
        here.engine(bandwidth_limit=500_000).run(context)
    ended = not rsyncs_of(here)
    outcome = here.run()

    assert ended
    assert read(here.copy) == read(here.source)
    assert outcome.result["verified"] is True


def rsyncs_of(place) -> list[psutil.Process]:
    """Return the rsync processes that have to do with a place."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "rsync" and str(place.root.parent) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


class LeavesAtWork(ScriptedContext):
    """A context whose server is killed as soon as the copy has begun; the program stays at work."""

    killed = False

    @property
    def asked(self):
        if self.killed:
            raise LeftAtWork

    @asked.setter
    def asked(self, value):
        """It is asked nothing else."""

    def report(self, progress, checkpoint=None):
        self.killed = self.killed or progress.stage == "copy"


def test_a_copy_that_outlives_the_server_is_taken_up(here):
    write(here.source, {"big": os.urandom(1_500_000)})
    context = here.context(kind=LeavesAtWork)
    engine = here.engine(bandwidth_limit=500_000)

    with pytest.raises(LeftAtWork):
        engine.run(context)
    at_work = rsyncs_of(here)
    taken_up = context.again()
    taken_up.attempt = context.attempt
    outcome = engine.run(taken_up)

    assert at_work
    assert [path.parent.name for path in here.root.parent.rglob("copy/status")] == ["copy"]
    assert outcome.result["copied"] == 1
    assert outcome.result["verified"] is True


def test_a_rsync_that_is_killed_is_tried_again_and_goes_on(here):
    write(here.source, {"big": os.urandom(3_000_000)})

    def kill(progress):
        for process in rsyncs_of(here):
            process.send_signal(signal.SIGKILL)

    with pytest.raises(EngineFailed) as failed:
        here.engine(bandwidth_limit=500_000).run(here.context(ask=kill))
    outcome = here.run()

    assert failed.value.transient
    assert outcome.result["verified"] is True


def test_what_a_killed_rsync_leaves_goes_with_the_next_run_and_nothing_else_does(here):
    write(here.source, {"big": os.urandom(3_000_000), "sub/small": "1"})
    theirs = {".big.abc123": "of long ago", ".other.abc123": "of no file", "sub/.small.abcdef": "open to all"}
    write(here.copy, theirs)
    (here.copy / ".big.abc123").chmod(0o600)

    def kill(progress):
        for name in (".other.abc123", "sub/.small.abcdef"):
            os.utime(here.copy / name)
        (here.copy / ".other.abc123").chmod(0o600)
        found = rsyncs_of(here) if progress.done else []
        for process in found:  # all at once: one that sees another end tidies up
            process.suspend()
        for process in found:
            process.kill()

    killed = here.context(ask=kill)
    with pytest.raises(EngineFailed):
        here.engine(bandwidth_limit=500_000).run(killed)
    left = {path.name for path in here.copy.rglob(".big.*")} - set(theirs)
    context = here.context()
    context.notes, context.attempt = killed.notes, 2
    outcome = here.engine().run(context)

    assert len(left) == 1
    assert read(here.copy) == read(here.source) | {name: text.encode() for name, text in theirs.items()}
    assert outcome.result["verified"] is True
    assert any("1 unfinished file" in line for line in context.infos)
    assert not context.notes[NOTE]


def test_a_connection_that_is_cut_in_the_middle_is_tried_again_and_goes_on(tmp_path):
    (tmp_path / "sshd").mkdir()
    with sshd_at(tmp_path / "sshd") as server:
        there = Place(tmp_path, server)
        write(there.source, {"big": os.urandom(3_000_000)})
        cut = threading.Event()

        def cut_once(progress):
            if progress.done and not cut.is_set():
                cut.set()
                server.cut_all()

        with pytest.raises(Unreachable) as failed:
            there.engine(bandwidth_limit=500_000).run(there.context(ask=cut_once))
        outcome = there.run()

    assert "broke off in the middle" in str(failed.value)
    assert outcome.result["verified"] is True


class WithoutPowers(ScriptedContext):
    """A context whose programs may not read what nobody may read, even where the tests run as root."""

    def execute(self, order, *args, **named):
        return super().execute(replace(order, argv=(*PUT_DOWN, *order.argv)), *args, **named)


def test_an_unreadable_source_file_is_named_and_nothing_counts_as_verified(here):
    write(here.source, {"a": "1", "b": "2", "c/d": "3"})
    here.run()
    for closed in ("b", "c"):
        (here.source / closed).chmod(0)
    context = here.context(kind=WithoutPowers)

    with pytest.raises(EngineFailed) as failed:
        here.engine(compare="content").run(context)

    (here.source / "c").chmod(0o755)
    assert str(failed.value).startswith("2 could not be copied: ")
    assert {"b", "c"} <= set((failed.value.result or {})["not_copied"])
    assert failed.value.code == "partial"
    assert not failed.value.transient
    assert "verified" not in (failed.value.result or {})


def test_a_destination_that_may_not_be_written_is_said_so(here):
    write(here.source, {"a": "1"})
    here.root.chmod(0o555)
    context = here.context(kind=WithoutPowers)

    with pytest.raises(EngineFailed) as failed:
        here.engine().run(context)

    assert str(failed.value).startswith("The folder may not be entered or written by this user.")
    assert failed.value.code == "refused"
    assert not failed.value.transient


def test_progress_is_told_in_percent_bytes_rate_and_files(here):
    write(here.source, {f"file-{number}": os.urandom(200_000) for number in range(10)})
    context = here.context()

    here.engine(bandwidth_limit=2_000_000).run(context)

    told = [
        progress for progress in context.reported if progress.stage == "copy" and progress.percent is not None
    ]
    assert told
    assert told[-1].done > 0
    assert told[-1].rate
    assert [progress.percent for progress in told] == sorted(progress.percent for progress in told)


def test_ten_thousand_files_are_carried_and_proved(here):
    write(here.source, {f"{number % 100}/{number}": str(number) for number in range(10_000)})

    outcome = here.run()

    assert (outcome.result["copied"], outcome.result["files"], outcome.result["verified"]) == (
        10_000,
        10_000,
        True,
    )


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"destination": "nowhere:x"}, "destination"),
        ({"exclude": ["?????"]}, "exclude"),
        ({"include": ["a\tb"]}, "include"),
        ({"exclude": ["[z-a]"]}, "exclude"),
    ],
)
def test_options_that_cannot_work_are_refused_by_field(here, options, field):
    with pytest.raises(InvalidOptions) as refused:
        here.run(**options)

    assert list(refused.value.problems) == [f"options.{field}"]


def test_a_mirror_needs_a_folder_of_its_own(there):
    with pytest.raises(InvalidOptions) as refused:
        there.run(mirror=True, destination="nas")

    assert "a folder of its own" in refused.value.problems["options.mirror"]


def test_the_program_is_never_told_to_append_or_to_take_from_the_source(here):
    engine = here.engine(mirror=True, preset="system", compress=True, sparse=True, delete_source=True)

    (command,) = engine.command_in_words(here.context().surroundings)

    assert "--append" not in command
    assert "--inplace" not in command
    assert "--remove-source-files" not in command
    assert " -- " in command


def test_a_plain_copy_expects_no_links_at_the_destination(here):
    write(here.source, {"a": "1"})
    (here.source / "link").symlink_to("a")

    outcome = here.run(preset="plain")

    assert outcome.result["verified"]
    assert not (here.copy / "link").is_symlink()
