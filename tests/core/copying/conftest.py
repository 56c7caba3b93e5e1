"""What the tests of copying have in common: two folders, and one attempt at copying."""

import os
import subprocess

import pytest

from core.engines.copy import CopyEngine
from tests.doubles import ScriptedContext


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def destination(tmp_path):
    return tmp_path / "destination"


@pytest.fixture
def new_context(tmp_path):
    """Make the context of another run; each has a workspace of its own."""
    count = iter(range(100))

    def make(**wishes):
        workspace = tmp_path / f"workspace-{next(count)}"
        workspace.mkdir()
        own_data = tmp_path / "own-data"
        own_data.mkdir(exist_ok=True)
        return ScriptedContext(workspace, own_data=own_data, **wishes)

    return make


@pytest.fixture
def backup(source, destination, new_context):
    """Copy the source to the destination in a run of its own and return the outcome."""

    def run(context=None, **options):
        engine = CopyEngine(source=source, destination=destination, **options)
        return engine.run(context or new_context())

    return run


@pytest.fixture
def assert_same(source, destination):
    """Check that diff finds no difference between the two trees."""

    def check():
        argv = ["diff", "-r", "--no-dereference", os.fspath(source), os.fspath(destination)]
        found = subprocess.run(argv, capture_output=True, check=False)
        assert (found.returncode, found.stdout, found.stderr) == (0, b"", b"")

    return check


@pytest.fixture
def tree(source):
    """A small ordinary tree: three folders, four files, a link."""
    (source / "music" / "live").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / "notes.txt").write_text("remember")
    (source / "music" / "one.ogg").write_bytes(os.urandom(5000))
    (source / "music" / "live" / "two.ogg").write_bytes(os.urandom(70_000))
    (source / "music" / "none.ogg").write_bytes(b"")
    (source / "latest").symlink_to("music/one.ogg")
    return source
