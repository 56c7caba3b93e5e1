"""The limit by the clock, for each kind that copies."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.copying.paces import here
from core.engines import engine_for
from core.engines.rsync import RsyncEngine
from core.errors import InvalidOptions
from core.processes.orders import Exit
from core.work import RunStopped
from tests.doubles import ScriptedContext


class Hurried(RsyncEngine):
    """An rsync whose limit goes away a second after it began."""

    def rate_now(self, otherwise):
        return None if self.went_on() else 500_000

    def seconds_at_this_rate(self, otherwise):
        return None if self.went_on() else 1.0

    def went_on(self):
        return Path(self.destination).with_name("begun").exists()


class SayingContext(ScriptedContext):
    """A run that leaves a mark once it said something."""

    def info(self, message):
        super().info(message)
        (self.workspace.parent / "begun").touch()


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "workspace").mkdir()
    (tmp_path / "own").mkdir()
    return tmp_path / "workspace"


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(os.urandom(3_000_000))
    return tmp_path / "source"


@pytest.mark.parametrize("kind", ["copy", "rsync", "rclone", "restic", "several"])
def test_a_line_of_the_timetable_that_is_wrong_is_told_by_its_field(kind):
    options = {"source": "/a", "destination": "/b", "bandwidth_times": ["mon 8 to 9 slow"]}

    with pytest.raises(InvalidOptions) as refused:
        engine_for(kind, options)

    assert any("write a line such as" in words.lower() for words in refused.value.problems.values())


def test_at_a_change_of_the_limit_a_program_is_started_again_and_takes_up_what_it_has(
    source, workspace, tmp_path
):
    (source / "a small one that is done before").write_bytes(bytes(100))
    engine = Hurried(source=source, destination=str(tmp_path / "copy"))
    context = SayingContext(workspace, own_data=tmp_path / "own")

    outcome = engine.run(context)

    assert outcome.result["verified"]
    assert (outcome.result["copied"], outcome.result["copied_bytes"]) == (2, 3_000_100)
    assert any("The limit changes" in line for line in context.infos)
    assert {"copy", "copy-2"} <= {path.name for path in (workspace / "attempt-1").iterdir()}


def test_a_run_that_is_out_of_time_is_not_started_again(workspace, tmp_path):
    engine = engine_for("rsync", {"source": "/a", "destination": "/b"})
    assert isinstance(engine, RsyncEngine)
    context = ScriptedContext(workspace, own_data=tmp_path / "own")
    begun = []

    def start(name: str, seconds: float | None) -> Exit:
        begun.append(name)
        context.asked = "timeout"
        raise RunStopped("timeout")

    with pytest.raises(RunStopped):
        engine.paced(context, start)

    assert begun == ["copy"]


def test_the_built_in_copy_goes_by_the_clock(source, workspace, tmp_path):
    now = here(SystemClock().now())
    before, after = (now - timedelta(hours=2)).strftime("%H:%M"), (now + timedelta(hours=2)).strftime("%H:%M")
    options = {"source": str(source), "destination": str(tmp_path / "copy"), "bandwidth_limit": "1 KiB/s"}
    engine = engine_for("copy", {**options, "bandwidth_times": [f"{before}-{after} off"]})

    outcome = engine.run(ScriptedContext(workspace, own_data=tmp_path / "own"))

    assert outcome.result["verified"]


@pytest.mark.parametrize(
    ("kind", "told"), [("rsync", "--bwlimit=976"), ("rclone", "--bwlimit Mon-00:00,1000000B ")]
)
def test_programs_are_told_the_limit_of_the_moment_or_the_whole_timetable(
    kind, told, source, workspace, tmp_path
):
    options = {"source": str(source), "destination": str(tmp_path / "copy")}
    engine = engine_for(kind, {**options, "bandwidth_times": ["00:00-24:00 1 MB/s"]})

    (command,) = engine.command_in_words(ScriptedContext(workspace, own_data=tmp_path / "own").surroundings)

    assert told in command
