"""What is said before, during and after is so."""

import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest

from core.copying.meter import Meter
from core.copying.mirror import broken_off
from core.copying.names import shown
from core.errors import EngineFailed


def test_how_long_still_is_not_said_where_it_cannot_be_told():
    asked = []
    meter = Meter("copy", total_bytes=0, total_files=15_000)

    meter.progress(0, 100, lambda rate: asked.append(rate) or 0.0)
    found = meter.progress(0, 7_500, lambda rate: asked.append(rate) or 0.0)

    assert (found.unit, found.eta_seconds) == ("files", None)
    assert asked == []


def test_how_long_still_is_said_of_files_when_nothing_comes_after_them():
    meter = Meter("verify", total_bytes=0, total_files=15_000)

    meter.progress(0, 100, None)
    found = meter.progress(0, 7_500, None)

    assert found.eta_seconds is not None
    assert found.eta_seconds > 0


def test_what_comes_after_is_added_where_bytes_are_counted():
    meter = Meter("copy", total_bytes=1_000, total_files=2)

    meter.progress(100, 0, lambda rate: 1_000_000.0)
    found = meter.progress(500, 1, lambda rate: 1_000_000.0)

    assert found.eta_seconds is not None
    assert found.eta_seconds > 1_000_000


def test_what_is_only_compared_is_not_said_to_be_copied(tree, new_context, backup):
    backup()
    (tree / "notes.txt").chmod(0o600)
    by_time, by_content = new_context(), new_context()

    backup(by_content, compare="content")
    (tree / "notes.txt").chmod(0o640)
    backup(by_time)

    assert "Nothing to copy; 4 files to compare by content, 75.0 kB." in by_content.infos
    assert "Nothing to copy; 1 file to be given its mode or owner." in by_time.infos
    assert by_content.warnings == by_time.warnings == []


def test_what_is_to_be_copied_is_said_with_its_size(tree, new_context, backup):
    context = new_context()

    backup(context)

    assert "5 files and links to copy, 75.0 kB." in context.infos


def test_a_long_path_is_shown_with_its_middle_left_out(tree, new_context, backup):
    deep = tree
    for _ in range(14):
        deep = deep / ("folder-" + "x" * 193)
        deep.mkdir()
    os.mkfifo(deep / "pipe")

    outcome = backup()

    (warning,) = outcome.warnings
    assert len(warning) < 400
    assert "folder-x" in warning
    assert " … " in warning
    assert "/pipe: it is a named pipe" in warning


def test_a_path_of_ordinary_length_is_shown_whole():
    assert shown(b"a/" * 100) == "a/" * 100
    assert len(shown(b"\xff" * 4000)) <= 300


def test_b3sum_takes_the_names_that_it_has_no_form_for(source, new_context, backup):
    for name in ("-", "carriage\rreturn", "end\r", "unknown \ufffd", "plain", "new\nline", "back\\slash"):
        (source / name).write_text(name)
    context = new_context()

    outcome = backup(context)

    manifest = context.workspace / "manifest.b3"
    argv = ["b3sum", "--check", "--quiet", os.fspath(manifest)]
    checked = subprocess.run(argv, cwd=source, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    assert outcome.result["manifest_files"] == 7
    assert len(manifest.read_bytes().split(b"\n")) == 5
    assert len(manifest.with_name("manifest.b3.raw-names").read_bytes().split(b"\n")) == 4


def children():
    """Return the processes that this one has started."""
    return [
        int(child)
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def test_a_process_that_is_killed_is_named_as_such(tree, new_context, backup):
    (tree / "large.bin").write_bytes(os.urandom(24 << 20))
    before = set(children())
    waiting = [signal.SIGKILL]

    def kill_one(progress):
        if progress.stage == "copy" and waiting:
            for child in set(children()) - before:
                os.kill(child, waiting[0])
            waiting.clear()

    with pytest.raises(EngineFailed) as failed:
        backup(new_context(ask=kill_one), bandwidth_limit=8_000_000)

    assert str(failed.value).startswith(
        "The copy broke off: one of its processes was killed from outside (SIGKILL). "
    )
    assert "memory" in failed.value.hint
    assert failed.value.transient


def test_what_holdfast_could_not_keep_is_named():
    error = OSError(errno.EACCES, os.strerror(errno.EACCES), "/data/runs/copy/plan")

    assert str(broken_off(error)) == (
        "Holdfast could not keep its own notes, or start its processes: /data/runs/copy/plan: permission denied."
    )
