"""Commands and scripts, run for real by a worker, with no server around them."""

import threading

import pytest

from core.acting import Actor, acting_as
from core.commanding import arguments
from core.drafts import JobDraft, JobPatch
from core.engines import engine_for
from core.errors import InvalidOptions, Refused
from core.hiding import DOTS, hidden
from core.service import Service
from core.settings import Settings
from core.states import RunState
from tests.core.processes.conftest import until

SECRET = "hunter2-and-more"


@pytest.fixture
def house(tmp_path):
    """A Holdfast that carries out what a test asks for, in the test's own thread."""
    service = Service(Settings(data=tmp_path / "data", shell="on", pass_env=("PASSED",)))
    with service.opened(at_work=True):
        yield service


def made(house, kind="command", **options):
    return house.manager.create(JobDraft(name="it", kind=kind, options=options))


def ran(house, kind="command", **options):
    """Return a run of such a job, once it is over."""
    run = house.manager.start(made(house, kind, **options).id)
    house.worker.carry_out(run.id)
    return house.manager.run(run.id)


def sh(script):
    return ["/bin/sh", "-c", script]


def said(house, run, *, painted=False):
    """Return what its program said, as the log has it."""
    lines = house.logs.read(run.id, limit=10_000).lines
    return [line.painted or line.text if painted else line.text for line in lines if line.stream]


def problems(kind="command", **options):
    with pytest.raises(InvalidOptions) as refused:
        engine_for(kind, options)
    return refused.value.problems


def test_nothing_in_an_argument_is_obeyed(house):
    odd = ["$HOME", "*", "a | b > c", "'\"`id`", "two\nlines", "", "é\u202e"]

    run = ran(house, argv=["/usr/bin/printf", "%s\\0", *odd])

    assert run.state is RunState.COMPLETED
    assert said(house, run)[0].startswith("$HOME\\x00*\\x00a | b > c\\x00'\"`id`\\x00two")


@pytest.mark.parametrize(
    "wanted",
    [["echo"], ["echo", "a b", "", "two\nlines", '"quoted"', "'"], ["/opt/my program"], ["a", "\\", " b "]],
)
def test_a_line_as_one_types_it_becomes_a_list(wanted):
    again = arguments.entered(arguments.as_text(wanted))

    assert again == wanted
    assert arguments.entered("rsync -a '/my photos' /mnt/*") == ["rsync", "-a", "/my photos", "/mnt/*"]
    with pytest.raises(ValueError, match="no partner"):
        arguments.entered("echo 'half")


def test_a_command_that_cannot_be_run_is_refused_in_words(house):
    assert "Name a program" in problems(argv=[])["options.argv"]
    assert "cannot be empty" in problems(argv=[" "])["options.argv"]
    assert "NUL" in problems(argv=["echo", "a\0b"])["options.argv"]
    assert "10,001 arguments" in problems(argv=["echo"] + ["x"] * 10_000)["options.argv"]
    assert "100,001 characters" in problems(argv=["echo", "x" * 100_001])["options.argv"]
    for options, field, words in (
        ({"argv": ["no-such-program"]}, "argv", "There is no program"),
        ({"argv": ["bin/tool"]}, "argv", "whole path"),
        ({"argv": ["true"], "cwd": "/no/such"}, "cwd", "no folder"),
        ({"argv": ["true"], "cwd": str(house.data)}, "cwd", "own data"),
        ({"argv": ["true"], "warning_codes": [0]}, "warning_codes", "success codes too"),
        ({"argv": ["true"], "user": "nobody-of-that-name"}, "user", "no such user"),
    ):
        with pytest.raises(InvalidOptions) as refused:
            made(house, **options)
        assert words in refused.value.problems[f"options.{field}"]


def test_nothing_of_ours_is_in_the_environment_of_a_program(house, monkeypatch):
    monkeypatch.setenv("PASSED", "on")
    monkeypatch.setenv("NOT_PASSED", "no")

    run = ran(house, argv=["/usr/bin/env"], env={"OWN": "1"}, pass_env=["PASSED"])

    names = {line.partition("=")[0] for line in said(house, run)}
    usual = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "HOLDFAST_RUN"}
    assert {"OWN", "PASSED"} | usual <= names <= {"OWN", "PASSED", "TZ"} | usual


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"env": {"LD_PRELOAD": "/tmp/x.so"}}, "which code the program is"),
        ({"env": {"PYTHONPATH": "/tmp"}}, "HOLDFAST_PASS_ENV"),
        ({"env": {"BASH_FUNC_ls%%": "() { id; }"}}, "no name of a variable"),
        ({"env": {"A=B": "c"}}, "no name of a variable"),
        ({"env": {"A": "b\0c"}}, "NUL"),
        ({"pass_env": ["NOT_PASSED"]}, "does not have it"),
        ({"env": {"MY_TOKEN": DOTS}}, "enter it"),
    ],
)
def test_a_variable_that_runs_other_code_is_refused(house, options, words):
    with pytest.raises(InvalidOptions) as refused:
        made(house, argv=["true"], **options)

    assert words in " ".join(refused.value.problems.values())


def test_a_secret_is_nowhere_to_be_read(house, tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    script = (
        "echo $MY_TOKEN; printf 'hun\\033[31mter2-and-more\\n'; echo $FILED; "
        'echo "::progress 5 $MY_TOKEN"; echo "::warning $MY_TOKEN"; '
        'echo "::result {\\"x\\": \\"$MY_TOKEN\\"}"; echo "$MY_TOKEN" >&2; exit 1'
    )
    options = {"argv": sh(script), "env": {"MY_TOKEN": SECRET}, "env_files": {"FILED": str(file)}}

    run = ran(house, **options)

    engine = engine_for("command", options)
    shown = (
        house.logs.read(run.id),
        run.error,
        run.result,
        run.warnings,
        run.progress,
        engine.plan_in_words(),
    )
    assert run.state is RunState.FAILED
    assert "[hidden]" in said(house, run)[0]
    assert all(SECRET not in str(what) for what in (*shown, hidden(run.options)))


def test_dots_that_come_back_keep_the_secret(house):
    job = made(house, argv=["true"], env={"MY_TOKEN": SECRET, "OPEN": "1"})
    shown = hidden(job.options)

    changed = house.manager.edit(
        job.id, JobPatch(options={**shown, "env": {**shown["env"], "OPEN": "2"}}), version=1
    )

    assert shown["env"] == {"MY_TOKEN": DOTS, "OPEN": "1"}
    assert changed.options["env"] == {"MY_TOKEN": SECRET, "OPEN": "2"}


@pytest.mark.parametrize(
    ("code", "state", "error", "transient"),
    [
        (3, RunState.COMPLETED, None, None),
        (4, RunState.COMPLETED, None, None),
        (5, RunState.FAILED, "engine-failed", False),
        (255, RunState.FAILED, "unreachable", True),
        (7, RunState.FAILED, "engine-failed", True),
    ],
)
def test_each_exit_code_means_what_the_job_says(house, code, state, error, transient):
    codes = {
        "success_codes": [0, 3],
        "warning_codes": [4],
        "permanent_codes": "5",
        "unreachable_codes": [255],
    }

    run = ran(house, argv=sh(f"echo why >&2; exit {code}"), **codes)

    assert run.state is state
    assert bool(run.warnings) == (code == 4)
    assert (run.error.code, run.error.transient) == (error, transient) if error else run.error is None
    assert run.error is None or run.error.message == f"sh ended with exit code {code}: why."


def test_a_program_that_was_killed_is_told_as_such(house):
    run = ran(house, argv=sh("kill -9 $$"))

    assert run.state is RunState.FAILED
    assert "ended by signal 9 (KILL)" in run.error.message
    assert "out of memory" in run.error.message


def test_words_that_are_no_text_are_kept_as_far_as_they_are(house):
    script = r"printf '::progress 41 caf\351\n::warning na\357ve\a\nno caf\351\0\n'; exit $0"

    worked = ran(house, argv=["/bin/sh", "-c", script, "0"])
    failed = ran(house, argv=["/bin/sh", "-c", script, "3"], progress=r"(?P<percent>41)(?P<message>.*)")

    assert (worked.state, worked.progress.message) == (RunState.COMPLETED, "caf�")
    assert worked.warnings == failed.warnings == ("na�ve�",)
    assert failed.error.message.startswith("sh ended with exit code 3: no caf��")


def test_progress_warnings_and_a_result_come_from_lines(house):
    lines = ("::progress 41.2 copying", "::warning look", '::result {"bytes": 12}')

    run = ran(house, argv=["/usr/bin/printf", "%s\n", *lines])

    assert (run.progress.percent, run.progress.message) == (41.2, "copying")
    assert run.warnings == ("look",)
    assert (run.result["answer"], run.result["bytes"]) == ({"bytes": 12}, 12)


def test_how_far_a_command_is_stays_known_beyond_what_is_kept(tmp_path):
    script = f"seq 1 120000; echo ::progress 88 late; until [ -e {tmp_path}/seen ]; do sleep 0.02; done"
    service = Service(Settings(data=tmp_path / "data", run_log_mb=1))
    with service.opened(at_work=True):
        run = service.manager.start(made(service, argv=sh(script)).id)
        work = threading.Thread(target=service.worker.carry_out, args=[run.id])

        work.start()
        progress = until(lambda: (at := service.manager.run(run.id).progress).percent and at)
        (tmp_path / "seen").touch()
        work.join()

        assert (progress.percent, progress.message) == (88.0, "late")
        assert service.manager.run(run.id).state is RunState.COMPLETED
        assert "::progress 88 late" not in said(service, run)


def test_lines_that_make_no_sense_harm_nothing(house, tmp_path):
    deep = tmp_path / "deep"
    deep.write_text(
        "::progress nan\n::progress 1e999\n::result no\n::result " + "[" * 60_000 + "\n" + "[" * 200_000
    )

    run = ran(house, argv=["/bin/cat", str(deep)], result="last_json")

    assert run.state is RunState.COMPLETED
    assert run.progress.percent is None
    assert "answer" not in run.result
    assert said(house, run)[:3] == ["::progress nan", "::progress 1e999", "::result no"]


@pytest.mark.parametrize(
    "pattern",
    [
        "(?P<percent>(a+)+)!",
        "(?P<percent>.*.*.*=)",
        "(?P<percent>(a|aa)+)!",
        r"\d+%",
        "(",
        "(?P<percent>a)(?=b)",
    ],
)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern):
    found = problems(argv=["true"], progress=pattern)
    good = engine_for(
        "command", {"argv": ["true"], "progress": r"(?P<message>.*) (?P<done>\d+)/(?P<total>\d+)"}
    )

    assert found["options.progress"]
    assert good.model_dump()["progress"]


def test_colours_are_kept_in_one_harmless_spelling(house):
    script = (
        r"printf '\033[31mred\n'; printf 'still\033[0m plain\n'; printf '\033]0;title\007a\033[2Kb\033]8;;http://x\n';"
        r"printf '\033[38;5;196mmany\033[0m\n'; printf 'half \033['"
    )

    run = ran(house, argv=sh(script))

    assert said(house, run) == ["red", "still plain", "ab8;;http://x", "many", "half "]
    assert said(house, run, painted=True)[:2] == ["\x1b[0;31mred\x1b[0m", "\x1b[0;31mstill\x1b[0m plain"]
    assert said(house, run, painted=True)[3] == "\x1b[0;31mmany\x1b[0m"


def test_no_file_is_kept_from_outside_of_the_folder(house):
    script = "ln -s /etc/passwd link.txt; ln -s /etc etc; mkfifo pipe.txt; echo good > good.txt"

    run = ran(house, argv=sh(script), keep=["**/*.txt", "etc/*"])

    assert [file["name"] for file in run.result["kept"]] == ["good.txt"]
    for pattern in ("../x", "/etc/passwd", "a/../../b"):
        with pytest.raises(InvalidOptions):
            made(house, argv=["true"], keep=[pattern])


def test_only_an_admin_makes_a_script(house):
    operator, admin = Actor(name="oz", admin=False), Actor(name="ada", admin=True)

    with acting_as(operator), pytest.raises(Refused, match="Only admins"):
        made(house, "shell", script="true")
    with acting_as(admin):
        job = made(house, "shell", script="true")

    with acting_as(operator), pytest.raises(Refused, match="Only admins"):
        house.manager.edit(job.id, JobPatch(options={"script": "id"}), version=1)
    assert house.manager.job(job.id).job.options["script"] == "true"


def test_a_script_runs_from_a_file_that_only_we_can_read(house):
    script = "echo a | tr a b\nstat -c %a \"$0\"\ntr '\\0' ' ' < /proc/$$/cmdline; echo\nfalse\necho never"

    run = ran(house, "shell", script=script)

    lines = said(house, run)
    assert run.state is RunState.FAILED
    assert lines[:2] == ["b", "600"]
    assert lines[2].split()[:3] == ["/bin/sh", "-eu", "--"]
    assert len(lines) == 3


def test_a_script_is_refused_where_shells_are_off(tmp_path):
    service = Service(Settings(data=tmp_path / "data"))

    with service.opened(at_work=True), pytest.raises(InvalidOptions) as refused:
        made(service, "shell", script="true")

    assert "HOLDFAST_SHELL=on" in refused.value.problems["options.script"]
    assert "switched off" in engine_for("shell", {"script": "x"}).off(service.surroundings)


def test_limits_hold_for_the_program(house):
    run = ran(house, argv=sh("ulimit -n; ulimit -t; nice"), open_files=64, cpu_seconds=7, nice=5)

    assert said(house, run) == ["64", "7", "5"]


def test_a_log_that_is_full_does_not_stop_the_program_and_has_its_end(tmp_path):
    service = Service(Settings(data=tmp_path / "data", run_log_mb=1))

    with service.opened(at_work=True):
        run = ran(
            service,
            argv=["/usr/bin/seq", "-f", "line number %.0f of many that are as long as this one", "60000"],
        )
        lines = [line.text for line in service.logs.read(run.id, limit=100_000).lines]

    assert run.state is RunState.COMPLETED
    assert run.result["lines"] == 60_000
    assert "line number 60000 of many that are as long as this one" in lines
    assert any("not kept" in line for line in lines)
