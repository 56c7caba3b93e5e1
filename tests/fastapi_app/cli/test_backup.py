import filecmp
import json
import os
import signal
import subprocess

import pytest

from core.listing import JobQuery
from core.service import Service
from core.settings import Settings
from core.states import RunState


def differences(one, other):
    """Return what `diff` finds between two trees, links not followed."""
    return subprocess.run(
        ["diff", "-r", "--no-dereference", "--exclude=.holdfast-destination", one, other],
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.fixture
def kept(data):
    """Look into the store after the command has ended."""

    def look():
        with Service(Settings(data=data)).opened(at_work=True) as service:
            (item,) = service.manager.list_jobs(JobQuery(limit=None)).items
            return item.job, service.manager.runs_of(item.job.id)

    return look


@pytest.fixture
def large_source(tmp_path):
    """A file that takes long at a limited rate."""
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "film.mp4").write_bytes(os.urandom(24_000_000))
    return folder


def until_it_copies(process):
    """Read the command's lines until it is in the middle of copying; return them."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Copy") and "%" in line and " 0%" not in line:
            break
    return lines


def test_a_backup_by_command_is_verified_and_kept(holdfast, source, destination, kept):
    answer = holdfast("backup", source, destination)

    job, (run,) = kept()
    assert answer.returncode == 0
    assert "keeps its data in" in answer.stderr
    assert differences(source, destination) == ""
    assert (run.state, run.result["verified"]) == (RunState.COMPLETED, True)
    assert run.result["verification"]["sentence"] in answer.stdout
    assert (job.kind, job.options["source"]) == ("copy", str(source))


def test_one_file_is_told_of_as_one(holdfast, tmp_path, destination):
    folder = tmp_path / "single"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")

    answer = holdfast("backup", folder, destination)

    assert "Copied 1 file, 4 B; 0 unchanged." in answer.stdout
    assert "The only file was read back from the destination" in answer.stdout


def test_a_second_backup_by_command_moves_nothing(holdfast, source, destination, kept):
    holdfast("backup", source, destination)
    before = (destination / "notes.txt").stat()

    answer = holdfast("backup", source, destination)

    _, (second, first) = kept()
    assert answer.returncode == 0
    assert (second.number, second.result["copied"], first.result["copied"]) == (2, 0, 6)
    assert (destination / "notes.txt").stat() == before


def test_progress_in_a_pipe_is_plain_lines(holdfast, source, destination):
    answer = holdfast("backup", source, destination)

    assert answer.stdout.isascii()
    assert all(line.isprintable() for line in answer.stdout.splitlines())
    assert len(answer.stdout.splitlines()) >= 2


def test_the_answer_for_machines_is_one_json_document(holdfast, source, destination):
    answer = holdfast("backup", source, destination, "--json")

    run = json.loads(answer.stdout)
    assert (run["state"], run["result"]["verified"]) == ("completed", True)


def test_a_copy_that_was_not_read_back_does_not_exit_with_0(holdfast, source, destination):
    answer = holdfast("backup", source, destination, "--verify", "fast")

    assert answer.returncode == 3
    assert "verified" not in answer.stdout.lower().replace("not verified", "")
    assert differences(source, destination) == ""


def test_a_backup_that_left_something_unsafe_names_it(holdfast, source, destination):
    (destination / "notes.txt").mkdir(parents=True)

    answer = holdfast("backup", source, destination)

    assert answer.returncode == 1
    assert "notes.txt" in answer.stdout
    assert (destination / "notes.txt").is_dir()
    assert not filecmp.dircmp(source / "2019", destination / "2019").left_only


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{base}/nowhere", "{base}/copy"], "nowhere"),
        (["{source}", "{source}/inside"], "inside"),
        (["{source}", "{source}"], "itself"),
        (["{source}", "{base}/copy", "--engine", "teleport"], "teleport"),
        (["{source}", "{base}/copy", "--data", "{source}/notes.txt"], "data"),
    ],
)
def test_what_cannot_begin_is_refused_in_words(holdfast, source, tmp_path, words, said):
    answer = holdfast("backup", *(word.format(base=tmp_path, source=source) for word in words))

    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.strip().splitlines()) >= 2
    assert not (tmp_path / "copy").exists()


def test_a_backup_that_was_interrupted_by_hand_goes_on_the_next_time(
    argv, environment, holdfast, large_source, destination, kept
):
    process = subprocess.Popen(
        argv("backup", large_source, destination, "--bandwidth-limit", "4000000"),
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until_it_copies(process)

    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    second = holdfast("backup", large_source, destination)

    assert process.returncode == 130
    assert second.returncode == 0
    assert differences(large_source, destination) == ""
    assert {path.name for path in destination.iterdir()} == {"film.mp4", ".holdfast-destination"}


def test_nobody_waits_for_a_run_that_nobody_carries_out(
    argv, environment, holdfast, large_source, destination
):
    process = subprocess.Popen(
        argv("backup", large_source, destination, "--bandwidth-limit", "8000000"),
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until_it_copies(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    name = f"{large_source} to {destination}"

    watch, log = holdfast("job", "watch", name), holdfast("job", "log", "-f", name)
    cancel, delete = holdfast("job", "cancel", name), holdfast("job", "delete", "--yes", name)

    assert (watch.returncode, log.returncode) == (2, 0)
    assert "no Holdfast is running" in watch.stderr
    assert (cancel.stdout, delete.returncode) == ("Run 1 is cancelled.\n", 0)


def test_a_backup_that_was_killed_goes_on_the_next_time(
    argv, environment, holdfast, large_source, destination, kept
):
    words = ["backup", large_source, destination, "--bandwidth-limit", "8000000"]
    process = subprocess.Popen(
        argv(*words), env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    until_it_copies(process)

    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    second = holdfast(*words)

    _, (run,) = kept()
    assert second.returncode == 0, second.stdout + second.stderr
    assert (run.state, run.attempt) == (RunState.COMPLETED, 2)
    assert differences(large_source, destination) == ""


def test_a_limit_by_command_may_be_written_in_words(holdfast, source, destination, kept):
    answer = holdfast("backup", source, destination, "--bandwidth-limit", "10 MB/s")

    job, _ = kept()
    assert answer.returncode == 0
    assert job.options["bandwidth_limit"] == 10_000_000


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("fast", "Write a rate such as 10 MB/s or 512 KiB/s"),
        ("1 B/s", "This must be 1024 or more"),
        ("-5", "Write a rate"),
    ],
)
def test_a_limit_by_command_that_is_none_is_refused_in_our_words(limit, words, holdfast, source, destination):
    answer = holdfast("backup", source, destination, f"--bandwidth-limit={limit}")

    assert answer.returncode == 2
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not destination.exists()


def test_a_backup_by_rsync_is_verified_and_kept(holdfast, source, destination, kept):
    answer = holdfast("backup", source, destination, "--engine", "rsync", "--option", "preset=plain")

    job, (run,) = kept()
    assert answer.returncode == 0, answer.stderr
    assert differences(source, destination) == ""
    assert (run.state, run.result["verified"]) == (RunState.COMPLETED, True)
    assert (job.kind, job.options["preset"]) == ("rsync", "plain")


def test_an_option_of_an_engine_is_given_by_name(holdfast, source, destination):
    unknown = holdfast("backup", source, destination, "--engine", "rsync", "--option", "append=true")
    odd = holdfast("backup", source, destination, "--option", "source=/etc")
    place = holdfast("backup", source, "nas:photos", "--engine", "rsync")

    assert [answer.returncode for answer in (unknown, odd, place)] == [2, 2, 2]
    assert "There is no such option" in unknown.stderr
    assert "has an option of its own" in odd.stderr
    assert "There is no destination 'nas'" in place.stderr
