"""What tells one error from another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fingerprints import fingerprint, skeleton
from core.models import Failure


def a_fingerprint(message, *, kind="copy", code="engine-failed"):
    return fingerprint(kind, Failure(code=code, message=message))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Permission denied: '/srv/a.jpg'", "Permission denied: '/home/ana/my photos/b c.png'"),
        ("Cannot read /srv/photos/1.jpg.", "Cannot read /mnt/x."),
        ("Cannot write C:\\Users\\ana\\x", "Cannot write D:\\y"),
        ("nas-02.local:22 did not answer", "10.0.0.17:2222 did not answer"),
        (
            "lost https://a.example/x?y=1 at 2026-11-21T07:42:00Z",
            "lost http://b.example/ at 2025-01-01T00:00:00Z",
        ),
        ("run 550e8400-e29b-41d4-a716-446655440000 is gone", "run 0dead1 is gone"),
        ("bad block 0xdeadbeef at 17", "bad block 0x1 at 1,024"),
        ("12.3 GB of 1 TB are left", "900 GB of 2 TB are left"),
        ("2 files or folders were not readable", "1 file or folder was not readable"),
        ("  Broken\tpipe ", "broken pipe"),
        ("\x1b[31mBroken pipe\x1b[0m", "Broken pipe"),
        ("no answer after 3h20m", "no answer after 15s"),
    ],
)
def test_what_differs_from_run_to_run_does_not_count(one, other):
    assert a_fingerprint(one) == a_fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rsync ended with 23.", "rsync ended with 12."),
        ("exit status 1", "exit status 127"),
        ("[Errno 13] while reading", "[Errno 28] while reading"),
        ("Permission denied", "No space left on device"),
        ("can't reach the host", "can reach the host"),
        ("", "Broken pipe"),
    ],
)
def test_other_errors_are_told_apart(one, other):
    assert a_fingerprint(one) != a_fingerprint(other)


def test_a_count_before_a_noun_is_no_code():
    assert a_fingerprint("it ended with 3 failures") == a_fingerprint("it ended with 14 failures")


def test_the_same_words_of_another_kind_or_code_are_another_error():
    prints = {
        a_fingerprint("Broken pipe"),
        a_fingerprint("Broken pipe", kind="command"),
        a_fingerprint("Broken pipe", code="timeout"),
    }

    assert len(prints) == 3


def test_only_how_a_huge_message_begins_counts():
    huge = "the tool said: " + "word " * 1_000_000

    assert len(skeleton(huge)) < 10_000
    assert a_fingerprint(huge) == a_fingerprint(huge + "and more")


@given(st.text(max_size=300))
def test_every_message_has_a_fingerprint_of_sixteen_characters(message):
    found = a_fingerprint(message)

    assert len(found) == 16
    assert set(found) <= set("0123456789abcdef")


@given(st.text(max_size=60), st.integers(0, 10**18), st.integers(0, 10**18))
def test_two_numbers_at_one_place_never_tell_errors_apart(words, one, other):
    assert a_fingerprint(f"{words} after {one} times") == a_fingerprint(f"{words} after {other} times")
