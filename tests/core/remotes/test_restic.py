"""How restic is told of repositories, what its troubles mean, and who holds its locks."""

import json
import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import EngineFailed
from core.processes.descent import boot_id, known
from core.remotes import restic
from core.remotes.asking import ask
from core.remotes.calls import failure
from core.remotes.restic_locks import Lock, judged, lock_in, may_unlock_ours, notes_in
from core.remotes.restic_places import place_in
from core.remotes.restic_troubles import trouble
from tests.servers import REPOSITORY_PASSWORD, SomeDestinations, a_repository

NOW = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)
HOST_KEY = "nas ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"


@pytest.fixture
def known_places(tmp_path):
    return SomeDestinations(tmp_path)


@pytest.mark.parametrize(
    ("repository", "backend"),
    [
        ("/mnt/disk/repository", "local"),
        ("sftp:me@nas:/srv/restic", "sftp"),
        ("sftp:nas:restic", "sftp"),
        ("sftp://me@nas:2222//srv/restic", "sftp"),
        ("sftp://me@[::1]:2222/restic", "sftp"),
        ("rest:https://host:8000/mine/", "rest"),
        ("rest:http://127.0.0.1:8000", "rest"),
        ("s3:https://s3.example.org/bucket/path", "s3"),
        ("s3:s3.amazonaws.com/bucket", "s3"),
        ("b2:bucket:path", "b2"),
        ("b2:bucket:", "b2"),
        ("azure:container:/", "azure"),
        ("gs:bucket:/path", "gs"),
        ("swift:container:/path", "swift"),
    ],
)
def test_every_place_that_restic_goes_to_by_itself_is_understood(repository, backend):
    assert place_in(repository).backend == backend


@pytest.mark.parametrize(
    "repository",
    [
        *(
            "",
            "relative",
            "-r",
            "--password-command=id",
            "/",
            "/a/../b",
            "/a\nb",
            "/" + "a" * 5_000,
            None,
            7,
            ["/a"],
        ),
        *(
            "rclone:remote:path",
            "rclone::webdav,bearer_token_command=id:",
            "file:/etc",
            "http://host/",
            "local:/a",
        ),
        *("sftp:-oProxyCommand=id:/x", "sftp:-x@host:/x", "sftp:me@host:-x", "sftp:me@ho st:/x", "sftp:host"),
        *(
            "sftp://me:secret@host//x",
            "sftp://host:port//x",
            "sftp://me@-x//y",
            "sftp://host//x?a#b",
            "sftp:h:/../x",
        ),
        *(
            "rest:https://user:secret@host/",
            "rest:ftp://host/",
            "rest:https://host/?x=y",
            "rest:https://",
            "rest:host",
        ),
        *(
            "rest:https://host/a/../b",
            "rest:https://ho'st/",
            "rest:--x",
            "s3:bucket",
            "s3:https://h/-x",
            "s3:https:///b",
        ),
        *("b2:-x:path", "b2:bucket", "azure:a b:/", "gs:bucket:-x", "swift:c:../x", "b2::x"),
    ],
)
def test_nothing_else_is_a_repository(repository):
    assert list(restic.settings_problems({"repository": repository})) == ["repository"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"repository": "/a", "options": "sftp.command=id"}, "options"),
        ({"repository": "/a", "password_command": "id"}, "password_command"),
        ({"repository": "rest:https://h/", "ca_certificate": "relative"}, "ca_certificate"),
        ({"repository": "rest:https://h/", "ca_certificate": 7}, "ca_certificate"),
        ({"repository": "s3:h/bucket", "region": "-o sftp.command=id"}, "region"),
        ({"repository": "s3:h/bucket", "bucket_lookup": "id"}, "bucket_lookup"),
        ({"repository": "sftp:me@h:/x", "host_key": "-o ProxyCommand=id"}, "host_key"),
        ({"repository": "swift:cont:/", "auth_url": "file:///etc"}, "auth_url"),
        ({"repository": "azure:cont:/", "account_name": "a\nb"}, "account_name"),
    ],
)
def test_settings_are_a_strict_list(settings, field):
    assert list(restic.settings_problems(settings)) == [field]


def test_no_secret_stands_in_a_command_or_its_environment(known_places):
    secrets = {
        "rest:http://host/": {"rest_user": "keeper", "rest_password": "p w@/hidden"},
        "s3:https://host/bucket": {"key_id": "hidden-id", "key_secret": "hidden-key"},
        "b2:bucket:path": {"account_id": "hidden-id", "account_key": "hidden-key"},
        "azure:container:/": {"account_key": "hidden-key"},
        "gs:bucket:/": {"credentials": '{"private_key": "hidden"}'},
        "swift:container:/": {"swift_password": "hidden-word"},
    }

    for number, (repository, given) in enumerate(secrets.items()):
        made = known_places.add(
            f"d{number}", "restic", {"repository": repository}, password="hidden-pw", **given
        )
        call = restic.call(made, known_places)
        told = f"{call.argv} {dict(call.environment)} {call.place}"

        assert "hidden" not in told
        assert "--password-file" in call.argv
        assert not {name for name in call.environment if name.startswith("RESTIC_")} - {"RESTIC_PROGRESS_FPS"}


def test_what_is_made_of_secrets_is_for_us_alone_and_made_anew_with_them(known_places, tmp_path):
    login = {"rest_user": "me", "rest_password": "one @"}
    made = known_places.add("d", "restic", {"repository": "rest:http://h/"}, password="pw", **login)
    first = Path(argument_after(restic.call(made, known_places).argv, "--repository-file"))
    known_places.secret("d", "rest_password").write_text("two")

    second = Path(argument_after(restic.call(made, known_places).argv, "--repository-file"))

    assert second.read_text() == "rest:http://me:two@h/"
    assert second.stat().st_mode & 0o777 == 0o600
    assert not first.exists()


def argument_after(argv, name):
    return argv[argv.index(name) + 1]


def test_variables_that_hold_secrets_are_put_in_by_the_process_that_becomes_restic(known_places, tmp_path):
    made = known_places.add(
        "d", "restic", {"repository": "b2:bucket:"}, password="pw", account_key="the secret\n"
    )
    call = restic.call(made, known_places)
    program = call.argv[: call.argv.index("restic")]

    answer = ask([*program, "env"], call.environment)

    assert "B2_ACCOUNT_KEY=the secret" in answer.out.splitlines()
    assert "the secret" not in " ".join(call.argv)


def test_ssh_is_called_as_for_every_destination_over_ssh(known_places):
    settings = {"repository": "sftp://me@nas:2222//srv/restic", "host_key": HOST_KEY}
    made = known_places.add("d", "restic", settings, password="pw", key="a key")

    argv = restic.call(made, known_places).argv

    command = argument_after(argv, "-o")
    assert command.startswith("sftp.command=ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes")
    assert command.endswith("-p 2222 -s -- me@nas sftp")
    assert argument_after(argv, "--repo") == "sftp:me@nas:/srv/restic"


def test_a_destination_that_lacks_something_is_refused_in_words(known_places):
    without = known_places.add("a", "restic", {"repository": "/a"})
    unconfirmed = known_places.add("b", "restic", {"repository": "sftp:me@nas:/x"}, password="pw", key="k")
    wrong = known_places.add("c", "restic", {"repository": "rclone:x:"}, password="pw")
    sound = known_places.add("d", "restic", {"repository": "/a"}, password="pw")

    for made, below, words in (
        (without, "", "a lacks its password."),
        (unconfirmed, "", "The key of the host nas was never confirmed."),
        (wrong, "", "Make a destination of type rclone instead"),
        (sound, "below", "has no folders to copy into"),
    ):
        with pytest.raises(EngineFailed) as refused:
            restic.call(made, known_places, below)
        assert words in str(refused.value)


SAID = (
    (1, "Fatal: wrong password or no key found", "wrong-password", False),
    (12, "Fatal: something new", "wrong-password", False),
    (10, "Fatal: repository does not exist: unable to open config file", "missing", False),
    (1, "Fatal: unable to open config file: <config/> does not exist\nIs there a repository at the following", "missing", False),
    (1, "unable to create lock in backend: repository is already locked by PID 9 on nas by ana (UID 0, GID 0)", "locked", True),
    (11, "Fatal: unable to create lock in backend", "locked", True),
    (1, "Fatal: unable to save snapshot: write /r/data/70/x: no space left on device", "destination-full", False),
    (1, 'Fatal: unable to open config file: Head "http://h/config": dial tcp 1.2.3.4:80: connect: connection refused\nIs there', "unreachable", True),
    (1, "Save(<data/6e>) returned error, retrying after 2s: dial tcp h:1: connect: connection refused\nFatal: unable to save snapshot", "connection-lost", True),
    (1, "Fatal: read tcp 1.2.3.4:5->6: connection reset by peer", "connection-lost", True),
    (1, "Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized\nIs there a repository", "login-refused", False),
    (1, "Fatal: Stat: ExpiredToken: The provided token has expired.", "token-expired", False),
    (1, "Fatal: SlowDown: Please reduce your request rate", "too-many-requests", True),
    (1, "decrypting blob 1d8b failed: ciphertext verification failed", "damaged", False),
    (1, "Fatal: repository contains errors", "damaged", False),
    (1, "Host key verification failed.\nFatal: unable to open config: subprocess ssh: exit status 255", "host-key", False),
    (1, "me@h: Permission denied (publickey).\nsubprocess ssh: exit status 255", "login-refused", False),
    (1, "Fatal: unable to open config file: open /r/config: permission denied\nIs there a repository", "refused", False),
    (1, "Fatal: create repository at /r failed: config file already exists", "refused", False),
    (1, "unknown flag: --pack-size", "failed", False),
    (130, "signal interrupt received, cleaning up", "failed", True),
    (None, "", "failed", True),
    (127, "restic cannot be started: [Errno 2] No such file or directory", "failed", False),
    (1, "Fatal: something else entirely", "failed", False),
)  # fmt: skip


@pytest.mark.parametrize(("code", "said", "word", "transient"), SAID)
def test_troubles_are_told_apart_by_code_and_words(code, said, word, transient):
    found = trouble(code, said.splitlines())

    assert (found.code, failure(found).transient) == (word, transient)


def test_troubles_have_sentences_of_their_own():
    sentences = {
        trouble(code, said.splitlines()).sentence for code, said, word, _ in SAID if word != "refused"
    }
    words = {word for _, _, word, _ in SAID if word != "refused"}

    assert len(sentences) >= len(words)


def test_a_lock_is_told_by_whom_and_since_when():
    said = [
        "unable to create lock in backend: repository is already locked exclusively by PID 77 on nas by ana (UID 0, GID 0)",
        "lock was created at 2026-11-22 00:00:05 (4.0s ago)",
    ]

    sentence = trouble(1, said).sentence

    assert sentence.startswith("The repository is locked by process 77 of ana on nas since 2026-11-2")


# Locks


def a_lock(**fields):
    given: dict[str, Any] = {
        "id": "1",
        "host": socket.gethostname(),
        "user": "ana",
        "pid": 1,
        "since": NOW - timedelta(seconds=90),
    }
    return Lock(**given | fields)


def a_note(folder, **fields):
    myself = known(os.getpid())
    assert myself is not None
    mine = {"pid": os.getpid(), "started": myself.started, "boot": boot_id(), "host": socket.gethostname()}
    path = folder / f"note-{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(mine | fields))
    os.utime(path, ((NOW - timedelta(minutes=2)).timestamp(),) * 2)


def standing(folder, **fields):
    return judged([a_lock(**fields)], notes_in(folder), NOW)[0].standing


GONE = 4_194_304
"""A number that no process has: one above the highest."""


def test_a_lock_is_ours_only_where_a_note_says_so_and_that_very_process_is_gone(tmp_path):
    a_note(tmp_path, pid=GONE, started=5)
    a_note(tmp_path, started=-1)  # our own number, that was another process's when this was noted

    assert standing(tmp_path, pid=GONE) == "ours"
    assert standing(tmp_path, pid=os.getpid()) == "ours"
    assert standing(tmp_path, pid=GONE, host="elsewhere") == "elsewhere"
    assert standing(tmp_path, pid=GONE, since=NOW - timedelta(hours=1)) == "gone"
    assert standing(tmp_path, pid=GONE - 1) == "gone"
    assert standing(tmp_path, pid=1) == "alive"


def test_a_lock_of_a_restic_of_ours_that_lives_is_alive(tmp_path):
    a_note(tmp_path)

    assert standing(tmp_path, pid=os.getpid()) == "alive"


def test_a_restart_of_the_machine_ends_every_process_before_it(tmp_path):
    a_note(tmp_path, boot="another")

    assert standing(tmp_path, pid=os.getpid()) == "ours"


def test_notes_that_are_none_say_nothing(tmp_path):
    for number, text in enumerate(("", "{", "[]", '{"pid": "x"}', '{"pid": 1}')):
        (tmp_path / f"{number}.json").write_text(text)

    assert notes_in(tmp_path) == ()


def test_only_locks_of_ours_are_unlocked_by_a_run(tmp_path):
    a_note(tmp_path, pid=GONE, started=5)
    ours, alive = a_lock(pid=GONE), a_lock(pid=1)
    left, foreign = a_lock(pid=GONE - 1), a_lock(host="elsewhere")
    foreign_and_old = a_lock(host="elsewhere", since=NOW - timedelta(hours=1))

    def may(*locks):
        return may_unlock_ours(judged(locks, notes_in(tmp_path), NOW), NOW)

    assert may(ours)
    assert may(ours, alive, foreign)
    assert not may(ours, left)
    assert not may(ours, foreign_and_old)
    assert not may(left)
    assert not may()


def test_sentences_say_who_holds_a_lock_since_when_and_whether_they_live(tmp_path):
    held = judged([a_lock(pid=GONE), a_lock(host="nas", since=NOW - timedelta(hours=2))], (), NOW)

    assert held[0].sentence == (
        f"Left by process {GONE} of ana on {socket.gethostname()}, last renewed 1 minute ago. "
        "This machine has no such process any more."
    )
    assert "of ana on nas, last renewed 2 hours ago" in held[1].sentence
    assert held[1].sentence.endswith("so it is most likely gone.")


def test_the_locks_of_a_repository_are_read(tmp_path):
    password = tmp_path / "password"
    password.write_text(REPOSITORY_PASSWORD)
    call = restic.call_of_folder(a_repository(tmp_path / "repository"), password)
    (tmp_path / "file").write_bytes(os.urandom(3_000_000))
    slow = [*call.argv, "--no-cache", "backup", "--limit-upload", "50", str(tmp_path / "file")]
    holder = subprocess.Popen(
        slow, env=call.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not list((tmp_path / "repository" / "locks").iterdir()):
        assert holder.poll() is None

    alive = locks_now(call)
    holder.kill()
    holder.wait()
    gone = locks_now(call)

    assert [(one.lock.pid, one.standing) for one in (*alive, *gone)] == [
        (holder.pid, "alive"),
        (holder.pid, "gone"),
    ]
    assert not alive[0].lock.exclusive


def locks_now(call):
    """Return the locks that a repository has, as restic shows them."""
    ids = ask(restic.list_locks(call), call.environment).out.split()
    locks = [lock_in(one, ask(restic.cat_lock(call, one), call.environment).out) for one in ids]
    return judged(locks, (), datetime.now(UTC))


def test_a_new_repository_is_made_and_opens_with_its_password_alone(tmp_path):
    password = tmp_path / "password"
    password.write_text("right")
    call = restic.call_of_folder(tmp_path / "repository", password)

    made = ask(restic.init(call), call.environment, seconds=60)
    again = ask(restic.init(call), call.environment, seconds=60)
    listed = ask(restic.snapshots(call), call.environment, seconds=60)

    assert (made.code, listed.code, json.loads(listed.out)) == (0, 0, [])
    assert (
        trouble(again.code, again.err.splitlines()).sentence == "There is a repository at this place already."
    )
