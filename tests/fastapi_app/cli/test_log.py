"""`holdfast job log`: what a run said, or why there is nothing to say."""

import subprocess

from tests.faults.servers import RealServer


def test_a_log_that_was_let_go_of_is_told_instead_of_nothing(holdfast, data, source, destination):
    holdfast("backup", source, destination)
    name = f"{source} to {destination}"
    there = holdfast("job", "log", name)
    for log in (data / "logs").rglob("*.log"):
        log.unlink()

    gone = holdfast("job", "log", name)
    followed = holdfast("job", "log", "--follow", name)

    assert "Attempt 1 began" in there.stdout
    assert "any more" not in there.stderr
    for answer in (gone, followed):
        assert (answer.returncode, answer.stdout) == (0, "")
        assert "The log of run 1 is not there any more" in answer.stderr


def test_a_command_is_made_and_its_log_is_shown_in_a_terminal(holdfast):
    script = r"printf '\033[31mred\033[0m\n'; echo ::warning odd"
    made = holdfast("job", "create", "it", "--", "sh", "-c", script)
    started = holdfast("job", "start", "it")

    whole = holdfast("job", "log", "it").stdout.splitlines()
    last = holdfast("job", "log", "it", "--tail", "2").stdout.splitlines()
    warnings = holdfast("job", "log", "it", "--level", "warn").stdout.splitlines()

    assert (made.returncode, started.returncode) == (0, 0)
    assert [line.split("  ", 1)[1].strip() for line in whole[1:3]] == ["out    red", "out    ::warning odd"]
    assert last == whole[-2:]
    assert [line.split()[1:] for line in warnings] == [["warn", "odd"]]


def test_following_a_log_ends_when_nobody_reads_any_more(argv, environment, data):
    with RealServer(data) as server:
        run_id = server.begin("single", ["sh", "-c", "while :; do echo one; sleep 0.05; done"])
        follow = argv("job", "log", run_id, "--follow")
        with subprocess.Popen(
            follow, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as terminal:
            assert terminal.stdout is not None
            assert terminal.stderr is not None
            terminal.stdout.readline()

            terminal.stdout.close()

            assert (terminal.wait(), terminal.stderr.read()) == (0, b"")
            assert server.run(run_id)["state"] == "running"
