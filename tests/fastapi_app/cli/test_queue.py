"""The queue from the command line, beside a server and without one."""

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


def create(holdfast, source, destination, *rest):
    options = ("-o", f"source={source}", "-o", f"destination={destination}")
    made = holdfast("job", "create", "photos", *options, *rest)
    assert made.returncode == 0, made.stderr
    return made


def test_the_queue_is_paused_and_says_so_until_it_is_resumed(server, holdfast, source, destination):
    create(holdfast, source, destination, "--key", "one")
    create(holdfast, source, destination, "--key", "one")

    paused = holdfast("queue", "pause", "--reason", "moving house", "--for", "2 h")
    run = json.loads(holdfast("job", "start", "photos", "--no-watch", "--json", "--key", "two").stdout)
    shown = holdfast("queue", "show")
    why = holdfast("run", "show", run["id"])
    moved = holdfast("queue", "priority", run["id"], "high")
    resumed = holdfast("queue", "resume")
    watched = holdfast("job", "watch", "photos")

    assert (paused.returncode, paused.stdout) == (0, "Paused.\n"), paused.stderr
    assert "moving house" in shown.stdout
    assert "The queue is paused by" in why.stdout
    assert moved.stdout == "Run 1 is high now.\n"
    assert (resumed.returncode, watched.returncode) == (0, 0), watched.stderr
    again = json.loads(holdfast("job", "start", "photos", "--no-watch", "--json", "--key", "two").stdout)
    assert again["id"] == run["id"]


def test_limits_and_pauses_are_kept_without_a_server(holdfast, source, destination):
    create(holdfast, source, destination, "--group", "nas-02")

    limited = holdfast("queue", "limit", "3", "--group", "nas-02")
    paused = holdfast("queue", "pause", "--job", "photos", "--json")

    assert (limited.returncode, limited.stdout) == (0, "At most 3 at once.\n"), limited.stderr
    queue = json.loads(paused.stdout)
    assert [(one["name"], one["most"]) for one in queue["shared"]] == [("nas-02", 3)]
    assert [one["job"] for one in queue["paused_jobs"]] == ["photos"]


@pytest.mark.parametrize(
    "words",
    [
        ("pause", "--kind", "copy", "--group", "nas"),
        ("pause", "--for", "soon"),
        ("limit", "many"),
        ("limit", "0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(holdfast, words):
    answer = holdfast("queue", *words)

    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert "holdfast: " in answer.stderr


def test_workers_are_told_on_the_command_line(server, holdfast):
    beside = holdfast("queue", "workers")
    listed = json.loads(holdfast("queue", "workers", "--json").stdout)
    server.terminate()
    server.wait(30)
    alone = holdfast("queue", "workers")

    assert listed["items"][0]["name"] in beside.stdout
    assert listed["slots"] > 0
    assert alone.stdout == "Nobody carries runs out: Holdfast is not running here.\n"
