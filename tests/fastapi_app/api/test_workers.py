"""Who carries runs out, told to programs."""

from core.storage.memory import MemoryStore


def test_a_program_asks_who_carries_runs_out(make_world):
    world = make_world(store=MemoryStore(), slots=3)

    answer = world.signed_in().get("/api/v1/workers").json()

    (worker,) = answer["items"]
    assert (answer["slots"], answer["busy"]) == (3, 0)
    assert (worker["slots"], worker["busy"], worker["working"], worker["runs"]) == (3, 0, True, [])
    assert worker["name"]
    assert worker["since"] == "2026-11-21T07:42:00Z"


def test_nobody_is_told_of_workers_who_is_not_signed_in(world):
    assert world.client.get("/api/v1/workers").status_code == 401
