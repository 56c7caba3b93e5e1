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


@pytest.fixture
def after_scan(new_context):
    """Make a context that does something once the scan is over and nothing has been copied yet."""
    return once(new_context, lambda progress: progress.stage == "scan" and progress.done)


@pytest.fixture
def after_copy(new_context):
    """Make a context that does something once everything is copied and nothing is compared yet."""
    return once(new_context, lambda progress: progress.stage == "copy" and progress.percent == 100)


def once(new_context, is_time):
    """Return what makes contexts that do something when it is time, and only then."""

    def make(action):
        waiting = [action]

        def ask(progress):
            if is_time(progress) and waiting:
                waiting.pop()()

        return new_context(ask=ask)

    return make


def flip_a_bit(path):
    """Change one bit and nothing else that can be seen from outside."""
    info = path.stat()
    with path.open("r+b") as file:
        file.seek(info.st_size // 2)
        (byte,) = file.read(1)
        file.seek(info.st_size // 2)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
