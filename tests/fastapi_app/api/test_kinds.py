"""Kinds as programs see them."""

import pytest

KINDS = "/api/v1/kinds"


@pytest.fixture
def program(world):
    headers = world.bearer()

    def ask(method, path, **rest):
        return world.client.request(method, path, headers=headers, **rest)

    return ask


def test_kinds_are_listed_with_their_options(program):
    kinds = {kind["kind"]: kind for kind in program("GET", KINDS).json()["items"]}
    schema = program("GET", f"{KINDS}/copy/schema").json()

    assert kinds["copy"]["stages"] == ["scan", "copy", "verify", "delete"]
    assert {"source", "destination", "verify"} <= set(schema["properties"])
    assert program("GET", f"{KINDS}/teleport/schema").status_code == 404


def test_options_are_checked_while_they_are_entered(world, program):
    good = world.options()

    wrong = program(
        "POST", f"{KINDS}/copy/check", json={"options": good | {"destination": good["source"]}}
    ).json()
    unfit = program("POST", f"{KINDS}/copy/check", json={"options": {"source": 3}}).json()
    right = program("POST", f"{KINDS}/copy/check", json={"options": good}).json()

    assert wrong["problems"]
    assert {"options.source", "options.destination"} <= set(unfit["problems"])
    assert right["problems"] == {}
    assert right["plan"]
    assert {fact["field"] for fact in right["facts"]} >= {"source"}
    assert program("GET", "/api/v1/jobs").json()["total"] == 0


def test_numbers_about_the_house(world, program):
    world.a_running_run(world.a_job())
    world.a_job("other")

    stats = program("GET", "/api/v1/stats").json()

    assert stats["counts"] == {"running": 1, "never": 1}
    assert set(stats["load"]) == {"slots", "busy", "waiting"}
