"""Decisions that stand on others which another process overtakes at the same moment."""

import asyncio

import pytest

from core.dispatch.local import LocalDispatcher
from core.manager import JobManager
from core.models import Priority
from core.storage.yaml_files import YamlFilesStore
from core.work import Outcome
from tests.builders import a_job
from tests.doubles import make_scripted_engine


@pytest.fixture
def pair(tmp_path, clock, events, surroundings):
    """One that is at work and one that visits, in one folder; neither looks by itself what the other did."""
    made = [
        JobManager(
            YamlFilesStore(tmp_path / "data", clock=clock, tended=False),
            events,
            clock,
            LocalDispatcher(1),
            make_scripted_engine,
            surroundings,
        )
        for _ in range(2)
    ]
    made[0].open()
    yield made
    for manager in reversed(made):
        manager.close()


def test_what_ended_while_its_child_was_overtaken_is_told_once_and_not_called_late(pair):
    worker, visitor = pair
    parent = a_job(worker)
    child = a_job(worker, after=(parent.id,))
    run = worker.claim(worker.start(parent.id).id, "w")
    waits = worker.start(child.id)
    visitor.open(at_work=False)
    visitor.prioritise(waits.id, Priority.HIGH)

    async def both():
        return await asyncio.gather(
            worker.later(lambda: worker.claim(waits.id, "w")),
            worker.later(lambda: worker.complete(run.id, run.attempt, Outcome())),
        )

    claimed, ended = asyncio.run(both())

    assert (claimed.state, claimed.priority) == ("running", Priority.HIGH)
    assert ended.state == "completed"
