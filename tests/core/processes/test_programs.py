import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import EngineFailed, Refused
from core.executing import ListenerFailed
from core.processes.descent import below, everybody
from core.processes.orders import Limits
from core.processes.program import SUPERVISOR, Standing
from core.work import LeftAtWork, ProgramLost, RunStopped
from tests.core.processes.conftest import a_script, alive, an_order, marked, until

TREE = "trap '' TERM; (setsid sh -c \"trap '' TERM; sleep 60 & sleep 60\" &); sleep 60 & echo began; wait; sleep 60"


def words_in(logs):
    return [line.text for line in logs.read("run-1", limit=100_000).lines]


def begun(program, words="began"):
    """Wait until a program has said something."""
    output = program.folder / "output"
    until(lambda: output.exists() and words.encode() in output.read_bytes())


def test_a_program_s_words_and_its_exit_code_are_kept(program, follow, logs):
    ending, told = follow(program, a_script("echo one; echo two >&2; printf three; exit 3"))

    assert (ending.reason, ending.code, ending.signal) == ("ended", 3, None)
    assert sorted(told) == [("err", "two"), ("out", "one"), ("out", "three")]
    assert sorted(words_in(logs)) == ["one", "three", "two"]
    assert (ending.lines, ending.bytes, ending.dropped) == (2, 13, 0)
    assert program.standing() is Standing.OVER


def test_a_program_ended_by_a_signal_says_which(program, follow):
    ending, _ = follow(program, a_script("kill -9 $$"))

    assert (ending.reason, ending.code, ending.signal) == ("ended", None, 9)


def test_a_program_gets_its_input_folder_and_environment_and_nothing_else(program, follow, tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "LETTER": "é"}
    order = a_script("cat; pwd; env; umask", stdin="words\n", folder=str(tmp_path), environment=environment)

    _, told = follow(program, order)

    said = [text for _, text in told if not text.startswith(("PWD=", "_=", "SHLVL=", "OLDPWD="))]
    assert said[:2] == ["words", str(tmp_path)]
    assert sorted(said[2:-1]) == sorted([program._mark, "LETTER=é", "PATH=/usr/bin:/bin"])
    assert said[-1] == "0077"


def test_limits_and_priority_are_a_program_s_own(program, follow):
    order = a_script("ulimit -n; nice; ulimit -t", limits=Limits(open_files=77, cpu_seconds=50), nice=3)

    _, told = follow(program, order)

    assert [text for _, text in told] == ["77", "3", "50"]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (an_order("no-such-program"), "There is no program 'no-such-program' in its PATH"),
        (an_order("/nowhere/program"), "There is no program /nowhere/program."),
        (an_order("{folder}/letter"), "may not be executed by this user"),
        (an_order("{folder}/script"), "needs an interpreter that is not there"),
        (an_order("{folder}/noise"), "is no program for this machine"),
        (an_order("true", folder="/nowhere"), "The folder /nowhere is not there."),
        (an_order("true", user="nobody-of-that-name"), "There is no user 'nobody-of-that-name'"),
        (an_order("true", group="none-of-that-name"), "There is no group 'none-of-that-name'"),
        (an_order("true", stdin_file="/nowhere"), "What it is to read, /nowhere, cannot be opened"),
        (an_order("true", "a\0b"), "could not be started"),
    ],
)
def test_a_program_that_cannot_be_started_says_why_in_words(program, follow, tmp_path, order, words):
    for name, content in (("script", "#!/nowhere/interpreter\n"), ("noise", "\1\2\3")):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "letter").touch(0o644)
    argv = tuple(word.replace("{folder}", str(tmp_path)) for word in order.argv)

    with pytest.raises(EngineFailed) as failed:
        follow(
            program,
            an_order(*argv, **{f: getattr(order, f) for f in ("folder", "user", "group", "stdin_file")}),
        )

    assert words in str(failed.value)
    assert not failed.value.transient


def test_a_program_is_started_once(program, make_program, follow, tmp_path):
    order = a_script(f"echo began >> {tmp_path}/starts; sleep 0.3")
    program.start(order)
    another = make_program()

    with pytest.raises(Refused):
        another.start(order)
    follow(program, order)
    with pytest.raises(Refused):
        another.start(order)

    assert (tmp_path / "starts").read_text() == "began\n"


def test_a_supervisor_is_small_and_soon_there(program):
    program.start(a_script("echo began; sleep 60"))
    begun(program)

    status = Path(f"/proc/{program._child}/status").read_text()
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-I", "-S", SUPERVISOR, "/nowhere", "3"],
        capture_output=True, text=True, check=False, close_fds=True,
    )  # fmt: skip

    assert int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) < 20_000
    ours = {
        name
        for line in loaded.stderr.splitlines()
        if (name := line.rpartition("|")[2].strip()).startswith("core")
    }
    assert ours <= {"core", "core.processes"} | {
        f"core.processes.{part}" for part in ("descent", "framing", "launching")
    }
    assert not re.search(
        r"\| +(msgspec|pathlib|subprocess|logging|typing_extensions)$", loaded.stderr, re.MULTILINE
    )


def test_an_order_is_gone_once_its_program_has_begun(program):
    environment = {"PATH": "/usr/bin:/bin", "KEY": "s3cret-word"}
    order = a_script("cat > /dev/null; echo began; sleep 60", environment=environment, stdin="s3cret-word")

    program.start(order)
    begun(program)

    assert not [path for path in program.folder.iterdir() if b"s3cret-word" in path.read_bytes()]
    assert (program.folder.stat().st_mode & 0o777, (program.folder / "output").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


def test_output_beyond_the_quota_is_counted_and_its_end_is_kept(program, follow, logs):
    ending, told = follow(program, an_order("seq", "1", "100000", output_quota=50_000))

    lines = [text for _, text in told if text.isdigit()]
    cut = [text.partition(" ")[0] for _, text in told if not text.isdigit()]  # a line at the quota, by chance
    assert (lines[0], lines[-1], ending.lines) == ("1", "100000", 100_000)
    assert lines == sorted(set(lines), key=int)
    assert sum(len(line) + 1 for line in lines) + sum(map(len, cut)) + ending.dropped == ending.bytes
    assert len(cut) <= 1
    assert ending.dropped > 400_000
    assert (program.folder / "output").stat().st_size <= 50_000
    assert f"{ending.dropped:,} bytes of the output are not kept." in words_in(logs)


def test_a_line_of_fifty_megabytes_is_cut_with_a_word(program, follow):
    ending, told = follow(program, a_script("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo other"))

    assert ending.bytes == 50_000_007
    assert told[0][1].startswith("xxxx")
    assert told[0][1].endswith("(the rest of this line is not kept, it is too long)")
    assert len(told[0][1]) < 70_000
    assert told[1:] == [("out", "other")]


def test_a_full_disk_does_not_stop_a_program(program, follow, logs, tmp_path):
    order = a_script(f"echo began; until [ -e {tmp_path}/go ]; do sleep 0.01; done; seq 1 50000; exit 5")
    program.start(order)
    begun(program)
    resource.prlimit(program._child, resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    (tmp_path / "go").touch()

    ending, told = follow(program, order)

    assert (ending.reason, ending.code, ending.lines) == ("ended", 5, 50_001)
    assert ending.disk_trouble == "File too large"
    assert (
        0 <= ending.dropped + sum(len(text) + 1 for _, text in told) - ending.bytes <= 1
    )  # one line has no end
    assert words_in(logs)[-1] == "Not all of the output could be kept: File too large."


def test_progress_that_is_written_over_is_told_and_not_kept(program, follow, logs):
    _, told = follow(program, an_order("printf", r"10%%\r20%%\r30%%\nwhole\r\n"))

    assert [text for _, text in told] == ["10%", "20%", "30%", "whole"]
    assert words_in(logs) == ["30%", "whole"]


def test_bytes_that_are_no_text_are_told_and_harmless_in_the_log(program, follow, logs):
    _, told = follow(program, an_order("printf", r"a\377\033[31mb\n"))

    assert told[0][1].encode(errors="surrogateescape") == b"a\xffb"
    assert words_in(logs)[0].startswith("a\\xff")


def test_a_tree_that_forks_twice_and_is_deaf_to_term_is_ended(program, follow):
    program.start(order := a_script(TREE))
    begun(program)
    tree = until(lambda: len(marked(program)) >= 5 and marked(program))

    with pytest.raises(RunStopped) as stopped:
        follow(program, order, wish=lambda: "cancel")

    assert stopped.value.asked == "cancel"
    assert not [pid for pid in tree if alive(pid)]
    assert program.ending().stubborn == 0


def test_a_program_that_is_asked_to_end_may_do_so_in_peace(program, follow, logs):
    program.start(
        order := a_script("trap 'echo goodbye; exit 0' TERM; echo began; while :; do sleep 0.05; done")
    )
    begun(program)

    with pytest.raises(RunStopped):
        follow(program, order, wish=lambda: "pause")

    assert {"began", "goodbye"} <= set(words_in(logs))
    assert (program.ending().reason, program.ending().code) == ("request", 0)


TIDY = """
import signal, subprocess, sys, time
helper = subprocess.Popen([sys.executable, "-c", "input(); print('helped')"], stdin=subprocess.PIPE)
def tidy(*_):
    helper.communicate(b"now\\n")
    sys.exit(3)
signal.signal(signal.SIGINT, tidy)
print("began", flush=True)
time.sleep(60)
"""


def test_a_program_that_tidies_up_is_told_by_int_and_keeps_its_helpers_for_that(program, follow, logs):
    program.start(order := an_order(sys.executable, "-c", TIDY, tidies_up=True, grace=20.0))
    begun(program)

    with pytest.raises(RunStopped):
        follow(program, order, wish=lambda: "pause")

    assert {"began", "helped"} <= set(words_in(logs))
    assert (program.ending().reason, program.ending().code) == ("request", 3)


def test_a_stopped_supervisor_hears_of_its_end_all_the_same(program, follow):
    program.start(order := a_script("echo began; sleep 60"))
    begun(program)
    os.kill(program._child, 19)

    with pytest.raises(RunStopped):
        follow(program, order, wish=lambda: "cancel")

    assert program.ending().reason == "request"


def test_what_a_program_leaves_behind_is_ended_and_counted(program, follow):
    ending, told = follow(program, a_script("(setsid sleep 60 & echo $!); sleep 60 & echo $!; exit 4"))

    assert (ending.reason, ending.code, ending.left_behind) == ("ended", 4, 2)
    assert not [text for _, text in told if alive(text)]


def test_a_program_that_is_late_is_ended_without_a_server(program, follow):
    order = a_script("trap '' TERM; sleep 60", time_limit=0.2, grace=0.1)
    program.start(order)

    until(lambda: program.standing() is Standing.OVER)

    assert (program.ending().reason, program.ending().signal) == ("timeout", 9)
    with pytest.raises(RunStopped) as stopped:
        follow(program, order)
    assert stopped.value.asked == "timeout"


def test_a_number_that_is_another_process_s_by_now_is_left_alone(program, make_program, killed):
    program.start(a_script("echo began; sleep 60"))
    begun(program)
    killed(program)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        identity = json.loads((program.folder / "supervisor").read_text())
        (program.folder / "supervisor").write_text(json.dumps(identity | {"pid": stranger.pid}))

        make_program().end()
        make_program().give_up()

        assert stranger.poll() is None
        stranger.kill()


def test_a_program_is_taken_up_with_its_whole_log_and_its_code(program, make_program, follow, logs):
    order = a_script("for i in $(seq 1 300); do echo line $i; sleep 0.002; done; exit 7")
    heard = []

    def leave():
        if len(heard) > 20:
            raise LeftAtWork

    with pytest.raises(LeftAtWork):
        follow(program, order, wish=leave, on_line=lambda _, text: heard.append(text))
    between = len(words_in(logs))
    ending, told = follow(make_program(), order)

    assert 20 < between < 300
    assert ending.code == 7
    assert words_in(logs) == [text for _, text in told] == [f"line {number}" for number in range(1, 301)]


def test_a_program_that_ended_while_nobody_was_there_is_over(program, make_program, follow, logs):
    program.start(order := a_script("echo alone; exit 9"))
    until(lambda: program.standing() is Standing.OVER)

    ending, _ = follow(make_program(), order)

    assert (ending.code, words_in(logs)) == (9, ["alone"])
    assert ending.started_at <= ending.ended_at


def test_what_the_log_has_already_is_not_written_twice(program, make_program, follow, logs):
    order = a_script("echo one; echo two; echo warn; echo three; exit 0")
    follow(program, order)
    whole = words_in(logs)
    (program.folder / "taken").write_text(
        f"{1:015d} {len(logs.path('run-1').read_bytes().splitlines(True)[0]):015d}\n"
    )

    _, told = follow(make_program(), order)

    assert [text for _, text in told] == ["one", "two", "warn", "three"]
    assert words_in(logs) == whole


def test_a_program_whose_supervisor_was_killed_is_lost_and_ended(program, make_program, follow, killed, logs):
    program.start(order := a_script(TREE))
    begun(program)
    tree = until(lambda: len(marked(program)) >= 5 and marked(program))
    killed(program)
    another = make_program()

    assert another.standing() is Standing.LOST
    assert another.is_haunted()
    with pytest.raises(ProgramLost):
        follow(another, order)

    assert not [pid for pid in tree if alive(pid)]
    assert words_in(logs) == ["began", f"Of a lost program {len(tree)} processes had to be ended."]


def test_whoever_fails_at_listening_leaves_no_program_behind(program, follow):
    def fail(stream, text):
        raise ValueError(text)

    with pytest.raises(ValueError, match="began"):
        follow(program, a_script("echo began; sleep 60"), on_line=fail)

    assert program.standing() is Standing.OVER
    assert not marked(program)


def test_an_error_of_whoever_listens_is_not_told_as_one_of_the_disk(program, follow):
    def fail(stream, text):
        raise FileNotFoundError(text)

    with pytest.raises(ListenerFailed):
        follow(program, a_script("echo began; sleep 60"), on_line=fail)

    assert program.standing() is Standing.OVER


def test_a_server_without_another_handle_to_open_ends_no_program(program, make_program, follow, logs):
    program.start(order := a_script("echo began; sleep 0.3; echo ended"))
    begun(program)
    looks = iter(range(5))

    def wish():
        """Let nothing be opened for a while, from the first look on."""
        look = next(looks, None)
        if look == 0:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        if look in {2, None}:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        ending, told = follow(make_program(), order, wish=wish)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert (ending.reason, ending.code) == ("ended", 0)
    assert [text for _, text in told] == ["began", "ended"]


def test_a_program_whose_folder_is_removed_is_ended_and_lost(program, follow, logs):
    program.start(order := a_script("echo began; exec env -i sleep 60"))
    begun(program)
    (kept,) = below([program._child], everybody())

    with pytest.raises(ProgramLost):
        follow(program, order, on_line=lambda *_: shutil.rmtree(program.folder))

    assert not alive(kept.pid)
    assert words_in(logs)[-1].startswith("The run's folder was removed while its program was at work")


def test_how_far_a_program_is_can_be_seen_beyond_the_quota(program, follow, tmp_path):
    seen = []
    script = f"seq 1 20000; echo where we are; until [ -e {tmp_path}/seen ]; do sleep 0.01; done; echo end"

    def look(stream, text):
        seen.append((stream, text))
        if text == "where we are":
            (tmp_path / "seen").touch()
        return True

    _, told = follow(program, a_script(script, output_quota=20_000), on_latest=look)

    assert seen[-1] == ("out", "where we are")
    assert [text for _, text in told][-2:] == ["where we are", "end"]
    assert len([text for _, text in told if text == "where we are"]) == 1


def test_for_how_long_a_program_is_at_work_is_told_by_no_clock(program, make_program, killed):
    before = make_program().age
    program.start(a_script("echo began; sleep 60"))
    begun(program)

    age = make_program().age

    assert before is None
    assert age is not None
    assert -1 < age < 30


def test_a_program_whose_end_cannot_be_read_is_lost(program, make_program, follow):
    program.start(order := a_script("echo began; exit 3"))
    until(lambda: program.standing() is Standing.OVER)
    (program.folder / "status").write_bytes(bytes(300))

    with pytest.raises(ProgramLost):
        follow(make_program(), order)
