"""How Holdfast is, told in public."""

from datetime import timedelta

import pytest

from core.errors import StorageFailed
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
    return make_world(store=disk)


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
        "backup",
        "slots",
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


def test_slots_that_are_gone_make_it_unhealthy(world):
    world.house.service.dispatcher.stop()

    assert world.client.get("/health").status_code == 503
    assert world.client.get("/readyz").status_code == 503
