"""Short questions to programs."""

import os
import select
import sys
from pathlib import Path

from core.remotes.asking import MOST_KEPT, ask

ENVIRONMENT = {"PATH": os.defpath}


def test_a_program_is_asked_and_answers():
    answer = ask(["sh", "-c", "cat; echo oh >&2; exit 3"], ENVIRONMENT, stdin="hello")

    assert answer == (3, "hello", "oh\n", False)


def test_a_program_that_is_not_there_is_an_answer():
    answer = ask(["/nowhere/at/all"], ENVIRONMENT)

    assert answer.code is None
    assert "No such file" in answer.err


def test_a_program_that_does_not_answer_is_ended_with_all_it_started(tmp_path: Path):
    pid_file = tmp_path / "pid"

    answer = ask(["sh", "-c", f"sleep 300 & echo $! >{pid_file}; echo begun; wait"], ENVIRONMENT, seconds=0.5)

    assert answer == (None, "begun\n", "", True)
    assert _ends(int(pid_file.read_text()))


def test_what_a_program_leaves_behind_is_ended_and_not_waited_for(tmp_path: Path):
    pid_file = tmp_path / "pid"

    answer = ask(["sh", "-c", f"sleep 300 & echo $! >{pid_file}; echo done"], ENVIRONMENT)

    assert answer == (0, "done\n", "", False)
    assert _ends(int(pid_file.read_text()))


def test_only_the_beginning_of_a_long_answer_is_kept():
    program = f"import sys; sys.stdout.write('x' * {3 * MOST_KEPT}); sys.stderr.write('end')"

    answer = ask([sys.executable, "-c", program], ENVIRONMENT)

    assert answer.code == 0
    assert len(answer.out) == MOST_KEPT
    assert answer.err == "end"


def test_a_program_that_closes_its_ears_is_asked_all_the_same():
    answer = ask(["sh", "-c", "exec <&-; echo deaf"], ENVIRONMENT, stdin="x" * 1_000_000)

    assert answer.out == "deaf\n"


def test_the_environment_is_all_there_is():
    answer = ask(["env"], ENVIRONMENT | {"ONLY": "this"})

    assert set(answer.out.split()) == {f"PATH={os.defpath}", "ONLY=this"}


def _ends(pid: int) -> bool:
    """Tell whether a process ends, or has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)
