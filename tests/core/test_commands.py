"""Show me the command: what is told of each kind, typed into a shell."""

import subprocess
from pathlib import Path

import pytest

from core.commands import commands_of
from core.engines import engine_for
from core.work import Surroundings

ODD = ["plain", "a b", "-rf", "$(touch x)", "it's", "a\nb", "é", "*", "x.tmp"]


@pytest.fixture
def surroundings(tmp_path):
    (tmp_path / "own").mkdir()
    return Surroundings(own_data=tmp_path / "own", shells=True, pass_env=())


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "the 'source'"
    (folder / "cache").mkdir(parents=True)
    (folder / "cache" / "file").touch()
    for name in ODD:
        (folder / name).write_text(name)
    return folder


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["copy", "rsync", "rclone"])
def test_what_was_typed_does_what_the_run_does(kind, source, tmp_path, surroundings):
    options = {
        "source": str(source),
        "destination": str(tmp_path / "co py"),
        "exclude": ["*.tmp", "cache/"],
        "verify": "fast",
    }

    found = commands_of(engine_for, kind, options, surroundings)
    done = subprocess.run(["/bin/bash", "-c", "\n".join(found.lines)], capture_output=True, check=False)

    assert (done.returncode, found.about) == (0, "")
    assert names_in(tmp_path / "co py") == set(ODD) - {"x.tmp"}


def test_a_secret_variable_of_a_command_is_not_shown(surroundings, tmp_path):
    (tmp_path / "token").write_text("another secret")
    options = {
        "argv": ["/bin/echo", "a b", "$HOME"],
        "cwd": str(tmp_path),
        "env": {"API_TOKEN": "hunter2", "PLAIN": "x y"},
        "env_files": {"OTHER": str(tmp_path / "token")},
        "stdin": "in put",
    }

    found = commands_of(engine_for, "command", options, surroundings)

    assert found.lines[0] == f"cd {tmp_path}"
    assert "API_TOKEN='…' PLAIN='x y'" in found.lines[1]
    assert f'OTHER="$(cat {tmp_path}/token)"' in found.lines[1]
    assert found.lines[1].endswith("/bin/echo 'a b' '$HOME'")
    assert "hunter2" not in str(found)
    assert "another secret" not in str(found)


def test_a_script_is_one_argument(surroundings):
    found = commands_of(engine_for, "shell", {"script": "echo 'it'\necho $HOME\n"}, surroundings)

    done = subprocess.run(
        ["/bin/sh", "-c", found.lines[0]], capture_output=True, env={"HOME": "/here"}, check=False
    )
    assert done.stdout == b"it\n/here\n"


def test_a_kind_whose_command_cannot_be_told_says_why(surroundings, tmp_path):
    options = {"source": str(tmp_path), "destination": "nas:photos"}

    gone = commands_of(engine_for, "rclone", options, surroundings)
    unknown = commands_of(engine_for, "teleport", {}, surroundings)

    assert (gone.lines, unknown.lines) == ((), ())
    assert "There is no destination 'nas' any more." in gone.about
    assert "teleport" in unknown.about
