"""Destinations of rclone: what may be set, what is written down, what troubles mean."""

import configparser
import json

import pytest

from core.errors import EngineFailed
from core.remotes.backends import BACKENDS
from core.remotes.rclone import call, config_text, settings_problems
from core.remotes.rclone_features import features_in
from core.remotes.rclone_log import Talk
from core.remotes.rclone_troubles import trouble
from tests.rclone_servers import add_remote, webdav_settings
from tests.servers import SomeDestinations

NEVER = [
    "bearer_token_command", "ssh", "server_command", "md5sum_command", "sha1sum_command", "env_auth", "profile",
    "shared_credentials_file", "key_use_agent", "remote", "upstreams", "headers", "no_check_certificate",
    "password_command", "key_file", "service_account_file", "use_msi", "anonymous", "box_config_file", "token_url",
    "auth_url", "type",
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("option", NEVER)
def test_no_backend_has_an_option_that_runs_a_command_or_reads_the_environment(backend, option):
    found = settings_problems({"backend": backend, "options": {option: "x"}, "path": "/a/b"})

    assert f"options.{option}" in found


@pytest.mark.parametrize(
    "value",
    [
        "x\n[evil]",
        "x\ntype = local",
        "\0",
        "-o",
        ":local:",
        '"x',
        "`x",
        "%(pass)s",
        " x",
        "x\r",
        "x\\",
        3.5,
        None,
        ["x"],
    ],
)
def test_no_value_can_add_a_line_or_be_read_as_another(value):
    options = {"url": "http://127.0.0.1", "user": value, "vendor": "other"}

    found = settings_problems({"backend": "webdav", "options": options, "path": "a"})

    assert set(found) == {"options.user"}


@pytest.mark.parametrize(
    "backend", ["alias", "union", "chunker", "cache", "http", "", 5, ":local", "local,x=y"]
)
def test_other_backends_are_refused(backend):
    assert "backend" in settings_problems({"backend": backend, "options": {}, "path": "/x"})


@pytest.mark.parametrize("path", [":local:/etc", "-x", "a/../b", "a\nb", "a//b", 5])
def test_paths_cannot_leave_or_become_options(path):
    settings = webdav_settings(80) | {"path": path}

    assert set(settings_problems(settings)) == {"path"}


def test_a_secret_among_the_options_is_refused_and_not_repeated():
    found = settings_problems(webdav_settings(80, **{"pass": "heron"}))

    assert set(found) == {"options.pass"}
    assert "heron" not in str(found)


def test_a_configuration_has_one_remote_of_a_fixed_name_and_its_passwords_scrambled():
    text = config_text(webdav_settings(80, user="ana"), {"pass": "heron: [x] = %(y)s"})

    parsed = configparser.RawConfigParser()
    parsed.read_string(text)
    assert parsed.sections() == ["holdfast"]
    assert parsed["holdfast"]["type"] == "webdav"
    assert "heron" not in text


@pytest.mark.parametrize("secret", ["a\n[evil]", "x\nbearer_token_command = touch", '"quoted"', "%(type)s"])
def test_a_secret_cannot_add_a_line_to_the_configuration(secret):
    with pytest.raises(EngineFailed) as refused:
        config_text(webdav_settings(80), {"bearer_token": secret})

    assert secret not in str(refused.value)


def test_a_token_is_written_as_one_line_whatever_its_form():
    token = json.dumps({"access_token": "a", "expiry": "2026-11-21T00:00:00Z"}, indent=4)

    text = config_text({"backend": "dropbox", "options": {}, "path": "x"}, {"token": token})

    assert 'token = {"access_token":"a","expiry":"2026-11-21T00:00:00Z"}\n' in text


def test_a_secret_that_is_needed_is_asked_for():
    settings = {"backend": "b2", "options": {"account": "x"}, "path": "bucket"}

    with pytest.raises(EngineFailed, match="Application key: this is needed"):
        config_text(settings, {})


def test_a_call_names_the_configuration_and_has_no_secret(tmp_path):
    destinations = SomeDestinations(tmp_path)
    add_remote(destinations, "nas", webdav_settings(80, user="ana"), **{"pass": "heron"})
    nas = destinations.find("nas")
    assert nas is not None

    found = call(nas, destinations, "photos/a b")

    assert found.argv[:2] == ("rclone", "--config")
    assert found.place == "holdfast:backups/photos/a b"
    assert set(found.environment) == {"PATH", "HOME", "XDG_CACHE_HOME", "LANG", "TZ"}
    assert "heron" not in repr(found)


@pytest.mark.parametrize(
    ("code", "line", "expected"),
    [
        (1, "Failed to copy: 401 Unauthorized", "login-refused"),
        (
            1,
            "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password]",
            "login-refused",
        ),
        (1, "couldn't fetch token - maybe it has expired?: invalid_grant", "token-expired"),
        (1, "write /mnt/x: no space left on device", "destination-full"),
        (
            1,
            "googleapi: Error 403: The user's Drive storage quota has been exceeded, storageQuotaExceeded",
            "destination-full",
        ),
        (1, "googleapi: Error 403: Rate Limit Exceeded, rateLimitExceeded", "too-many-requests"),
        (1, "dial tcp 127.0.0.1:1: connect: connection refused", "unreachable"),
        (1, "dial tcp: lookup nas.example: no such host", "unreachable"),
        (1, "read tcp: connection reset by peer", "connection-lost"),
        (1, "NoSuchBucket: The specified bucket does not exist", "missing"),
        (3, "", "missing"),
        (1, "knownhosts: key mismatch", "host-key"),
        (1, "Failed to copy: preallocate: file too big for remaining disk space", "destination-full"),
        (1, "Failed to copy: corrupted on transfer: sizes differ 1401 vs 0", "failed"),
        (1, "request 8507 of many failed", "failed"),
        (1, "Failed to copy: mkdir /nas/401 forbidden: permission denied", "refused"),
        (1, "something else", "failed"),
        (None, "", "failed"),
    ],
)
def test_troubles_have_a_word_of_their_own(code, line, expected):
    plain = trouble(code, [line])
    logged = trouble(code, [json.dumps({"level": "error", "msg": line})])

    assert (plain.code, logged.code) == (expected, expected)
    assert plain.sentence
    assert plain.hint


def test_the_name_of_a_file_is_not_taken_for_a_trouble_of_the_destination():
    entry = {"level": "error", "msg": "Failed to copy: open /nas/507 a: permission denied", "object": "507 a"}

    assert trouble(1, [json.dumps(entry)]).code == "refused"


def test_what_it_said_last_is_what_was_wrong_and_not_that_it_gives_up():
    talk = Talk(lambda _: None, lambda _: None, lambda _: None)
    talk.hear(
        "err", json.dumps({"level": "error", "msg": "Failed to copy: the disk is on fire", "object": "a"})
    )
    talk.hear("err", json.dumps({"level": "error", "msg": "Attempt 2/2 failed with 1 errors and: on fire"}))
    talk.hear("err", "2026/11/22 01:20:49 Failed to copy with 2 errors: last error was: on fire")

    assert talk.last_words == "Failed to copy: the disk is on fire"


def test_every_trouble_has_a_sentence_of_its_own():
    lines = [
        "401 ",
        "invalid_grant",
        "no space left",
        "429 ",
        "connection refused",
        "connection reset",
        "nosuchbucket",
    ]

    sentences = [trouble(1, [line]).sentence for line in lines]

    assert len(set(sentences)) == len(lines)


@pytest.mark.parametrize(
    "answer", ["", "[]", "{}", '{"Precision": "x", "Hashes": [], "Features": {}}', "null"]
)
def test_features_that_cannot_be_understood_are_a_failure_in_words(answer):
    with pytest.raises(EngineFailed, match="did not say"):
        features_in(answer)
