"""A copy can be stopped at any moment, and goes on where it was."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.errors import EngineFailed
from core.work import RunStopped

PROGRAM = Path(__file__).parent / "programs" / "back_up.py"
ROOT = Path(__file__).parents[3]
SLOW = 4 << 20
PARTS = ".holdfast-*.part"


@pytest.fixture
def large_tree(tree):
    (tree / "large.bin").write_bytes(os.urandom(6 << 20))
    return tree


def half_way_in(stage, asked):
    """Answer the wish as soon as something of the stage has been done."""
    return lambda progress: asked if progress.stage == stage and progress.done > 600_000 else None


def assert_nothing_is_half_written(source, destination):
    for path in destination.rglob("[!.]*"):
        if path.is_file() and not path.is_symlink():
            assert path.read_bytes() == (source / path.relative_to(destination)).read_bytes()


@pytest.mark.parametrize("wish", ["pause", "leave"])
def test_a_pause_in_the_middle_of_a_large_file_goes_on_where_it_was(
    large_tree, destination, wish, new_context, backup, assert_same
):
    context = new_context(ask=half_way_in("copy", wish))
    with pytest.raises(RunStopped):
        backup(context, bandwidth_limit=SLOW)
    part = next(destination.glob(PARTS))
    done = part.stat().st_size
    inode = part.stat().st_ino

    again = context.again()
    outcome = backup(again)

    assert done > 0
    assert (destination / "large.bin").stat().st_ino == inode
    percents = [report.percent for report in again.reported if report.stage == "copy"]
    assert percents == sorted(percents)
    assert percents[0] >= context.reported[-1].percent
    assert outcome.result["verified"]
    assert not list(destination.glob(PARTS))
    assert_same()


def test_a_pause_in_the_proof_goes_on_where_it_was(tree, new_context, backup):
    for name in ("a", "b", "c", "d"):
        (tree / name).mkdir()
        (tree / name / "file").write_bytes(os.urandom(600_000))
    backup(verify="fast")
    context = new_context(ask=half_way_in("verify", "pause"))
    with pytest.raises(RunStopped):
        backup(context, bandwidth_limit=1 << 20)

    again = context.again()
    outcome = backup(again)

    percents = [report.percent for report in again.reported if report.stage == "verify"]
    assert percents == sorted(percents)
    assert percents[0] >= context.reported[-1].percent
    assert not [report for report in again.reported if report.stage == "scan"]
    assert outcome.result["verification"]["files"] == 8


def test_a_part_of_a_source_that_changed_meanwhile_is_thrown_away(
    large_tree, destination, new_context, backup, assert_same
):
    context = new_context(ask=half_way_in("copy", "pause"))
    with pytest.raises(RunStopped):
        backup(context, bandwidth_limit=SLOW)
    (large_tree / "large.bin").write_bytes(os.urandom(6 << 20))

    outcome = backup()

    assert outcome.result["verified"]
    assert not list(destination.glob(PARTS))
    assert_same()


def test_a_cancel_leaves_nothing_half_written_under_a_final_name(
    large_tree, destination, new_context, backup
):
    context = new_context(ask=half_way_in("copy", "cancel"))

    with pytest.raises(RunStopped) as stopped:
        backup(context, bandwidth_limit=SLOW)

    assert stopped.value.asked == "cancel"
    assert not (destination / "large.bin").exists()
    assert_nothing_is_half_written(large_tree, destination)


def test_a_wish_that_came_before_the_start_is_heard(tree, destination, new_context, backup):
    context = new_context()
    context.asked = "cancel"

    with pytest.raises(RunStopped):
        backup(context)

    assert not destination.exists()


def test_a_killed_run_leaves_no_process_and_is_completed_by_the_next_attempt(
    large_tree, destination, new_context, backup, assert_same
):
    context = new_context()
    options = json.dumps({"bandwidth_limit": SLOW})
    program = subprocess.Popen(
        [sys.executable, PROGRAM, large_tree, destination, context.workspace, options],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    with program:
        for line in program.stdout or ():
            said = json.loads(line)
            if said.get("stage") == "copy" and said["done"] > 600_000:
                break
        crew = psutil.Process(program.pid).children(recursive=True)
        program.kill()
    _, alive = psutil.wait_procs(crew, timeout=10)
    nothing_half_written_after_the_kill = not (destination / "large.bin").exists()

    outcome = backup(context.again())

    assert crew
    assert alive == []
    assert nothing_half_written_after_the_kill
    assert outcome.result["verified"]
    assert not list(destination.glob(PARTS))
    assert_same()


def is_of_the_crew(process):
    """Tell whether a child is a copy's own, and no server of other tests'."""
    try:
        return "core.copying.child" in str(process.cmdline())
    except psutil.Error:
        return False


def test_a_member_of_the_crew_that_is_killed_fails_the_attempt_and_not_the_next(
    large_tree, new_context, backup, assert_same
):
    killed = []

    def kill_one(progress):
        if progress.stage == "copy" and progress.done > 600_000 and not killed:
            killed.append(next(filter(is_of_the_crew, psutil.Process().children())))
            killed[0].kill()

    with pytest.raises(EngineFailed, match="The copy broke off") as failed:
        backup(new_context(ask=kill_one), bandwidth_limit=SLOW)

    assert failed.value.transient
    assert (failed.value.result or {})["verified"] is False
    assert backup().result["verified"]
    assert_same()


def test_a_torn_journal_costs_only_its_last_line(large_tree, new_context, backup, assert_same):
    for number in range(20):
        (large_tree / f"folder-{number:02}").mkdir()
        (large_tree / f"folder-{number:02}" / "file").write_bytes(os.urandom(1000))
    context = new_context(ask=half_way_in("copy", "pause"))
    with pytest.raises(RunStopped):
        backup(context, bandwidth_limit=SLOW)
    journal = context.workspace / "copy" / "copied"
    os.truncate(journal, max(0, journal.stat().st_size - 3))

    outcome = backup(context.again())

    assert outcome.result["copied"] == 25
    assert_same()


def test_progress_tells_stage_amount_rate_and_time_left(large_tree, new_context, backup):
    context = new_context()

    backup(context, bandwidth_limit=SLOW)

    stages = list(dict.fromkeys(report.stage for report in context.reported))
    copying = [report for report in context.reported if report.stage == "copy"]
    assert stages == ["scan", "copy", "verify"]
    assert [report.percent for report in copying] == sorted(report.percent for report in copying)
    assert copying[-1].percent == 100
    assert any(report.rate and report.eta_seconds for report in copying)
    assert copying[-1].message == "6 of 6 files"


def test_a_limit_holds_all_members_together(large_tree, new_context, backup):
    (large_tree / "music" / "large.bin").write_bytes(os.urandom(3 << 20))
    context = new_context()

    outcome = backup(context, bandwidth_limit=SLOW, verify="fast")

    seconds = outcome.result["seconds"]["copy"]
    assert outcome.result["copied_bytes"] / seconds < 1.3 * SLOW
