"""What the server says of itself."""

import io
import json
import logging
import os

import pytest

from core.log_setup import set_up_logging

TOKEN = "holdfast_q2w3e4r5t6y7u8i9o0p1a2s3d4f5g6h7j8k9l0z1x2c"


@pytest.fixture
def said():
    """Sets logging up as asked and returns the lines; everything is as before afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level

    def set_up(form: str) -> io.StringIO:
        set_up_logging("info", form, stream)
        return stream

    yield set_up
    root.handlers = handlers
    root.setLevel(level)


def log_something(log: logging.Logger) -> None:
    log.info("a name with\na line end, \x1b[31mcolour\x1b[0m and %s", TOKEN)
    log.info("open http://127.0.0.1:8080/setup#Zm9vYmFyYmF6 to begin")
    try:
        os.environ[f"Authorization: Bearer {TOKEN}\nsecond line"]
    except KeyError:
        log.exception("it failed")


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_server_log_is_one_line_for_one_event_and_keeps_no_secret(said, form):
    stream = said(form)

    log_something(logging.getLogger("uvicorn.error.test"))
    logging.getLogger("holdfast.test").info("end")
    log_something(logging.getLogger("holdfast.test"))

    lines = stream.getvalue().splitlines()
    assert len([line for line in lines if "holdfast.test" in line]) == 4
    assert TOKEN not in stream.getvalue()
    assert "Zm9vYmFyYmF6" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert all(line.startswith("{") == (form == "json") for line in lines)


def test_a_line_for_programs_has_its_parts(said):
    stream = said("json")

    logging.getLogger("holdfast.test").warning("the disk is slow")

    event = json.loads(stream.getvalue())
    assert event.pop("at").endswith("+00:00")
    assert event == {"level": "warning", "logger": "holdfast.test", "message": "the disk is slow"}


def test_libraries_say_only_what_is_wrong(said):
    stream = said("text")

    logging.getLogger("uvicorn.error").info('"WebSocket /ws?x=1" [accepted]')
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")

    assert "WebSocket" not in stream.getvalue()
    assert "Invalid HTTP request" in stream.getvalue()
