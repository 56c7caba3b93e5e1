"""Files of other programs, read without running, opening or believing anything."""

import subprocess

import pytest

from core.imports import backrest, borgmatic, crontab, rclone_conf, restic_files
from core.imports.rclone_conf import revealed
from core.imports.values import Found
from core.models import Schedule

SECRET = "hunter2-and-more"


def words(found: Found) -> str:
    """Return all that is said to people."""
    return " ".join(remark.words for remark in (*found.understood, *found.left_out))


def obscured(text: str) -> str:
    asked = subprocess.run(
        ["rclone", "--config", "", "obscure", "-"], input=text, check=True, capture_output=True, text=True
    )
    return asked.stdout.strip()


def test_a_password_is_as_it_was_before_rclone_hid_it():
    assert revealed(obscured(SECRET)) == SECRET


def test_remotes_of_rclone_become_destinations():
    text = f"""
[nas]
type = webdav
url = https://nas.example/dav
vendor = nextcloud
user = ana
pass = {obscured(SECRET)}

[safe]
type = crypt
remote = nas:photos/secret
password = {obscured("inner " + SECRET)}
filename_encryption = standard

[odd]
type = union
upstreams = nas: other:

[cunning]
type = webdav
url = https://x.example
bearer_token_command = touch /tmp/x
"""

    found = rclone_conf.read(text, {})

    nas, safe, cunning = (planned.draft for planned in found.destinations)
    assert (nas.settings["backend"], nas.settings["options"]["user"]) == ("webdav", "ana")
    assert nas.secrets == {"pass": SECRET}
    assert (safe.settings["path"], safe.settings["encrypt"]) == ("photos/secret", "standard")
    assert safe.secrets == {"pass": SECRET, "crypt_password": "inner " + SECRET}
    assert "bearer_token_command" not in cunning.settings["options"]
    assert "does not use rclone's union" in words(found)
    assert "bearer_token_command is not taken over" in words(found)
    assert SECRET not in words(found)


def test_an_encrypted_configuration_is_said_to_be_one():
    found = rclone_conf.read("# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nabc=\n", {})

    assert "rclone config show" in words(found)


def test_a_file_of_variables_becomes_a_repository():
    text = f"""
# our backups
export RESTIC_REPOSITORY="s3:https://s3.example/bucket/path"
export AWS_ACCESS_KEY_ID=AKIA123
AWS_SECRET_ACCESS_KEY='{SECRET}'
RESTIC_PASSWORD_FILE=/etc/restic/password
RESTIC_PASSWORD_COMMAND="touch /tmp/x"
FROM_SHELL=$(touch /tmp/x)
OTHER=1
"""

    alone = restic_files.read(text, {})
    together = restic_files.read(text, {"/etc/restic/password": "inner\n"})

    (planned,) = together.destinations
    assert planned.draft.settings["repository"] == "s3:https://s3.example/bucket/path"
    assert planned.draft.secrets == {"key_id": "AKIA123", "key_secret": SECRET, "password": "inner"}
    assert alone.files == ("/etc/restic/password",)
    assert "password" not in alone.destinations[0].draft.secrets
    assert "nothing is run" in words(together)
    assert "only a shell could resolve" in words(together)
    assert "OTHER is not known" in words(together)
    assert SECRET not in words(together)


def test_a_password_in_an_address_becomes_a_secret():
    found = restic_files.read(f"RESTIC_REPOSITORY=rest:https://ana:{SECRET}@nas:8000/photos", {})

    (planned,) = found.destinations
    assert planned.draft.settings == {"repository": "rest:https://nas:8000/photos"}
    assert planned.draft.secrets == {"rest_user": "ana", "rest_password": SECRET}
    assert SECRET not in words(found)


def test_a_repository_that_runs_a_program_is_left_out():
    found = restic_files.read("RESTIC_REPOSITORY=rclone:nas:x", {})

    assert not found.destinations
    assert "does not go to this repository" in words(found)


def test_lines_of_a_crontab_become_jobs():
    text = """
MAILTO=ana@example.org
# comment
30 2 * * * /usr/bin/nice -n 10 rsync -aHz --delete --exclude='*.tmp' --exclude /cache -e "ssh -p 2222" /home/ana/ ana@nas:/srv/copies >/dev/null 2>&1
@daily rsync -a "/my photos" /mnt/disk/ | logger -t copy
0 * * * * . /etc/restic.env && restic backup /home --exclude /home/ana/.cache -x && restic forget --prune
15 4 * * 1 rclone sync /srv/data b2:bucket/data --bwlimit 2M
"""

    found = crontab.read(text, {"/etc/restic.env": "export RESTIC_REPOSITORY=/mnt/repo\nRESTIC_PASSWORD=x\n"})

    over_ssh, here, repository, cloud = found.jobs
    assert over_ssh.kind == "rsync"
    assert over_ssh.schedule == Schedule(cron="30 2 * * *")
    assert over_ssh.options["exclude"] == ["*.tmp", "/cache"]
    assert (over_ssh.options["mirror"], over_ssh.options["hard_links"], over_ssh.options["compress"]) == (
        True,
        True,
        True,
    )
    assert found.destinations[0].draft.settings == {
        "host": "nas",
        "path": "/srv/copies",
        "user": "ana",
        "port": 2222,
    }
    assert (here.options["source"], here.options["destination"]) == ("/my photos", "/mnt/disk/my photos")
    assert here.schedule == Schedule(cron="0 0 * * *")
    assert (repository.kind, repository.options["exclude"]) == ("restic", ["/ana/.cache"])
    assert (cloud.ref, cloud.below, cloud.options["mirror"]) == ("b2:", "bucket/data", True)
    assert cloud.options["bandwidth_limit"] == 2 * 1024 * 1024
    assert "restic forget" in words(found)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("0 1 * * * rsync -a $HOME/ /mnt/x", "only a shell could resolve"),
        ("0 1 * * * rsync -a `pwd`/ /mnt/x", "only a shell could resolve"),
        ("0 1 * * * rsync -a /home/*/docs /mnt/x", "only a shell could resolve"),
        ("0 1 * * * rsync -a ~/docs /mnt/x", "only a shell could resolve"),
        ("0 1 * * * tar c /home | rsync -a - /mnt/x", "goes into another"),
        ("0 1 * * * rsync -a --link-dest=../last /home/ /mnt/x", "--link-dest is not known"),
        ("0 1 * * * rsync -a nas:/home/ /mnt/x", "copies from here"),
        ("0 1 * * * rsync -a /home/ nas::module", "daemon"),
        ("0 1 * * * rsync -a -e 'sh -c id' /home/ nas:/x", "another program than ssh"),
        ("0 1 * * * restic -r /mnt/r --option sftp.command=id backup /home", "--option is not known"),
        ("0 1 * * * rclone move /home b2:x", "only rclone copy"),
        ("0 1 * * * rclone copy /home :webdav,url=x:", "no remote of rclone that has a name"),
        ("0 1 * * * rsync -a /home/ /mnt/$(date +%Y)", "%"),
        ("0 1 * * * 'rsync", "quotes do not match"),
        ("0 1 * * * true", "not taken over"),
        ("nonsense", "no time and command"),
    ],
)
def test_a_line_that_only_a_shell_could_know_is_left_out(line, why):
    found = crontab.read(line, {})

    assert not found.jobs
    assert why in words(found)


def test_an_option_that_takes_files_away_is_left_out_and_said_so():
    found = crontab.read("0 1 * * * rsync -a --remove-source-files --append-verify /home/ /mnt/x", {})

    assert "delete_source" not in found.jobs[0].options
    assert "off until you turn it on" in words(found)
    assert "can leave a copy that is wrong" in words(found)


def test_repositories_and_plans_of_backrest_become_destinations_and_jobs():
    text = """{"repos": [{"id": "nas", "uri": "sftp:ana@nas:/srv/repo", "password": "%s",
        "env": ["RESTIC_COMPRESSION=max"], "flags": ["-o sftp.command=id"]}],
      "plans": [{"id": "home", "repo": "nas", "paths": ["/home", "/etc"], "excludes": ["*.tmp", "/home/x"],
        "schedule": {"cron": "0 3 * * *", "clock": "CLOCK_UTC"}, "hooks": [{"actionCommand": {"command": "id"}}]},
       {"id": "lost", "repo": "gone", "paths": ["/x"]}]}"""

    found = backrest.read(text.replace("%s", SECRET), {})

    (repository,) = found.destinations
    assert repository.draft.secrets == {"password": SECRET}
    assert [job.options["source"] for job in found.jobs] == ["/home", "/etc"]
    assert [job.options["exclude"] for job in found.jobs] == [["*.tmp", "/x"], ["*.tmp"]]
    assert found.jobs[0].schedule == Schedule(cron="0 3 * * *", timezone="UTC")
    assert "Not taken over: hooks" in words(found)
    assert "Not taken over: flags" in words(found)
    assert SECRET not in words(found)


@pytest.mark.parametrize("older", [True, False])
def test_a_configuration_of_borgmatic_becomes_a_job_that_runs_it(older):
    text = "source_directories:\n    - /home\nrepositories:\n    - path: ssh://u:p@nas/./repo\n      label: nas\n"
    if older:
        text = (
            "location:\n"
            + "".join(f"    {line}\n" for line in text.splitlines())
            + "hooks:\n    before_backup:\n        - id\n"
        )

    found = borgmatic.read(text, {}, path="/etc/borgmatic/config.yaml")

    (job,) = found.jobs
    assert job.options["argv"] == ["borgmatic", "--config", "/etc/borgmatic/config.yaml", "--verbosity", "1"]
    assert "does not prove its copies" in words(found)
    assert "u:p" not in words(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "[",
        "{",
        "[[]]",
        "[a]\n[a]\ntype=",
        "a: !!python/object/apply:os.system [id]",
        "a: &a [*a]",
        "[" * 100_000,
        '{"repos": [' * 10_000,
        '{"repos": {"uri": 7}, "plans": "x"}',
        '{"repos": [{"uri": ["x"], "env": [7]}], "plans": [7, {"paths": 3}]}',
        "[x]\ntype = crypt\nremote = x:",
        "[DEFAULT]\ntype = nothing\n[y]\nhost = h",
        "0 1 * * * rsync\n" * 6_000,
        "\ud800".encode("utf-8", "replace").decode(),
        "export X='" + "a" * 100_000,
        "source_directories: 5\nrepositories: true",
        "source_directories: {a: b}\nrepositories: {c: d}",
    ],
)
def test_hostile_files_are_read_without_harm(text):
    for read in (rclone_conf.read, restic_files.read, borgmatic.read, backrest.read, crontab.read):
        found = read(text, {})

        assert not found.jobs
        assert not found.destinations


@pytest.mark.parametrize(
    "text", ["RESTIC_REPOSITORY=" + "a:" * 400_000, "* * * * * rsync " + "'" * 800_000, "A=" + "\\" * 800_000]
)
def test_a_line_without_end_is_not_taken_apart(text):
    for read in (restic_files.read, crontab.read):
        found = read(text, {})

        assert not found.jobs
        assert "longer than 10,000 letters" in words(found) or "no time and command" in words(found)


def test_a_login_in_the_address_of_a_remote_is_neither_taken_over_nor_repeated():
    found = rclone_conf.read("[a]\ntype = webdav\nurl = https://ana:seven-geese@dav.example/\n[b]\nurl=x", {})

    assert not found.destinations
    assert "user or password in the address of its option url" in words(found)
    assert "does not say its type" in words(found)
    assert "geese" not in repr(found)
