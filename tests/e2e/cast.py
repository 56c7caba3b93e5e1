"""The filled scene: jobs of every kind and fate, and everything else a page can show, always the same."""

from datetime import timedelta

import msgspec

from core.bulk import Verb, Wish
from core.clearing.quarantines import QUARANTINE, Quarantine
from core.drafts import JobPatch
from core.models import AfterWhen, Expectation, Job, Priority, Progress, Retry, Run, Schedule, Trigger
from core.notifications.values import Occasion, Quiet, Rule
from core.people import Role
from core.places.states import STATE, DestinationState, Outlook, Room, Sample, Seen
from core.queueing import Scope
from core.work import Question
from tests.e2e.theatre import NOW, Theatre, asking, at_work, bad, good, until

DAY = 86_400.0
NIGHTLY = Schedule(cron="0 2 * * *", timezone="Europe/Berlin")
HOSTILE = "<script>alert('x')</script> & \"quotes\" </td> {{ 7 * 7 }}"
BIDI = "invoice\u202efdp.exe \u2066and more"
RIGHT_TO_LEFT = "نسخة احتياطية للصور العائلية"
A_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEgcmVhbCBvbmU=\n-----END OPENSSH PRIVATE KEY-----\n"
TO_IMPORT = "[nas]\ntype = sftp\nhost = nas.example.org\nuser = ada\n\n[cloud]\ntype = drive\n"
LONG = "a-name-without-any-blank-" + "that-goes-on-" * 13
ASKED = Question(
    id="q1",
    about="delete",
    sentence="1,204 files of 4.8 GB were read back and are equal. Take them away from /srv/camera?",
    details=("DCIM/100/IMG_0001.JPG", "DCIM/100/IMG_0002.JPG", "and 1,202 more"),
    answers={"keep": "Keep them", "delete": "Take them away"},
)


def fill(theatre: Theatre) -> dict[str, str]:
    """Let everything happen that pages can show; return the ids that addresses of pages need."""
    theatre.service.housekeeping.stop()
    theatre.service.rounds.stop()
    _people(theatre)
    places = _places(theatre)
    names = _histories(theatre) | places
    names |= _plain_jobs(theatre)
    _notifications(theatre)
    names |= _present(theatre)
    theatre.clock.set(NOW)
    _schedules(theatre, names)
    names["trial"] = _trial(theatre, names["job"])
    names["import"] = theatre.service.imports.preview("rclone", TO_IMPORT).hash
    names["work"] = _bulk(theatre, (names["paused_job"], names["hostile_job"], names["both_job"]))
    return names


def _bulk(theatre: Theatre, job_ids: tuple[str, ...]) -> str:
    """Do to some jobs what cannot be done to all of them; return the id of that."""
    desk = theatre.service.bulk
    plan = desk.plan(Wish(verb=Verb.RESUME, by="ada"), named=job_ids[1:], words="chosen one by one")
    work = desk.carry_out(plan.id)
    assert work.over.wait(60)
    return work.id


def _schedules(theatre: Theatre, names: dict[str, str]) -> None:
    """Let jobs be due from now on: before, the clock of the scene goes back and forth."""
    for name, patch in (
        ("job", JobPatch(schedule=NIGHTLY, expect=Expectation(every=DAY))),
        ("mail_job", JobPatch(schedule=Schedule(cron="30 3 * * *"), expect=Expectation(every=DAY))),
        ("failed_job", JobPatch(schedule=Schedule(every=6 * 3_600.0), retry=Retry(max_attempts=3))),
        (
            "report_job",
            JobPatch(
                schedule=Schedule(cron="0 8 * * 1"),
                after=(names["failed_job"],),
                after_when=AfterWhen.ALL_ENDED,
            ),
        ),
        ("both_job", JobPatch(schedule=Schedule(cron="15 2 * * 6"))),
    ):
        theatre.manager.edit(names[name], patch, version=None)
    for number in range(3, 41, 3):
        patch = JobPatch(schedule=Schedule(cron=f"{number} {number % 24} * * 0"))
        theatre.manager.edit(names[f"archive {number}"], patch, version=None)


def _trial(theatre: Theatre, job_id: str) -> str:
    """Try a job without writing; return the id of that."""
    rehearsals = theatre.service.rehearsals
    trial = rehearsals.of_job(job_id, by="ada")
    until(lambda: rehearsals.show(trial.id).over)
    return trial.id


def _people(theatre: Theatre) -> None:
    theatre.ago(days=40)
    theatre.set_up()
    theatre.a_person("olga", Role.OPERATOR)
    theatre.a_person("victor", Role.VIEWER)


def _places(theatre: Theatre) -> dict[str, str]:
    """Make destinations that are well, nearly full, lost, and never looked at."""
    disk = theatre.a_destination("USB disk", "folder", path="/mnt/disk")
    nas = theatre.a_destination(
        "NAS in the cellar",
        "ssh",
        host="nas.example.org",
        user="backup",
        path="/srv/copies",
        secrets={"key": A_KEY},
    )
    theatre.a_destination(
        "Cloud",
        "rclone",
        backend="s3",
        options={"provider": "AWS", "region": "eu-central-1", "access_key_id": "an example"},
        path="bucket/home",
        secrets={"secret_access_key": "not a real one"},
    )
    restic = theatre.a_destination(
        "Off site",
        "restic",
        repository="rest:https://backup.example.org/ada",
        secrets={"password": "nine blue herons"},
    )
    gigabyte = 10**9
    samples = tuple(
        Sample(
            day=(NOW - timedelta(days=day)).date(),
            used=(1_400 - 9 * day) * gigabyte,
            free=(600 + 9 * day) * gigabyte,
        )
        for day in range(30, -1, -1)
    )
    seen = {
        disk: DestinationState(
            at=NOW - timedelta(minutes=20), since=NOW - timedelta(days=30), samples=samples,
            seen=Seen(reachable=True, sentence="It is there, and can be written to.", room=Room(free=600 * gigabyte, total=2_000 * gigabyte, used=1_400 * gigabyte)),
            outlook=Outlook(trend="growing", growth_per_day=9 * gigabyte, full_on=(NOW + timedelta(days=66)).date(), words="full in about 66 days at this pace"),
        ),
        nas: DestinationState(
            at=NOW - timedelta(minutes=31), since=NOW - timedelta(hours=5), lost_at=NOW - timedelta(hours=5),
            seen=Seen(reachable=False, code="unreachable", sentence="nas.example.org does not answer.", hint="Is it switched on, and in the same network?"),
        ),
        restic: DestinationState(
            at=NOW - timedelta(minutes=44), since=NOW - timedelta(days=12),
            seen=Seen(reachable=True, sentence="The repository is there.", snapshots=212, newest_at=NOW - timedelta(hours=5), warnings=("A lock of another machine is older than a day.",)),
        ),
    }  # fmt: skip
    for destination_id, state in seen.items():
        theatre.manager.set_register(STATE + destination_id, msgspec.to_builtins(state))
    return {"destination": disk, "lost_destination": nas}


def _histories(theatre: Theatre) -> dict[str, str]:
    """Make jobs with a past."""
    photos = theatre.a_job("Family photos", tags=("home", "photos"))
    mail = theatre.a_job(
        "Mail archive", "restic", options={"source": "/srv/mail", "destination": "off-site"}, tags=("home",)
    )
    dumps = theatre.a_job(
        "Database dumps",
        "rsync",
        options={"source": "/srv/dumps", "destination": "nas-in-the-cellar:dumps"},
        priority=Priority.HIGH,
        retry=Retry(max_attempts=1),
        tags=("work",),
    )
    camera = theatre.a_job(
        "Camera card",
        options={"source": "/srv/camera", "destination": "/mnt/disk/camera", "delete_source": True},
    )
    report = theatre.a_job(
        "Weekly report", "command", options={"argv": ["/usr/local/bin/report", "--week"]}, tags=("work",)
    )
    both = theatre.a_job(
        "Two copies of the books",
        "several",
        options={"source": "/srv/books", "copies": ["rsync /mnt/disk/books", "restic off-site sample"]},
    )
    hostile = theatre.a_job(HOSTILE, tags=("<b>tag</b>",))
    theatre.a_job(BIDI, tags=(RIGHT_TO_LEFT[:20],))
    for day in range(14, 0, -1):
        theatre.ago(days=day, hours=5, minutes=40)
        photos_run = theatre.perform(
            photos,
            good(18_240 - 40 * day, 251_000_000_000 - day * 10**9, minutes=22, copied=140 + 17 * (day % 4)),
        )
        theatre.ago(days=day, hours=4)
        theatre.perform(
            dumps,
            good(88, 1_900_000_000 + day * 10**7, minutes=3, copied=12)
            if day % 5
            else bad("The connection to nas.example.org was lost.", "Is it switched on?", transient=True),
        )
        if day > 4:
            theatre.ago(days=day, hours=3)
            mail_run = theatre.perform(
                mail,
                good(
                    42_000,
                    8_100_000_000,
                    minutes=9,
                    copied=65,
                    snapshot="5f2c71d09ab0",
                    repository="off-site",
                ),
            )
    theatre.ago(days=6)
    taken = theatre.perform(
        camera,
        good(
            1_204,
            4_812_000_000,
            minutes=8,
            deletion={
                "sentence": "1,204 files of 4.8 GB were taken away from the source and are kept for 30 days.",
                "deleted": 1_204,
                "deleted_bytes": 4_812_000_000,
            },
        ),
    )
    _quarantine(theatre, camera, taken)
    theatre.ago(days=3)
    theatre.perform(report, good(1, 48_000, minutes=1, copied=1))
    theatre.perform(both, good(3_100, 22_000_000_000, minutes=40, copied=300))
    theatre.perform(
        hostile, bad("The folder <img src=x onerror=alert(1)> cannot be read.", "Look at its permissions.")
    )
    theatre.ago(hours=9)
    failed = theatre.perform(
        dumps,
        bad(
            "nas.example.org does not answer on port 22.",
            "Is it switched on, and in the same network?",
            transient=True,
        ),
        trigger=Trigger.SCHEDULE,
    )
    theatre.ago(hours=5, minutes=40)
    photos_run = theatre.perform(
        photos,
        good(
            18_240,
            251_000_000_000,
            minutes=24,
            copied=214,
            warnings=("2019/film.mov changed while it was read; the next run copies it again.",),
        ),
    )
    return {
        "job": photos.id,
        "mail_job": mail.id,
        "report_job": report.id,
        "both_job": both.id,
        "run": photos_run.id,
        "failed_job": dumps.id,
        "failed_run": failed.id,
        "hostile_job": hostile.id,
        "taken_run": taken.id,
        "mail_run": mail_run.id,
    }


def _quarantine(theatre: Theatre, job: Job, run: Run) -> None:
    """Have what a run took away be aside still."""
    one = Quarantine(
        run_id=run.id, job_id=job.id, source="/srv/camera", place="/srv/.holdfast-quarantine", remote=False, days=30,
        taken=1_204, taken_bytes=4_812_000_000, files=1_204, bytes=4_812_000_000, taken_at=theatre.clock.now(),
        empty_at=theatre.clock.now() + timedelta(days=30), stand="aside", confirmed_by="ada", receipt_digest="b3" * 32, receipt_bytes=312_000,
    )  # fmt: skip
    theatre.manager.set_register(QUARANTINE + run.id, msgspec.to_builtins(one))


def _plain_jobs(theatre: Theatre) -> dict[str, str]:
    """Make enough jobs for lists to have more than one page."""
    names = {}
    theatre.ago(days=2)
    for number in range(1, 41):
        job = theatre.a_job(
            f"Archive {number:02}",
            tags=("archive",),
            enabled=number % 9 != 0,
        )
        if number % 4 and job.enabled:
            theatre.perform(job, good(200 + number, 10**8 * number, minutes=1, copied=number))
        names[f"archive {number}"] = job.id
    return names


def _notifications(theatre: Theatre) -> None:
    """Have channels that are switched off, so that nobody is told, and rules."""
    office = theatre.service.notifications
    theatre.ago(days=1)
    for name, url in (
        ("Phone", "ntfy://ntfy.example.org/holdfast"),
        ("Team", "https://hooks.example.org/holdfast"),
    ):
        channel = office.add_channel(name, url)
        office.switch_channel(channel.id, enabled=False)
    office.add_rule(
        Rule(
            id="",
            on=(Occasion.FAILURE, Occasion.LATE),
            channels=(channel.id,),
            quiet=Quiet(start="22:00", end="07:00"),
            created_at=theatre.clock.now(),
        )
    )


def _present(theatre: Theatre) -> dict[str, str]:
    """Make what is the case just now: at work, waiting, paused, asking, between two attempts."""
    theatre.ago(hours=1)
    paused = theatre.a_job("Old laptop")
    held = theatre.start(
        paused,
        at_work(Progress(stage="copy", percent=41, done=41 * 10**9, total=100 * 10**9), minutes=5),
        trigger=Trigger.MANUAL,
    )
    theatre.until_reported(held)
    theatre.manager.pause(held.id)
    theatre.until_state(held, "paused")
    cancelled = theatre.a_job(LONG[:200])
    ended = theatre.start(
        cancelled, at_work(Progress(stage="copy", percent=7), minutes=2), trigger=Trigger.MANUAL
    )
    theatre.until_reported(ended)
    theatre.manager.cancel(ended.id)
    theatre.until_state(ended, "cancelled")
    asks = theatre.perform(
        theatre.a_job(
            "Second camera",
            options={
                "source": "/srv/camera2",
                "destination": "/mnt/disk/camera2",
                "delete_source": True,
                "ask_before_delete": True,
            },
        ),
        asking(ASKED),
    )
    again = theatre.perform(
        theatre.a_job(
            "Web site",
            "rsync",
            options={"source": "/srv/www", "destination": "/mnt/disk/www"},
            retry=Retry(max_attempts=5, wait=DAY, longest_wait=DAY),
        ),
        bad("rsync ended with 30.", "Wait, then try again.", transient=True),
    )
    theatre.a_job(RIGHT_TO_LEFT)
    theatre.a_job("Never run yet", "watch", options={"place": "/mnt/disk/from-the-router"})
    theatre.a_job("A script", "shell", options={"script": "set -eu\necho hello\n"})
    theatre.manager.pause_line(Scope.KIND, "watch", by="ada", reason="The router is being replaced.")
    theatre.clock.set(NOW - timedelta(minutes=31))
    running = theatre.a_job(
        "Home folders",
        "rsync",
        options={"source": "/home", "destination": "/mnt/disk/home"},
        tags=("home",),
        groups=("disk",),
    )
    at = theatre.start(
        running,
        at_work(
            Progress(
                stage="copy", percent=64, done=64 * 10**9, total=100 * 10**9, rate=38.2e6, eta_seconds=942
            ),
            "sending incremental file list",
            *(f"home/ada/letters/{year}.odt" for year in range(1990, 2024)),
            minutes=9,
        ),
        trigger=Trigger.MANUAL,
    )
    theatre.until_reported(at)
    for name, progress in (
        ("Videos", Progress(stage="scan", done=212_904, unit="files", message="counting")),
        (
            "Music",
            Progress(stage="verify", percent=12.5, done=10**9, total=8 * 10**9, rate=99e6, eta_seconds=70),
        ),
    ):
        theatre.until_reported(
            theatre.start(theatre.a_job(name), at_work(progress, minutes=7), trigger=Trigger.MANUAL)
        )
    after = theatre.a_job("Copy of the home folders", after=(running.id,))
    theatre.clock.set(NOW - timedelta(minutes=4))
    for name in ("Letters", "Scans"):
        theatre.start(theatre.a_job(name, priority=Priority.HIGH), good(), trigger=Trigger.MANUAL)
    return {
        "running_job": running.id,
        "running_run": at.id,
        "paused_job": paused.id,
        "asking_run": asks.id,
        "retrying_run": again.id,
        "blocked_job": after.id,
        "long_job": cancelled.id,
    }
