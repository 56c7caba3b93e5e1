import signal
import subprocess

import pytest

from tests.core.processes.conftest import until
from tests.faults.servers import RealServer


def said(server, run_id):
    return [text for text in server.log(run_id) if text in {"one", "two"}]


def test_a_restart_by_command_keeps_programs_at_work(holdfast, data, tmp_path):
    with RealServer(data) as server:
        script = f"echo one; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo two; exit 6"
        run_id = server.begin("single", ["sh", "-c", script])
        until(lambda: said(server, run_id))
        pid, address, key = server.pid, server.address, server.token

        answer = holdfast("restart")

        server.meet(key)
        (tmp_path / "go").touch()
        until(lambda: server.run(run_id)["state"] == "failed")
        run = server.run(run_id)
        assert (answer.returncode, answer.stdout.strip()) == (0, "Holdfast has restarted."), answer.stderr
        assert (server.pid, server.address) == (pid, address)
        assert (run["attempt"], run["result"]["code"]) == (1, 6)
        assert said(server, run_id) == ["one", "two"]


def test_a_restart_where_no_server_runs_is_refused_in_words(holdfast, data):
    answer = holdfast("restart")

    assert answer.returncode == 2
    assert "No Holdfast runs on this data folder." in answer.stderr
    assert not data.exists()


def test_a_stop_that_comes_while_it_restarts_is_obeyed(data):
    with RealServer(data, HOLDFAST_GRACE="0") as server:
        run_id = server.begin("single", ["sh", "-c", "echo one; sleep 60"])
        until(lambda: said(server, run_id))

        server.signal(signal.SIGHUP)
        server.signal(signal.SIGTERM)

        assert server.wait() == 0
        assert not server.supervisors()


@pytest.mark.parametrize("name", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_comes_before_it_has_begun_anew_is_heard_then(data, name):
    with RealServer(data, HOLDFAST_GRACE="0") as server:
        run_id = server.begin("single", ["sh", "-c", "echo one; sleep 60"])
        until(lambda: said(server, run_id))
        key = server.token
        server.signal(signal.SIGHUP)
        until(lambda: "restarting:" in server.log_of_server())

        server.signal(name)

        if name == signal.SIGHUP:
            until(lambda: server.log_of_server().count("restarting:") == 2)
            assert server.meet(key).run(run_id)["state"] == "running"
        else:
            assert server.wait() == 0
            assert not server.supervisors()


@pytest.mark.parametrize(
    ("words", "last"), [(("log", "--follow"), "the run is completed."), (("watch",), "Run 1 is completed.")]
)
def test_whoever_follows_a_run_in_a_terminal_goes_on_over_a_restart(
    argv, environment, holdfast, data, tmp_path, words, last
):
    with RealServer(data) as server:
        run_id = server.begin(
            "single", ["sh", "-c", f"echo one; until [ -e {tmp_path}/go ]; do sleep 0.02; done"]
        )
        until(lambda: said(server, run_id))
        job = server.run(run_id)["job_id"]
        verb, *more = words
        with subprocess.Popen(
            argv("job", verb, job, *more), env=environment, stdout=subprocess.PIPE, text=True
        ) as terminal:
            assert terminal.stdout is not None
            assert terminal.stdout.readline()

            holdfast("restart")
            (tmp_path / "go").touch()

            assert terminal.stdout.read().strip().endswith(last)
        assert terminal.returncode == 0
