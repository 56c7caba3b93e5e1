"""How a run asks a person whether to go on, and hears the answer."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NoReturn

from msgspec.structs import replace

from core.errors import EngineFailed
from core.guards.memory import State, keep_state, state_of
from core.work import Question, RunContext, RunHeld

ABOUT: Final = "guard"
STOP: Final = "stop"
GO: Final = "go"
MUCH: Final = 0.2
"""What share of all files only an admin lets a mirror remove at once."""

LOOK_FIRST: Final = "Look whether the source is whole first; nothing was removed beyond what a run may."
ANSWERS: Final = {
    STOP: "Stop: leave everything as it is",
    GO: "Go on: this is right, and usual from now on",
}


def hold(
    context: RunContext, state: State, found: Sequence[str], *, hint: str, admin_only: bool = False
) -> NoReturn:
    """Raise RunHeld with what was found; the run asks this, and nothing else, until it is answered."""
    told = "\n".join((*found, hint))
    question = Question(
        id=f"guard-{blake2b(told.encode(), digest_size=8).hexdigest()}",
        about=ABOUT,
        sentence=found[0],
        details=(*found[1:], hint),
        answers=ANSWERS,
        admin_only=admin_only,
    )
    keep_state(context, replace(state, held=question, passed=0))
    raise RunHeld(question)


def hold_removals(context: RunContext, allowed: int, wanted: int | None) -> NoReturn:
    """Raise RunHeld as a mirror would remove more than it is allowed; `wanted` is how many, where that is known.

    Raises EngineFailed where a person has let the run go on before: the limit is one of the job then.
    """
    state = state_of(context)
    if state.agreed:  # a person has said go: what holds it now is a limit of the job's own
        message = f"The run removed {allowed:,} files at the destination, which is as many as this job may."
        raise EngineFailed(
            message, hint="Raise the limit in the job, or remove the rest yourself.", code="remove-limit"
        )
    many = f"{wanted:,}" if wanted is not None else f"more than {allowed:,}"
    sentence = (
        f"This run would remove {many} files at the destination that the source no longer has; "
        f"it may remove {allowed:,} without asking."
    )
    files = state.look.files if state.look is not None else 0
    heavy = wanted is not None and wanted > files * MUCH
    hold(context, state, [sentence], hint=LOOK_FIRST, admin_only=heavy)


def heard(context: RunContext, state: State) -> State:
    """Return the state with the answer to what was asked. Raises RunHeld while there is none, EngineFailed for a stop."""
    if state.held is None:
        return state
    answer = context.answer(state.held.id)
    if answer is None:
        raise RunHeld(state.held)
    if answer.answer == GO:
        context.info(f"{answer.by or 'Somebody'} looked at it and let the run go on: {state.held.sentence}")
        return replace(state, held=None, agreed=True)
    message = f"Stopped by {answer.by or 'somebody'}: {state.held.sentence}"
    hint = "Put right what was found, then start the job again."
    raise EngineFailed(message, hint=hint, code="stopped-by-guard")
