"""A process killed in mid-write, a disk that is really full: what was acknowledged is there, whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.storage.rows import Changes
from tests.builders import a_kept_job

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).parent / "programs"
ONE = "3f2a1b4c-0000-4000-8000-000000000001"
RUN = "91bb0000-0000-4000-8000-000000000003"


def started(program: str, *arguments: object) -> subprocess.Popen[str]:
    argv = [sys.executable, str(PROGRAMS / program), *map(str, arguments)]
    return subprocess.Popen(argv, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)


def answer(program: str, *arguments: object) -> dict[str, object]:
    process = started(program, *arguments)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    what: dict[str, object] = json.loads(told)
    return what


@pytest.mark.parametrize("acknowledged", [1, 2, 5, 11, 24, 50])
def test_a_server_killed_while_saving_has_everything_it_acknowledged(opened, folder, acknowledged):
    writer = started("save_for_ever.py", folder)
    assert writer.stdout is not None
    for _ in range(acknowledged):
        writer.stdout.readline()

    writer.kill()
    told = [acknowledged, *map(int, writer.stdout.read().split())]
    writer.wait()
    writer.stdout.close()
    _, contents = opened()

    last = max(told)
    assert not contents.problems
    assert {job.id for job in contents.jobs} == {ONE}
    assert contents.jobs[0].version in {last, last + 1}
    assert contents.jobs[0].options["padding"] == "x" * (contents.jobs[0].version * 100)
    assert contents.runs[0].version in {last, last + 1}
    assert not list(folder.rglob("*.tmp"))


def test_a_store_killed_again_and_again_stays_whole(opened, folder):
    for _ in range(4):
        writer = started("save_for_ever.py", folder)
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.kill()
        writer.communicate()

    store, contents = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE, name="after", version=1_000),)))
    _, after = opened()

    assert not contents.problems
    assert [job.version for job in after.jobs] == [1_000]
    assert not after.problems


def test_a_full_disk_refuses_changes_and_loses_nothing(tmp_path):
    told = answer("fill_the_disk.py", tmp_path)

    assert told["refused"] == "storage-full"
    assert told["probe"] == "storage-full"
    assert told["leftovers"] == []
    assert told["shown meanwhile"] == told["acknowledged"]
    assert told["opened while full"] == [told["acknowledged"]]
    assert told["kept after room was made"] == ["after"]
    assert told["problems"] == 0


def test_a_limit_on_the_size_of_files_refuses_changes_and_loses_nothing(opened, folder):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE, name="before"),)))
    store.close()

    told = answer("limit_files.py", folder)
    _, contents = opened()

    assert told == {"refused": "storage-failed", "leftovers": []}
    assert [job.name for job in contents.jobs] == ["before"]
