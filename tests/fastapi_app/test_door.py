"""The way in for commands: where it cannot be left, and where it was left behind."""

import json
import os
import socket

import filelock
import pytest

from core.storage import yaml_text
from fastapi_app.cli.door import open_door as find_door
from fastapi_app.door import open_door


def test_a_disk_that_refuses_the_way_in_for_commands_does_not_stop_the_server(tmp_path, caplog):
    (tmp_path / "locks").write_text("no folder")

    with open_door(tmp_path, "http://127.0.0.1:1", "token"):
        served = True

    assert served
    assert "way in for commands" in caplog.text


def say_who_holds(data, pid):
    holder = {"pid": pid, "started_at": "2026-11-21T07:42:00+00:00", "address": ""}
    (data / "locks" / "server.yaml").write_bytes(yaml_text.write(holder))


@pytest.fixture
def left_behind(tmp_path):
    """A door of a server that is gone, at whose port a stranger listens now."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.setblocking(False)
        address = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        (tmp_path / "locks").mkdir()
        door = {"address": address, "token": "holdfast_secret", "pid": os.getpid()}
        (tmp_path / "locks" / "door.json").write_text(json.dumps(door))
        say_who_holds(tmp_path, os.getpid())
        yield stranger


def nobody_called(stranger):
    with pytest.raises(BlockingIOError):
        stranger.accept()
    return True


def test_a_door_of_a_server_that_was_killed_is_not_knocked_at(tmp_path, left_behind):
    found = find_door(tmp_path)

    assert found is None
    assert nobody_called(left_behind)


def test_a_door_of_another_process_than_the_holder_is_not_knocked_at(tmp_path, left_behind):
    say_who_holds(tmp_path, os.getpid() + 1)

    with filelock.FileLock(tmp_path / "locks" / "server.lock"):
        found = find_door(tmp_path)

    assert found is None
    assert nobody_called(left_behind)
