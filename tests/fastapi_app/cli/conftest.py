"""The command as a person calls it, and a tree to copy."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fastapi_app.cli.calls import call

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def argv(data):
    """Return the words that start the command on this test's data folder."""

    def words(*rest: str | Path) -> list[str]:
        return [sys.executable, "-m", "fastapi_app.cli", *map(str, rest)]

    return words


@pytest.fixture
def environment(data):
    return {**os.environ, "HOLDFAST_DATA": str(data), "NO_COLOR": "1", "COLUMNS": "200"}


@pytest.fixture
def holdfast(data, environment, tmp_path_factory) -> Command:
    """Call the command in a process of its own; returns what it said and its exit code."""
    folder = tmp_path_factory.mktemp("said")

    def call_it(*rest: str | Path) -> subprocess.CompletedProcess[str]:
        return call([*map(str, rest)], environment, folder)

    return call_it


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "photos"
    (folder / "2019").mkdir(parents=True)
    for number in range(5):
        (folder / "2019" / f"{number}.jpg").write_bytes(os.urandom(1000 + number))
    (folder / "notes.txt").write_text("from Iceland\n")
    return folder


@pytest.fixture
def destination(tmp_path) -> Path:
    return tmp_path / "copy"
