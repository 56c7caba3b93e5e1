import json
import subprocess

import pytest

ADDRESS = "http://127.0.0.1:"


@pytest.fixture
def server(argv, environment):
    """A server on this test's data folder, ready when it has told its address."""
    process = subprocess.Popen(
        argv("serve", "--port", "0"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert any(ADDRESS in line for line in process.stdout)
    yield process
    process.terminate()
    process.wait(30)
    process.stdout.close()


def test_a_backup_beside_a_running_server_is_done_by_the_server(server, holdfast, source, destination):
    first = holdfast("backup", source, destination, "--json")
    second = holdfast("backup", source, destination)

    run = json.loads(first.stdout)
    (job,) = json.loads(holdfast("job", "list", "--json").stdout)
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert (run["state"], run["result"]["verified"], run["trigger"]) == ("completed", True, "api")
    assert (destination / "notes.txt").read_text() == "from Iceland\n"
    assert job["latest_run"]["number"] == 2


def test_what_the_server_refuses_is_told_in_its_words(server, holdfast, source):
    answer = holdfast("backup", source, source / "inside")

    assert answer.returncode == 2
    assert "inside" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_second_server_on_the_folder_is_refused_and_told_of_the_first(server, holdfast):
    answer = holdfast("serve", "--port", "0")

    assert answer.returncode == 2
    assert str(server.pid) in answer.stderr


def test_jobs_are_made_started_followed_and_deleted_through_the_server(server, holdfast, source, destination):
    made = holdfast("job", "create", "photos", "-o", f"source={source}", "-o", f"destination={destination}")
    started = holdfast("job", "start", "photos")
    log = holdfast("job", "log", "photos", "--follow")
    runs = holdfast("run", "list", "photos")
    deleted = holdfast("job", "delete", "photos", "--yes")

    answers = (made, started, log, runs, deleted)
    assert [answer.returncode for answer in answers] == [0] * 5, [answer.stderr for answer in answers]
    assert "Attempt 1 began" in log.stdout
    assert "completed" in runs.stdout
    assert holdfast("job", "list", "--json").stdout.strip() == "[]"
    assert (destination / "notes.txt").exists()
