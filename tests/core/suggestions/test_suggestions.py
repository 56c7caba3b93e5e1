"""Suggestions: what is found on a machine, in a folder that stands for one."""

import os
from pathlib import Path

import pytest

from core.errors import NotFound
from core.imports.desk import Imports
from core.service import Service
from core.settings import Settings
from core.storage.memory import MemoryStore
from core.suggestions.desk import Suggestions
from core.suggestions.machine import Machine
from core.suggestions.timers import cron_of
from core.suggestions.values import Looked, Suggestion
from tests.doubles import SettableClock

PLAIN = "0 3 * * * rsync -a --exclude '*.tmp' /srv/photos/ /mnt/disk/photos/"


class Place:
    """A machine below a folder, with a desk that looks at it."""

    def __init__(self, root: Path, imports: Imports) -> None:
        self.root = root
        self.home = root / "home" / "ada"
        self.home.mkdir(parents=True)
        self.crontab = ""
        self.environment: dict[str, str] = {}
        self.desk = Suggestions(SettableClock(), imports, self._machine)

    def _machine(self) -> Machine:
        return Machine(
            root=self.root, home=self.home, environment=self.environment, crontab=lambda: self.crontab
        )

    def has(self, path: str, text: str) -> Path:
        """Lay a file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def repository(self, path: str) -> Path:
        """Lay what looks like a repository of restic."""
        for part in ("data", "index", "keys", "snapshots"):
            (self.root / path / part).mkdir(parents=True)
        return self.has(f"{path}/config", "").parent

    def look(self) -> Looked:
        return self.desk.look()

    def only(self) -> Suggestion:
        (one,) = self.look().suggestions
        return one


@pytest.fixture
def place(tmp_path):
    service = Service(Settings(data=tmp_path / "data"), store=MemoryStore(), clock=SettableClock())
    return Place(tmp_path / "machine", service.imports)


def test_nothing_is_looked_at_before_somebody_asks(place):
    place.crontab = PLAIN

    before = place.desk.last
    looked = place.look()

    assert before is None
    assert place.desk.last == looked
    assert len(looked.suggestions) == 1


def test_a_plain_line_of_a_crontab_becomes_a_filled_in_job_and_stays_where_it_is(place):
    place.crontab = f"# photos\n{PLAIN}\n"

    one = place.only()

    assert (one.kind, one.options["source"], one.options["destination"]) == (
        "rsync",
        "/srv/photos",
        "/mnt/disk/photos",
    )
    assert (one.schedule.cron, one.place) == ("0 3 * * *", "your crontab, line 2")
    assert any("stays in your crontab" in remark for remark in one.remarks)


def test_a_line_of_the_system_says_whom_it_runs_as(place):
    place.has("etc/cron.d/backup", "30 2 * * 1-5 backup /usr/local/bin/nightly-backup --all /srv\n")

    one = place.only()

    assert (one.kind, one.options["argv"]) == ("command", ("/usr/local/bin/nightly-backup", "--all", "/srv"))
    assert any("runs as backup" in remark for remark in one.remarks)


def test_what_the_system_does_for_itself_is_no_suggestion(place):
    place.has("etc/crontab", "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n")
    place.has("etc/cron.d/e2scrub_all", "10 3 * * * root test -e /run || /sbin/e2scrub_all -A -r\n")
    place.has("etc/cron.d/backup.dpkg-old", f"{PLAIN.replace('rsync', 'root rsync')}\n")

    assert place.look().suggestions == ()


@pytest.mark.parametrize(
    "line",
    [
        "0 3 * * * mysqldump --password=hunter22 shop",
        "0 3 * * * mysqldump -phunter22 shop",
        "0 3 * * * rclone copy /srv https://ada:hunter22@example.org/x",
        "0 3 * * * RESTIC_PASSWORD=hunter22 restic -r /mnt/r backup /srv",
        "0 3 * * * curl -H 'Authorization: Bearer hunter22' https://example.org/backup",
        "RESTIC_PASSWORD=hunter22\n0 3 * * * restic -r /mnt/r backup /srv",
    ],
)
def test_a_line_with_a_password_is_neither_shown_nor_filled_in(place, line):
    place.crontab = line

    one = place.only()

    told = [
        one.said,
        one.title,
        one.name,
        one.place,
        *one.remarks,
        *map(str, one.options.values()),
        repr(one),
    ]
    assert not any("hunter22" in text for text in told)
    assert one.kind == ""


@pytest.mark.parametrize(
    "command",
    [
        "backup.sh; rm -rf /srv",
        "backup.sh && touch /tmp/made",
        "cp -a $(touch {made}) /mnt",
        "cp -a `touch {made}` /mnt",
        "backup.sh | sh",
        "pg_dump shop > /var/backups/shop.dump",
        "tar czf /mnt/a.tgz /etc 2> /var/log/tar && touch {made}",
        "cp -a /srv/* /mnt",
        "cp 'unclosed /mnt",
    ],
)
def test_a_line_that_only_a_shell_understands_is_told_and_nothing_of_it_is_run(place, command, tmp_path):
    made = tmp_path / "made"
    place.crontab = f"0 3 * * * {command.replace('{made}', str(made))}"

    one = place.only()

    assert one.kind == ""
    assert len(one.remarks) > 1
    assert not made.exists()


@pytest.mark.parametrize(
    "text",
    [
        "\0\x01\x02 backup",
        "* * * * *",
        "@backup",
        "99 99 99 99 99 rsync -a /a/ /b/",
        "=backup=\n" * 100,
        "0 3 * * * backup " + "a" * 300_000,
        "0 3 * * * " + "backup;" * 20_000,
        "0 3 * * * mysql backup" + " mysql -" * 900,
        "🦆 * * * * backup",
        "0 3 * * * backup \u202egpj.exe",
        "0 3 * * * \ud800backup",
        "%" * 5_000 + "\n" + "0 3 * * * backup %a%b",
    ],
)
def test_a_crontab_that_makes_no_sense_costs_little_and_harms_nothing(place, text):
    place.crontab = text

    looked = place.look()

    assert all(len(one.said) <= 500 for one in looked.suggestions)


def test_what_no_suggestion_can_hold_back_is_bounded(place):
    place.crontab = "\n".join(f"0 3 * * * rsync -a /srv/{number}/ /mnt/{number}/" for number in range(1_000))

    assert len(place.look().suggestions) == 100


def test_files_that_are_none_hold_nobody_up(place, tmp_path):
    os.mkfifo(place.has("etc/cron.d/keep", "").with_name("pipe"))
    (place.root / "etc/cron.d/loop").symlink_to("loop")
    (place.root / "etc/cron.d/zero").symlink_to("/dev/zero")
    (place.root / "etc/cron.d/folder").mkdir()

    assert place.look().suggestions == ()


def test_a_command_of_a_timer_that_is_too_long_to_look_through_is_passed_over(place):
    place.has("etc/systemd/system/x.timer", "[Timer]\nOnCalendar=daily\n")
    place.has("etc/systemd/system/x.service", "[Service]\nExecStart=/usr/bin/rsync " + "p" * 10_001 + "\n")

    assert place.look().suggestions == ()


def test_a_timer_of_systemd_becomes_a_filled_in_job(place):
    place.has("etc/systemd/system/photos.timer", "[Timer]\nOnCalendar=Mon..Fri *-*-* 02:30:00\n")
    place.has(
        "etc/systemd/system/photos.service",
        "[Service]\nExecStart=-/usr/bin/rsync -a /srv/photos/ \\\n  /mnt/disk/photos/\nUser=ada\n",
    )

    one = place.only()

    assert (one.kind, one.options["destination"]) == ("rsync", "/mnt/disk/photos")
    assert one.schedule.cron == "30 2 * * mon-fri"
    assert any("systemctl disable --now photos.timer" in remark for remark in one.remarks)


@pytest.mark.parametrize(
    ("calendar", "cron"),
    [
        ("daily", "0 0 * * *"),
        ("*-*-* 04:05:00", "5 4 * * *"),
        ("03:15", "15 3 * * *"),
        ("Sun *-*-* 01:00", "0 1 * * sun"),
        ("*-*-01 06:00:00", "0 6 1 * *"),
        ("*:30", "30 * * * *"),
        ("2026-12-24 18:00", ""),
        ("*-*-* 00/2:00", ""),
        ("Foo *-*-* 01:00", ""),
        ("", ""),
    ],
)
def test_times_of_systemd_that_are_simple_become_a_cron_and_others_are_left_to_people(calendar, cron):
    assert cron_of(calendar) == cron


def test_a_unit_cannot_lead_out_of_its_folder(place):
    place.has("etc/systemd/system/x.timer", "[Timer]\nOnCalendar=daily\nUnit=../../secret.service\n")
    place.has("etc/secret.service", "[Service]\nExecStart=/usr/bin/backup\n")

    assert place.look().suggestions == ()


def test_of_remotes_of_rclone_only_names_and_types_are_told(place):
    place.has("home/ada/.config/rclone/rclone.conf", "[nas]\ntype = sftp\nhost = nas.lan\npass = hunter22\n")

    one = place.only()

    assert (one.origin, one.name) == ("rclone", "nas")
    assert "sftp" in one.title
    assert not any(secret in str([*one.remarks, one.title, one.said]) for secret in ("hunter22", "nas.lan"))


def test_an_encrypted_configuration_is_told_as_that(place):
    path = place.has("rclone.conf", "# Encrypted\nRCLONE_ENCRYPT_V0:\nabc\n")
    place.environment["RCLONE_CONFIG"] = str(path)

    looked = place.look()

    assert looked.suggestions == ()
    assert "encrypted" in dict(looked.places)[str(path)]


def test_repositories_of_restic_are_found_in_likely_places_and_no_link_is_followed(place):
    found = place.repository("mnt/disk/restic")
    place.repository("mnt/a/b/c/d/too-deep")
    place.repository("opt/not-likely")
    (place.root / "mnt" / "link").symlink_to(place.root / "opt")

    one = place.only()

    assert (one.origin, one.place) == ("restic", str(found))


def test_a_folder_that_only_half_looks_like_a_repository_is_none(place):
    (place.repository("srv/almost") / "keys").rmdir()

    assert place.look().suggestions == ()


def test_a_line_that_needs_a_destination_first_is_imported_from_what_was_found(place):
    place.crontab = "0 3 * * * rsync -a /srv/ ada@nas.lan:/backup/"

    one = place.only()

    (planned,) = place.desk.as_import(one.id).found.destinations
    assert one.kind == ""
    assert (planned.draft.type, planned.draft.settings["host"]) == ("ssh", "nas.lan")


def test_a_suggestion_that_was_forgotten_is_not_found(place):
    place.crontab = PLAIN
    one = place.only()

    place.desk.forget()

    with pytest.raises(NotFound):
        place.desk.suggestion(one.id)
