"""The restart of Holdfast, as an administrator asks for it."""

import pytest

from core.people import Role

RESTART = "/api/v1/restart"


@pytest.fixture
def asked(world):
    """How often a restart was asked for, of a server that could."""
    times = []
    world.house.service.on_restart = lambda: times.append(RESTART)
    return times


def test_an_administrator_may_restart_holdfast_and_nobody_else(people, asked):
    answers = {
        role: people[role].post(RESTART).status_code for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
    }

    assert answers == {Role.VIEWER: 403, Role.OPERATOR: 403, Role.ADMIN: 202}
    assert asked == [RESTART]


def test_a_holdfast_that_cannot_restart_by_itself_says_so(people):
    answer = people[Role.ADMIN].post(RESTART)

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state")
    assert "Stop it and start it again." in answer.json()["hint"]
