"""What became of the snapshots that runs made."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.drafts import JobDraft
from core.places.drafts import DestinationDraft
from core.repositories.reconciling import REGISTER, Known, followed_by, standing_of
from core.repositories.snapshots import Snapshot, finished, snapshots_in
from core.service import Service
from core.settings import Settings
from core.states import RunState
from tests.servers import REPOSITORY_PASSWORD, a_repository

NOW = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)
DAY = timedelta(days=1)


def a_snapshot(run, **fields):
    given: dict[str, Any] = {
        "id": f"{run}-snapshot",
        "time": NOW,
        "paths": ("/a",),
        "tags": ("holdfast", f"run={run}", "job=j"),
    }
    return Snapshot(**given | fields)


def became(registers, run, reported, ended_at=NOW):
    """Return what became of a run's snapshot, which somebody knows."""
    standing = standing_of(registers, run, reported, ended_at)
    assert standing is not None
    return standing


def test_a_snapshot_that_is_deleted_elsewhere_is_gone_since_the_look_that_missed_it():
    first = followed_by(None, [a_snapshot("r1"), a_snapshot("r2")], NOW)

    second = followed_by(first, [a_snapshot("r2")], NOW + DAY)
    third = followed_by(Known.kept(second.as_register), [a_snapshot("r2")], NOW + 2 * DAY)

    standing = became([third.as_register], "r1", "r1-snap")
    assert (standing.state, standing.since) == ("gone", NOW + DAY)
    assert standing.sentence == "Gone from the repository since 2026-11-22."
    assert became([third.as_register], "r2", "r2-snap").state == "found"


def test_a_snapshot_that_a_lost_run_finished_is_found_as_that_run_s():
    known = followed_by(None, [a_snapshot("lost")], NOW)

    standing = became([Known(NOW, {}, {}).as_register, known.as_register], "lost", "")

    assert (standing.state, standing.snapshot) == ("found", "lost-snapshot")


def test_a_snapshot_that_was_gone_before_anybody_looked_is_gone():
    known = followed_by(None, [], NOW + DAY).as_register

    assert became([known], "r1", "31c9023b").state == "gone"
    assert standing_of([known], "r1", "31c9023b", NOW + 2 * DAY) is None
    assert standing_of([known], "r1", "", NOW) is None
    assert standing_of([], "r1", "31c9023b", NOW) is None


def test_snapshots_of_other_people_are_nobody_s_here():
    theirs = [a_snapshot("r1", tags=("run=r1",)), a_snapshot("r2", tags=())]

    assert followed_by(None, theirs, NOW).there == {}


@pytest.mark.parametrize("value", [None, {}, {"at": "x"}, {"at": "2026-11-21T00:00:00Z", "there": 7}])
def test_a_register_that_makes_no_sense_says_nothing(value):
    assert Known.kept(value) is None


def test_what_restic_lists_is_understood_with_its_long_times():
    listed = [
        {"id": "b", "time": "2026-11-21T23:58:55.660866315Z"},
        {"id": "a", "time": "2026-11-21T23:58:55+01:00"},
    ]

    assert [one.id for one in snapshots_in(json.dumps(listed))] == ["a", "b"]
    assert snapshots_in("null") == ()
    for text in ("", "{", "[1]", '[{"id": "x"}]', '[{"id": "x", "time": "yesterday"}]'):
        with pytest.raises(ValueError, match=r"."):
            snapshots_in(text)


def test_only_a_whole_snapshot_of_the_same_run_and_folder_is_one_to_adopt():
    listed = [a_snapshot("r", id="one"), a_snapshot("r", id="two"), a_snapshot("other", id="three")]

    newest = finished(listed, "r", "/a", ())

    assert newest is not None
    assert newest.id == "two"
    assert finished(listed, "r", "/a", ("two", "one")) is None
    assert finished(listed, "r", "/b", ()) is None


@pytest.fixture
def house(tmp_path):
    """A Holdfast with a repository, that carries out what a test asks for in the test's own thread."""
    a_repository(tmp_path / "repository")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a").write_text("1")
    service = Service(Settings(data=tmp_path / "data"))
    with service.opened(at_work=True):
        settings = {"repository": str(tmp_path / "repository")}
        secrets = {"password": REPOSITORY_PASSWORD}
        service.destinations.create(
            DestinationDraft(name="Safe", type="restic", settings=settings, secrets=secrets)
        )
        yield service


def ran(house, source):
    """Return a run of a job that backs a folder up, once it is over."""
    options = {"source": str(source), "destination": "safe"}
    job = house.manager.create(JobDraft(name="it", kind="restic", options=options))
    run = house.manager.start(job.id)
    house.worker.carry_out(run.id)
    return house.manager.run(run.id)


def what_became_of(house, run):
    registers = house.manager.registers(REGISTER).values()
    standing = standing_of(registers, run.id, str((run.result or {}).get("snapshot", "")), run.ended_at)
    return standing and standing.state


def test_a_look_at_a_repository_notes_what_runs_made_there_and_what_was_deleted(house, tmp_path):
    run = ran(house, tmp_path / "source")
    house.probes.test("safe")
    there = what_became_of(house, run)
    for path in (tmp_path / "repository" / "snapshots").iterdir():
        path.unlink()  # as `restic forget` does

    house.probes.test("safe")

    assert (run.state, run.result["verified"]) == (RunState.COMPLETED, True)
    assert (there, what_became_of(house, run)) == ("found", "gone")


def test_a_repository_that_cannot_be_asked_has_nothing_gone(house, tmp_path):
    run = ran(house, tmp_path / "source")
    house.probes.test("safe")
    (tmp_path / "repository").rename(tmp_path / "unplugged")

    house.probes.test("safe")

    assert what_became_of(house, run) == "found"


def test_what_is_known_of_snapshots_goes_with_the_destination(house, tmp_path):
    house.probes.test("safe")
    before = list(house.manager.registers(REGISTER))

    house.destinations.remove("safe")

    assert before == ["snapshots/safe"]
    assert list(house.manager.registers(REGISTER)) == []
