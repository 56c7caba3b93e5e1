from msgspec.structs import replace

from core.states import RunState
from fastapi_app.cli.follow import LINE_EVERY, Lines, line_about
from tests.builders import a_kept_run, some_progress


def a_run(state=RunState.RUNNING, percent=64.0, stage="copy"):
    progress = replace(some_progress(percent), stage=stage, rate=38_200_000.0, message="148 of 212 files")
    return a_kept_run("run", "job", state=state, progress=progress)


def test_a_line_says_stage_percent_rate_and_time_left():
    assert line_about(a_run()) == "Copy 64%  148 of 212 files, 38.2 MB/s, 12 min left"
    assert line_about(a_run(RunState.QUEUED)) == "Queued."


def test_lines_come_at_each_stage_and_now_and_then(capsys):
    now = [0.0]
    lines = Lines(lambda: now[0])

    for percent, passed in ((1, 0.0), (2, 0.1), (3, LINE_EVERY), (4, 0.1)):
        now[0] += passed
        lines.show(a_run(percent=percent))
    lines.show(a_run(stage="verify", percent=0))
    lines.show(a_run(RunState.COMPLETED))

    said = [line.split("%")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["Copy 1", "Copy 3", "Verify 0"]
