"""The audit: whatever somebody does to it is told, with file and line."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from core.acting import Actor, acting_as
from core.audit import Audit
from core.happenings import Happening, Position
from tests.builders import WHEN
from tests.doubles import SettableClock

T = int(WHEN.timestamp() * 1000)


def asked(n: int, **fields: Any) -> Happening:
    defaults: dict[str, Any] = {"n": n, "t": T + n, "kind": "job.edited", "by": "ana", "words": "Edited."}
    return Happening(**defaults | fields)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "audit"


@pytest.fixture
def audit(folder):
    made = Audit(folder, SettableClock())
    made.open()
    made.append([asked(n) for n in range(1, 11)])
    return made


def file_in(folder: Path) -> Path:
    (path,) = folder.glob("*.jsonl")
    return path


def lines_in(folder: Path) -> list[bytes]:
    return file_in(folder).read_bytes().splitlines(keepends=True)


def write(folder: Path, lines: list[bytes]) -> None:
    file_in(folder).write_bytes(b"".join(lines))


def told(audit: Audit) -> list[tuple[int, str]]:
    return [(flaw.line, flaw.message) for flaw in audit.verify().flaws]


def test_an_audit_that_nobody_touched_is_whole(audit):
    found = audit.verify()

    assert (found.whole, found.lines, found.flaws) == (True, 10, ())
    assert found.head == audit.entries(limit=1)[0].hash


def test_a_line_that_was_altered_is_named(audit, folder):
    lines = lines_in(folder)
    lines[3] = lines[3].replace(b'"by":"ana"', b'"by":"bob"')
    write(folder, lines)

    assert told(audit) == [(4, "This line was altered: entry 4 is not what was written.")]


def test_a_line_that_was_altered_with_a_new_hash_is_noticed_at_the_next(audit, folder):
    other = Audit(folder.parent / "other", SettableClock())
    other.append([asked(n, by="bob" if n == 4 else "ana") for n in range(1, 11)])
    forged = lines_in(folder.parent / "other")[3]
    lines = lines_in(folder)
    lines[3] = forged
    write(folder, lines)

    assert told(audit) == [(5, "Entry 5 does not follow the one before it, which was replaced.")]


def test_a_line_that_was_removed_is_named(audit, folder):
    lines = lines_in(folder)
    write(folder, [*lines[:4], *lines[6:]])

    assert told(audit) == [(5, "Entries 5 to 6 were removed before this line.")]


def test_a_line_that_was_inserted_is_named(audit, folder):
    lines = lines_in(folder)
    write(folder, [*lines[:6], lines[2], *lines[6:]])

    assert told(audit) == [(7, "This line was inserted, or moved: it says that it is entry 3.")]


def test_lines_that_were_cut_off_at_the_end_are_missed(audit, folder):
    write(folder, lines_in(folder)[:7])

    (flaw,) = audit.verify().flaws
    audit.append([asked(11)])

    assert flaw.message == "The last 3 entries were removed: the trail went to entry 10, and ends at 7."
    assert told(audit) == [(8, "Entries 8 to 10 were removed before this line.")]


def test_an_audit_that_was_written_anew_is_missed_by_the_hash_that_was_noted(audit, folder):
    noted = audit.verify().head
    audit.append([asked(11)])
    kept = audit.verify(head=noted)
    for path in folder.iterdir():
        path.unlink()
    audit.append([asked(n, by="bob") for n in range(1, 12)])

    anew = audit.verify(head=noted)

    assert kept.whole
    assert audit.verify().whole
    assert "that was noted" in anew.flaws[0].message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_any_change_of_any_byte_of_the_audit_is_told(audit, folder, data):
    path = file_in(folder)
    whole = path.read_bytes()
    start = data.draw(some.integers(0, len(whole) - 1))
    end = data.draw(some.integers(start, min(len(whole), start + 300)))
    path.write_bytes(whole[:start] + data.draw(some.binary(max_size=4)) + whole[end:])
    assume(path.read_bytes() != whole)

    try:
        found = audit.verify()
    finally:
        path.write_bytes(whole)

    assert not found.whole


def test_an_audit_goes_on_where_it_was_cut_short(audit, folder):
    path = file_in(folder)
    audit.append([asked(11, more=True), asked(11)])
    path.write_bytes(path.read_bytes()[:-40])

    again = Audit(folder, SettableClock())
    position = again.open()

    assert position == Position(after=10, lines=1)


def test_a_note_says_who_acts_and_changes_no_position(audit, folder):
    with acting_as(Actor(name="ben", origin="10.0.0.7")):
        audit.note("denied", "POST /store/compact was denied.")

    newest = audit.entries(limit=1)[0]

    assert (newest.seq, newest.kind, newest.by, newest.origin) == (11, "denied", "ben", "10.0.0.7")
    assert Audit(folder, SettableClock()).open() == Position(after=10)
    assert audit.verify().whole


def test_several_who_write_at_once_keep_one_chain(audit, folder):
    others = [Audit(folder, SettableClock()) for _ in range(4)]
    threads = [
        threading.Thread(
            target=lambda one=one: [one.note("login", "Signed in.", by="ana") for _ in range(20)]
        )
        for one in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = audit.verify()

    assert (found.whole, found.lines) == (True, 90)


def test_hostile_words_stay_on_their_line(audit, folder):
    audit.note("login", '"}\n{"seq":99,"kind":"forged"}\u2028\x00', by='ana","hash":"0')

    assert audit.verify().whole
    assert len(lines_in(folder)) == 11
    assert json.loads(lines_in(folder)[-1])["by"] == 'ana","hash":"0'
