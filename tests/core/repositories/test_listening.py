"""What restic says, in the words of 0.14 and of later ones."""

import json

from core.repositories.listening import Listener
from core.repositories.rehearsal import Rehearsal
from tests.doubles import ScriptedContext


def a_status(**fields):
    plain = {
        "message_type": "status",
        "total_bytes": 1_000,
        "bytes_done": 0,
        "total_files": 4,
        "files_done": 1,
    }
    return json.dumps(plain | fields)


def test_progress_has_rate_and_time_left_from_what_was_done_since_it_began(tmp_path):
    times = iter([10.0, 12.0])
    context = ScriptedContext(tmp_path)
    listener = Listener(context, lambda: next(times))

    first = listener.hear("out", a_status(bytes_done=100))
    listener.hear("out", a_status(bytes_done=500, current_files=["/a/b"]))

    assert first is False
    told = context.reported[-1]
    assert (told.percent, told.rate, told.eta_seconds) == (50.0, 200.0, 2.5)
    assert told.message == "1 of 4 files, at /a/b"


def test_the_time_left_that_later_versions_tell_is_believed(tmp_path):
    context = ScriptedContext(tmp_path)

    Listener(context).hear("out", a_status(bytes_done=10, seconds_remaining=77))

    assert context.reported[-1].eta_seconds == 77.0


def test_files_that_could_not_be_read_are_named_once_in_words(tmp_path):
    context = ScriptedContext(tmp_path)
    listener = Listener(context)
    old = {"message_type": "error", "error": {"Op": "open", "Path": "/s/b", "Err": 13}, "item": "/s/b"}
    new = {"message_type": "error", "error": {"message": "open /s/c: permission denied"}, "item": "/s/c"}

    for plain in (old | {"during": "scan"}, old | {"during": "archival"}, new):
        listener.hear("err", json.dumps(plain))

    assert listener.unread == ["/s/b: Permission denied", "/s/c: open /s/c: permission denied"]
    assert listener.unread_count == 2
    assert context.warnings == [f"Could not be read: {words}" for words in listener.unread]


def test_a_flood_of_errors_is_counted_and_some_are_named(tmp_path):
    listener = Listener(ScriptedContext(tmp_path))

    for number in range(500):
        plain = {"message_type": "error", "error": {"Err": 2}, "item": f"/s/{number}"}
        listener.hear("err", json.dumps(plain))

    assert len(listener.unread) == 20
    assert listener.unread_count == 500


def test_lines_that_are_no_progress_are_left_to_the_log_and_kept_as_last_words(tmp_path):
    context = ScriptedContext(tmp_path)
    listener = Listener(context)
    odd = [
        "Fatal: wrong password or no key found",
        "{not json",
        '{"message_type": 7}',
        "",
        '["a"]',
        "\udcff{",
    ]

    kept = [listener.hear("err", line) for line in odd]

    assert kept[0] is None
    assert kept[1] is None
    assert "Fatal: wrong password or no key found" in listener.last_words
    assert context.reported == []


def test_the_last_word_of_later_versions_is_understood(tmp_path):
    listener = Listener(ScriptedContext(tmp_path))

    listener.hear(
        "err", '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}'
    )

    assert listener.last_words == ("Fatal: wrong password or no key found",)


def test_where_it_is_can_be_seen_beyond_what_is_kept(tmp_path):
    context = ScriptedContext(tmp_path)
    listener = Listener(context)

    found = [listener.glance("out", line) for line in ("words", a_status(bytes_done=250))]

    assert found == [False, True]
    assert context.reported[-1].percent == 25.0


def test_a_rehearsal_counts_files_of_the_source_alone(tmp_path):
    rehearsal = Rehearsal(tmp_path)
    items = [
        ("new", f"{tmp_path}/a"),
        ("new", f"{tmp_path}/d/"),
        ("new", "/elsewhere"),
        ("modified", f"{tmp_path}/b"),
    ]

    for action, item in items:
        rehearsal.hear("out", json.dumps({"message_type": "verbose_status", "action": action, "item": item}))

    outcome = rehearsal.outcome(cut=True)
    assert outcome.result["changes"] == [("changed", "b"), ("new", "a")]
    assert "more changes than counted" in outcome.warnings[0]
