"""Nothing is deleted while the clock is wrong."""

import time

from core.clearing import clear
from core.guards.memory import NOTE
from tests.core.clearing.world import World, files_in, target_of, wishes
from tests.doubles import ScriptedContext

A_YEAR_NS = 365 * 24 * 3_600 * 1_000_000_000


def test_a_clock_that_is_not_trusted_keeps_every_file_at_the_source(world: World):
    world.put_some()
    context = ScriptedContext(world.workspace, own_data=world.data)
    context.notes[NOTE] = {"ended_ns": time.time_ns() + A_YEAR_NS}
    chosen = wishes(delete_mode="each", ask_before_delete=False, delete_most_percent=100)

    found = clear(context, chosen, world.source, target_of(world), world.proof(), roots=(str(world.copy),))

    assert found["done"] is False
    assert "the clock cannot be trusted. The clock says" in found["sentence"]
    assert len(files_in(world.source)) == 3
