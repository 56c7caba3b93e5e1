"""Secrets: files that only their user reads, whole at every moment, and never told."""

import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import InvalidOptions, StorageFailed
from core.places.drafts import DestinationPatch
from tests.core.places.conftest import KEY, a_cloud, a_host, a_repository

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).parents[3]


def mode_of(path):
    return oct(stat.S_IMODE(path.stat().st_mode))


def answer(program, *arguments):
    told = subprocess.run(
        [sys.executable, str(PROGRAMS / program), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_a_secret_is_a_file_for_its_user_alone(book, data):
    before = os.umask(0o000)
    try:
        made = book.create(a_host(secrets={"key": KEY.replace("\n", "\r\n")}))
    finally:
        os.umask(before)

    path = book.secret(made.id, "key")

    assert path == data / "secrets" / "nas" / "key"
    assert path.read_text() == f"{KEY}\n"
    assert [mode_of(each) for each in (path, path.parent, path.parent.parent)] == ["0o600", "0o700", "0o700"]


def test_a_secret_that_is_not_given_again_stays(book):
    made = book.create(a_host())

    edited = book.edit(made.id, 1, DestinationPatch(settings={**made.settings, "path": "other"}))

    assert edited.secrets == ("key",)
    assert book.secret(made.id, "key").read_text() == f"{KEY}\n"


def test_a_secret_that_is_taken_away_is_gone(book, data):
    made = book.create(a_cloud(secrets={"pass": "seven grey geese", "bearer_token": "eight"}))

    edited = book.edit(made.id, 1, DestinationPatch(secrets={"bearer_token": None}))

    assert edited.secrets == ("pass",)
    assert sorted(path.name for path in (data / "secrets" / made.id).iterdir()) == ["pass", "rclone.conf"]
    assert "eight" not in (data / "secrets" / made.id / "rclone.conf").read_text()


def test_a_token_that_was_renewed_stays(book):
    token = json.dumps({"access_token": "old", "expiry": "2026-01-01T00:00:00Z"})
    draft = a_cloud()
    draft = type(draft)(
        name="Box", type="rclone", settings={"backend": "dropbox", "path": "x"}, secrets={"token": token}
    )
    made = book.create(draft)
    config = book.secret(made.id, "rclone.conf")
    config.write_text(config.read_text().replace('"old"', '"renewed"'))

    book.edit(made.id, 1, DestinationPatch(settings={**made.settings, "path": "y"}))

    assert '"renewed"' in book.secret(made.id, "rclone.conf").read_text()


@pytest.mark.parametrize(
    "draft", [a_cloud(), a_repository("rest:https://host.example/")], ids=["rclone", "restic"]
)
def test_a_secret_is_not_sent_to_another_address(book, draft):
    if draft.type == "restic":
        draft = type(draft)(
            name="R",
            type="restic",
            settings=draft.settings,
            secrets={"password": "p", "rest_user": "u", "rest_password": "seven grey geese"},
        )
    made = book.create(draft)
    elsewhere = json.loads(json.dumps(dict(made.settings)).replace(".example", ".attacker.example"))

    with pytest.raises(InvalidOptions) as refused:
        book.edit(made.id, 1, DestinationPatch(settings=elsewhere))

    wanted = {"rclone": {"secrets.pass"}, "restic": {"secrets.rest_user", "secrets.rest_password"}}
    assert set(refused.value.problems) == wanted[made.type]
    assert book.destination(made.id) == made


def test_no_journal_event_audit_or_log_has_a_secret(make_service, data, caplog):
    caplog.set_level(logging.DEBUG)
    with make_service(kept=True).opened(at_work=True) as service:
        made = service.destinations.create(a_cloud())
        service.destinations.edit(made.id, 1, DestinationPatch(secrets={"pass": "eight white swans"}))
        with pytest.raises(InvalidOptions) as refused:
            service.destinations.create(a_cloud(name="Other", secrets={"pass": "nine black\nravens"}))
        told = [repr(service.destinations.list()), repr(a_cloud()), str(refused.value), caplog.text]

    files = [path for path in data.rglob("*") if path.is_file() and "secrets" not in path.parts]
    told += [path.read_bytes().decode(errors="replace") for path in files]
    for secret in ("grey geese", "white swans", "black"):
        assert not any(secret in each for each in told)


@pytest.mark.parametrize("place", ["secrets", "secrets/nas"])
def test_a_link_in_the_place_of_secrets_is_not_followed(book, data, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    data.mkdir(exist_ok=True)
    (data / place).parent.mkdir(exist_ok=True)
    (data / place).symlink_to(elsewhere)

    with pytest.raises(StorageFailed):
        book.create(a_host())

    assert list(elsewhere.iterdir()) == []
    assert mode_of(elsewhere) == "0o755"
    assert book.list() == ()


def test_a_link_in_the_place_of_a_secret_is_none(book, tmp_path):
    made = book.create(a_host())
    path = book.secret(made.id, "key")
    path.unlink()
    (tmp_path / "other").write_text("somebody else's")
    path.symlink_to(tmp_path / "other")

    with pytest.raises(FileNotFoundError):
        book.secret(made.id, "key")


def test_a_change_that_is_killed_leaves_the_old_secret_or_the_new_one(tmp_path):
    told = answer("kill_an_edit.py", tmp_path, 8)

    assert told["kills"] == 8
    assert told["wrong"] == []


def test_a_new_secret_counts_as_soon_as_its_register_does(make_service, data):
    with make_service(kept=True).opened(at_work=True) as service:
        made = service.destinations.create(a_host())
        stamps = service.destinations.files.lay(made.id, {"key": "laid, and then killed"})
        before = service.destinations.secret(made.id, "key").read_text()
        kept = dict(service.manager.register("destination/nas"))
        service.manager.set_register("destination/nas", {**kept, "stamps": dict(stamps)})
        after = service.destinations.secret(made.id, "key").read_text()

    assert before == f"{KEY}\n"
    assert after == "laid, and then killed"


def test_what_a_killed_process_laid_is_cleared_away_at_the_start(make_service, data):
    with make_service(kept=True).opened(at_work=True) as service:
        service.destinations.create(a_host())
        service.destinations.files.lay("nas", {"key": "never counted"})
        service.destinations.files.lay("trial-0123456789abcdef", {"key": "of a trial"})

    with make_service(kept=True).opened(at_work=True) as service:
        left = sorted(path.relative_to(data).as_posix() for path in (data / "secrets").rglob("*"))

    assert left == ["secrets/nas", "secrets/nas/key"]


def test_a_full_disk_keeps_the_old_secret(tmp_path):
    told = answer("fill_the_disk_of_secrets.py", tmp_path)

    assert told["refused"] == "storage-full"
    assert told["kept while full"] == [1, "the old one", ["key"]]
    assert told["kept with room"] == [2, "the new one", ["key"]]
