"""What a job was before each change of it, and how it becomes that again."""

from datetime import timedelta

import msgspec
import pytest

from core.acting import Actor, acting_as
from core.drafts import JobPatch, draft_of
from core.errors import DefinitionMistaken, NotFound, VersionConflict
from core.models import Priority, Schedule, frozen
from core.packed import json_of, thawed
from core.storage.base import Problem
from core.versions import BEGINNING, LARGEST, MOST, SECRETS_CHANGED, Change, changes_between, versions_of
from tests.builders import a_job, a_kept_job

ADA = Actor(name="ada", origin="127.0.0.1")


def numbers(manager, job):
    return [version.number for version in manager.versions(job.id)]


def test_a_job_that_nobody_changed_has_one_version(manager):
    job = a_job(manager)

    (version,) = manager.versions(job.id)

    assert (version.number, version.at, version.changes) == (1, job.created_at, ())
    assert version.draft.name == job.name


def test_each_change_of_a_job_is_kept_with_who_made_it(manager, clock):
    job = a_job(manager)
    clock.pass_by(timedelta(minutes=1))

    with acting_as(ADA):
        manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=1)
    clock.pass_by(timedelta(minutes=1))
    manager.edit(job.id, JobPatch(name="pictures", tags=("home",)), version=2)

    newest, middle, oldest = manager.versions(job.id)
    assert [newest.number, middle.number, oldest.number] == [3, 2, 1]
    assert (middle.by, middle.origin, middle.changes) == ("ada", "127.0.0.1", ("priority normal -> high",))
    assert len(newest.changes) == 2
    assert newest.by == ""
    assert oldest.at == job.created_at < middle.at < newest.at
    assert oldest.draft == versions_of(job, None)[0].draft


def test_a_version_is_restored_as_a_new_one(manager):
    job = a_job(manager)
    every_night = Schedule(cron="0 2 * * *", timezone="Europe/Berlin")
    manager.edit(job.id, JobPatch(schedule=every_night, options=dict(job.options)), version=1)
    manager.edit(job.id, JobPatch(schedule=None, name="other"), version=2)

    restored = manager.restore(job.id, 2, version=3)

    assert (restored.version, restored.schedule, restored.name) == (4, every_night, job.name)
    assert numbers(manager, job) == [4, 3, 2, 1]
    assert manager.restore(job.id, 3, version=4).name == "other"


def test_restoring_an_old_version_names_the_present_one(manager):
    job = a_job(manager)
    manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=1)

    with pytest.raises(VersionConflict):
        manager.restore(job.id, 1, version=1)
    with pytest.raises(NotFound):
        manager.restore(job.id, 7, version=2)

    assert numbers(manager, job) == [2, 1]


def test_nothing_is_restored_while_a_mistake_in_the_file_waits(manager):
    job = a_job(manager)
    manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=1)
    manager.note_mistake(job.id, Problem(path="jobs/photos.yaml", message="It is no job."))

    with pytest.raises(DefinitionMistaken):
        manager.restore(job.id, 1, version=2)

    assert manager.job(job.id).job.version == 2


def test_only_so_many_versions_are_kept(manager):
    job = a_job(manager)

    for number in range(1, MOST + 10):
        manager.edit(job.id, JobPatch(tags=(f"t{number}",)), version=number)

    assert numbers(manager, job) == list(range(MOST + 10, 9, -1))


def test_versions_take_a_bounded_room(manager):
    job = a_job(manager)
    many = [f"{number:02}{'x' * 45}" for number in range(30)]

    for number in range(1, MOST + 10):
        tags = tuple(f"{number:03}{tag}" for tag in many)
        manager.edit(job.id, JobPatch(tags=tags, name=f"{number} {'n' * 180}"), version=number)

    (kept,) = manager.registers(BEGINNING).values()
    assert len(json_of(kept)) < LARGEST + 1_000
    assert 1 < len(numbers(manager, job)) <= MOST


def test_versions_before_a_change_that_nobody_kept_are_not_made_up(manager):
    job = a_job(manager)
    change = Change(to=3, at=job.created_at, since=job.created_at, was={"name": "old"})

    known = versions_of(job, {"changes": [msgspec.to_builtins(change)]})

    assert [version.number for version in known] == [1]


@pytest.mark.parametrize("unreadable", [{"colour": "red"}, {"priority": "hottest"}])
def test_what_another_release_kept_of_a_job_ends_what_is_known_and_breaks_nothing(manager, unreadable):
    job = a_job(manager)
    manager.edit(job.id, JobPatch(name="second"), version=1)
    manager.edit(job.id, JobPatch(name="third"), version=2)
    older, newer = thawed(manager.registers(BEGINNING)[BEGINNING + job.id])["changes"]
    manager.set_register(BEGINNING + job.id, {"changes": [older | {"was": unreadable}, newer]})

    assert [(version.number, version.draft.name) for version in manager.versions(job.id)] == [
        (3, "third"),
        (2, "second"),
    ]


def test_the_owner_of_a_version_is_restored_with_it_and_its_maker_stays(manager):
    job = manager.create(draft_of(a_job(manager)), asked_by="ada")
    manager.define(job.id, draft_of(job), owner="zoe")

    assert manager.versions(job.id)[-1].by == "ada"
    restored = manager.restore(job.id, 1, version=2)

    assert (restored.owner, restored.version) == ("ada", 3)


def test_restoring_a_version_never_brings_back_a_job_that_is_deleted_meanwhile(manager, monkeypatch):
    job = a_job(manager)
    manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=1)
    known = manager.versions

    def versions_before_it_went(job_id):
        found = known(job_id)
        manager.delete(job_id)
        return found

    monkeypatch.setattr(manager, "versions", versions_before_it_went)
    with pytest.raises(NotFound):
        manager.restore(job.id, 1, version=2)

    assert sum(manager.counts().values()) == 0


def test_a_secret_of_a_version_is_never_told():
    now = {"argv": ["true"], "env": {"TOKEN": "second"}}
    job = a_kept_job("told", kind="command", options=frozen(now), version=2)
    was = {"options": {"argv": ["true"], "env": {"TOKEN": "first"}}}
    change = Change(to=2, at=job.updated_at, since=job.created_at, was=was)

    newest, oldest = versions_of(job, {"changes": [msgspec.to_builtins(change)]})

    assert newest.changes == (SECRETS_CHANGED,)
    assert "second" not in str(thawed(newest.shown.options))
    assert changes_between(oldest, oldest) == ()
    assert oldest.draft.options["env"]["TOKEN"] == "first"


def test_what_became_a_secret_was_one_in_every_version():
    now = {"argv": ["true"], "env": {"FOO": "heron"}, "secret_env": ["FOO"]}
    job = a_kept_job("told", kind="command", options=frozen(now), version=2)
    was = {"options": {"argv": ["true"], "env": {"FOO": "heron"}}}
    change = Change(to=2, at=job.updated_at, since=job.created_at, was=was)

    newest, oldest = versions_of(job, {"changes": [msgspec.to_builtins(change)]})

    assert "heron" not in str(thawed(oldest.shown.options))
    assert "heron" not in str(newest.changes)
    assert oldest.draft.options["env"]["FOO"] == "heron"


def test_the_versions_of_a_job_go_with_it(manager):
    job = a_job(manager)
    manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=1)

    manager.delete(job.id)

    assert manager.registers(BEGINNING) == {}
