import itertools

import pytest

from core.errors import WrongState
from core.states import AT_WORK, FINAL, MOVES, RunState, check_move, is_final


def test_every_move_outside_the_table_is_refused():
    refused = [pair for pair in itertools.product(RunState, RunState) if pair[1] not in MOVES[pair[0]]]

    for current, wanted in refused:
        with pytest.raises(WrongState, match=f"{current} cannot become {wanted}"):
            check_move(current, wanted)

    assert len(refused) == len(RunState) ** 2 - sum(len(moves) for moves in MOVES.values())


def test_every_move_of_the_table_is_allowed():
    for current, moves in MOVES.items():
        for wanted in moves:
            check_move(current, wanted)

    assert set(MOVES) == set(RunState)


def test_the_final_states_are_those_that_nothing_leaves():
    assert {RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED} == FINAL
    assert not any(is_final(state) for state in AT_WORK)


def test_every_state_that_is_not_final_can_end():
    for state in set(RunState) - FINAL:
        reached = {state}
        while len(further := reached.union(*(MOVES[one] for one in reached))) > len(reached):
            reached = further
        assert reached & FINAL, f"{state} leads nowhere"
