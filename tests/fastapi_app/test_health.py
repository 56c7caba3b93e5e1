"""How Holdfast is, told in public."""

from datetime import timedelta

import pytest

from core.drafts import JobDraft
from core.errors import StorageFailed
from core.holdings import OwnBackup, Reach, Room
from core.housekeeping import OWN_BACKUP
from core.models import Expectation
from core.notifications.log import Told
from core.notifications.values import Message, Notice, Occasion
from core.storage.base import Problem
from core.storage.memory import MemoryStore


class MovingDisk(MemoryStore):
    """Counts how often it is asked, and refuses when told to."""

    asked = 0
    refuses = False

    def check_writable(self) -> None:
        self.asked += 1
        if self.refuses:
            raise StorageFailed("/secret/place could not be written: the disk is mounted read-only.")


@pytest.fixture
def disk():
    return MovingDisk()


@pytest.fixture
def world(make_world, disk):
    """An app that this machine's own disk makes neither better nor worse."""
    world = make_world(store=disk)
    world.house.service.stock.room = lambda: Room(free=10**12, total=10**12)
    return world


def test_a_holdfast_that_is_well_says_so_in_public(world):
    health = world.client.get("/health")

    assert health.status_code == 200
    assert set(health.json()) == {"status", "version", "checks"}
    assert health.json()["status"] == "healthy"
    assert {check["name"] for check in health.json()["checks"]} == {
        "storage",
        "contents",
        "edits",
        "room",
        "upkeep",
        "backup",
        "slots",
        "failures",
        "rhythm",
        "telling",
        "loop",
        "monitor",
    }
    assert world.client.get("/livez").json() == {"status": "alive"}
    assert world.client.get("/readyz").json() == {"status": "ready"}
    assert world.client.head("/health").status_code == 200


def test_a_disk_that_refuses_makes_it_unhealthy_and_not_ready(world, disk):
    disk.refuses = True

    health, ready, alive = (world.client.get(path) for path in ("/health", "/readyz", "/livez"))

    assert [health.status_code, ready.status_code, alive.status_code] == [503, 503, 200]
    assert health.json()["status"] == "unhealthy"
    assert "/secret" not in health.text
    assert "storage-failed" in health.text


def test_a_file_that_could_not_be_read_makes_it_degraded(make_world):
    world = make_world()
    job = world.a_job("my secret name")
    make_world.stop(world.client)
    (path,) = (world.folder / "data" / "jobs").rglob("*.yaml")
    path.write_text("name: [")

    again = make_world()
    health = again.client.get("/health")

    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert "secret" not in health.text
    assert path.name not in health.text
    assert job.id[:8] not in health.text


def test_the_disk_is_asked_at_most_every_five_seconds(world, disk, clock):
    for _ in range(100):
        world.client.get("/health")
    asked_first = disk.asked
    clock.pass_by(timedelta(seconds=5))
    world.client.get("/readyz")

    assert (asked_first, disk.asked) == (1, 2)


def check_named(name, health):
    return next(check for check in health.json()["checks"] if check["name"] == name)


def test_a_mistake_in_a_hand_edit_makes_it_degraded(world):
    job = world.a_job("my secret name")
    problem = Problem(path="jobs/3f/secret.yaml", message="secret", line=7, job_id=job.id)
    world.house.service.manager.note_mistake(job.id, problem)

    health = world.client.get("/health")

    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert "1 edit by hand" in check_named("edits", health)["message"]
    assert check_named("contents", health)["status"] == "healthy"
    assert "secret" not in health.text


@pytest.mark.parametrize(("free", "total"), [(63_000_000, 500_000_000), (4_000_000_000, 250_000_000_000)])
def test_little_room_on_the_disk_makes_it_degraded(world, free, total):
    world.house.service.stock.room = lambda: Room(free=free, total=total)

    health = world.client.get("/health")

    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert check_named("room", health)["status"] == "degraded"
    assert check_named("room", health)["message"].endswith("are free.")


@pytest.mark.parametrize(
    ("hours", "failed", "status", "said"),
    [
        (71, False, "healthy", "is 2 d 23 h old."),
        (73, False, "degraded", "is 3 d 1 h old."),
        (30, True, "degraded", "The one due after it could not be made."),
    ],
)
def test_an_own_backup_that_is_three_days_old_makes_it_degraded(world, clock, hours, failed, status, said):
    def backs_up():
        if failed:
            raise OSError(28, "no space")

    made_at = clock.now() - timedelta(hours=hours)
    backup = OwnBackup(name="secret.tar.zst", made_at=made_at, bytes=1, verified_at=made_at)
    world.house.service.stock.reach = lambda: Reach(backup=backup)
    world.house.service.housekeeping.add(OWN_BACKUP, backs_up, every=60)
    world.house.service.housekeeping.tend()

    health = world.client.get("/health")

    assert check_named("backup", health)["status"] == status
    assert check_named("backup", health)["message"].endswith(said)
    assert "secret" not in health.text


def test_a_chore_of_the_store_that_fails_makes_it_degraded(world):
    def refuses():
        raise OSError(28, "no space in /secret/place")

    world.house.service.housekeeping.add("secret work", refuses, every=60)
    world.house.service.housekeeping.tend()

    health = world.client.get("/health")

    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert check_named("upkeep", health)["message"] == "1 chore of the store could not be done."
    assert "secret" not in health.text


def test_a_new_holdfast_without_a_backup_is_well(world):
    assert check_named("backup", world.client.get("/health"))["status"] == "healthy"


def test_slots_that_are_gone_make_it_unhealthy(world):
    world.house.service.dispatcher.stop()

    assert world.client.get("/health").status_code == 503
    assert world.client.get("/readyz").status_code == 503


def test_a_late_job_makes_it_degraded(world):
    office = world.house.service.notifications
    draft = JobDraft(
        name="tax papers", kind="copy", options=world.options(), expect=Expectation(every=60, grace=0)
    )
    office.rhythm.know(world.house.service.manager.create(draft, asked_by="ada"))

    world.clock.pass_by(timedelta(minutes=1))
    health = world.client.get("/health")

    check = next(check for check in health.json()["checks"] if check["name"] == "rhythm")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert check["message"] == "1 job is late: no success when one was expected."
    assert "tax papers" not in health.text


def test_a_channel_that_does_not_get_through_makes_it_degraded(world):
    office, now = world.house.service.notifications, world.clock.now()
    channel = office.add_channel("ops", "http://127.0.0.1:1/hook/sesame")
    notice = Notice(id="n", occasions=(Occasion.LATE,), at=now, subject="late", text="late")
    message = Message(id="m", channel=channel.id, put_at=now, due_at=now, notice=notice)
    office.book.enter(Told(notice=notice, messages=(message,)))
    office.book.flush()

    office.book.failed((message,), "There is no way to the receiver.")
    health = world.client.get("/health")

    check = next(check for check in health.json()["checks"] if check["name"] == "telling")
    assert (health.status_code, check["status"]) == (200, "degraded")
    assert check["message"] == "1 channel does not get through."
    assert "ops" not in health.text
