"""What rsync's lines mean, and what its ends do."""

import json

import pytest

from core.models import Progress
from core.remotes import rclone_trials, rsync_trial
from core.remotes.rclone_log import Talk
from core.remotes.rsync_said import Listener, progress_in
from core.remotes.rsync_troubles import trouble
from core.remotes.rsync_version import VERSION


def a_listener(*errors: str) -> Listener:
    heard = Listener(lambda _: None, "/photos")
    for line in errors:
        heard.hear("err", line)
    return heard


def test_a_line_of_progress_is_understood():
    told = progress_in("      9,437,184  42%  176.86MB/s    0:01:05 (xfr#12, to-chk=30/100)")

    assert told == Progress(
        stage="copy",
        percent=42.0,
        done=9_437_184,
        rate=176.86 * (1 << 20),
        eta_seconds=65.0,
        message="12 files copied, 70 of 100 looked at",
    )


def test_no_percentage_is_told_while_files_are_still_looked_for():
    told = progress_in("  32768   0%    0.00kB/s    0:00:00 (xfr#1, ir-chk=999/2000)")

    assert told is not None
    assert (told.percent, told.eta_seconds) == (None, None)
    assert told.message == "1 files copied, 1,001 of at least 2,000 looked at"


@pytest.mark.parametrize(
    "line", ["", "100% of what", ">f+++++++++ 50%  1.00kB/s 0:00:01", "  x 5%  1.00kB/s  0:00:01"]
)
def test_what_is_no_progress_is_not_taken_for_it(line):
    assert progress_in(line) is None


def test_the_counts_at_the_end_are_taken():
    heard = a_listener()
    for line in (
        "Number of files: 1,234 (reg: 1,200, dir: 34)",
        "Number of deleted files: 2 (reg: 1, dir: 1)",
        "Number of regular files transferred: 7",
        "Total file size: 9,000,003 bytes",
        "Total transferred file size: 1,000 bytes",
    ):
        heard.hear("out", line)

    assert (heard.total_files, heard.total_bytes) == (1200, 9_000_003)
    assert (heard.files, heard.bytes, heard.removed) == (7, 1000, 1)
    assert heard.all_removed == 2


def test_what_was_carried_before_the_limit_changed_is_not_forgotten():
    told = []
    heard = Listener(told.append, "/photos")
    heard.begin()
    heard.hear("out", "  700  70%  1.00kB/s  0:00:01 (xfr#2, to-chk=1/3)")
    heard.hear("out", "  900  90%  1.00kB/s  0:00:01")
    heard.hear("err", "rsync error: received SIGINT, SIGTERM, or SIGHUP (code 20) at rsync.c(716)")
    heard.hear("err", "rsync: [sender] write error: Broken pipe (32)")

    heard.begin()
    heard.hear("err", 'rsync: [generator] failed to set times on "/copy/a": Operation not permitted (1)')
    heard.glance("out", "  300 100%  1.00kB/s  0:00:00 (xfr#1, to-chk=0/3)")
    heard.hear("out", "Number of regular files transferred: 1")
    heard.hear("out", "Total transferred file size: 300 bytes")

    assert (heard.files, heard.bytes) == (3, 1000)
    assert (heard.troubled, heard.only_attributes) == (1, True)
    assert [progress.done for progress in told] == [700, 1000]


def test_files_that_could_not_be_read_are_named_as_the_source_has_them():
    heard = a_listener(
        'rsync: [sender] send_files failed to open "/photos/a "b"/c\\nd": Permission denied (13)',
        'file has vanished: "/photos/gone"',
        "rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1338)",
    )

    assert (heard.troubled, heard.vanished) == (1, 1)
    assert heard.named == ['a "b"/c\\nd']
    assert not heard.only_attributes


@pytest.mark.parametrize(
    ("code", "line", "wanted"),
    [
        (255, "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @", "host-key"),
        (255, "Host key verification failed.", "host-key"),
        (255, "ana@nas: Permission denied (publickey,password).", "login-refused"),
        (255, "ssh: connect to host nas port 22: Connection refused", "unreachable"),
        (255, "ssh: connect to host nas port 22: Connection timed out", "unreachable"),
        (255, "ssh: Could not resolve hostname nas: Name or service not known", "unreachable"),
        (255, "client_loop: send disconnect: Broken pipe", "connection-lost"),
        (11, 'rsync: [receiver] write failed on "/x": No space left on device (28)', "destination-full"),
        (11, 'rsync: [receiver] write failed on "/x": Disk quota exceeded (122)', "destination-full"),
        (12, "rsync: connection unexpectedly closed (100 bytes received so far) [sender]", "connection-lost"),
        (30, "rsync error: timeout in data send/receive (code 30)", "connection-lost"),
        (127, "bash: line 1: rsync: command not found", "missing"),
        (None, "", "failed"),
        (20, "rsync error: received SIGINT, SIGTERM, or SIGHUP (code 20)", "failed"),
        (5, "@ERROR: Unknown module 'x'", "failed"),
    ],
)
def test_each_trouble_has_a_sentence_of_its_own(code, line, wanted):
    found = trouble(code, [line])

    assert found.code == wanted
    assert found.sentence.endswith(".")
    assert found.hint


def test_what_may_pass_is_tried_again_and_what_needs_a_person_is_not():
    passing = {"unreachable", "connection-lost"}
    for line in (
        "Connection refused",
        "No route to host",
        "Host key verification failed",
        "No space left on device",
    ):
        found = trouble(255, [line])

        assert (found.transient and found.unreachable) == (found.code in passing)


def test_the_last_word_of_a_full_disk_is_not_the_broken_pipe_that_follows():
    heard = a_listener(
        'rsync: [receiver] write failed on "/nas/f16": No space left on device (28)',
        "rsync: [sender] write error: Broken pipe (32)",
    )

    assert "No space left on device" in heard.last_words


def test_the_name_of_a_file_is_not_taken_for_a_trouble():
    heard = a_listener(
        'rsync: [sender] send_files failed to open "/photos/No space left on device": Permission denied (13)'
    )

    assert trouble(23, heard.said).code == "failed"


def test_the_version_is_read():
    found = VERSION.search("rsync  version 3.2.7  protocol version 31\n")

    assert found is not None
    assert found.groups() == ("3", "2", "7")


def test_a_trial_of_which_not_all_was_heard_does_not_pass_for_the_whole():
    rsync, rclone = rsync_trial.Trial(), rclone_trials.Trial(*[lambda _: None] * 3)
    rsync.hear("out", ">f+++++++++ 5 a")
    said = {"level": "warning", "msg": "Skipped copy as --dry-run is set (size 5)", "object": "a", "size": 5}
    rclone.hear("err", json.dumps(said))

    for whole, cut in (
        (rsync.result(), rsync.result(cut=True)),
        (rclone.result(frozenset()), rclone.result(frozenset(), cut=True)),
    ):
        assert whole["new"] == cut["new"] == 1
        assert "There is more" not in whole["sentence"]
        assert cut["sentence"].startswith(whole["sentence"])
        assert "There is more" in cut["sentence"]


def test_a_trouble_with_each_of_many_files_does_not_flood_the_log():
    logged = []
    rsync, rclone = a_listener(), Talk(lambda _: None, lambda _: None, logged.append)
    kept = 0
    for number in range(20_000):
        line = f'rsync: [sender] send_files failed to open "/photos/{number}": Permission denied (13)'
        kept += rsync.hear("err", line) is not False
        rclone.hear("err", json.dumps({"level": "error", "msg": "permission denied", "object": str(number)}))

    assert (kept, len(logged)) == (1_000, 1_000)
    assert (rsync.troubled, rclone.failed) == (20_000, 20_000)
