"""How a run asks a person whether to go on, and hears the answer."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NoReturn

from msgspec.structs import replace

from core.errors import EngineFailed
from core.guards.memory import State, keep_state, state_of
from core.guards.usual import Finding
from core.work import Question, RunContext, RunHeld

ABOUT: Final = "guard"
STOP: Final = "stop"
GO: Final = "go"
REMOVALS: Final = "removals"
MUCH: Final = 0.2
"""What share of all files only an admin lets a mirror remove at once."""

LOOK_FIRST: Final = "Look whether the source is whole first; nothing was removed beyond what a run may."
ANSWERS: Final = {
    STOP: "Stop: leave everything as it is",
    GO: "Go on: this is right, and usual from now on",
}


def hold(
    context: RunContext, state: State, found: Sequence[Finding], *, hint: str, admin_only: bool = False
) -> NoReturn:
    """Raise RunHeld with what was found; the run asks this, and nothing else, until it is answered."""
    first, *more = [one.words for one in found]
    told = "\n".join((first, *more, hint))
    question = Question(
        id=f"guard-{blake2b(told.encode(), digest_size=8).hexdigest()}",
        about=ABOUT,
        sentence=first,
        details=(*more, hint),
        answers=ANSWERS,
        admin_only=admin_only,
    )
    asked = tuple(one.what for one in found)
    keep_state(context, replace(state, held=question, asked=asked, passed=0))
    raise RunHeld(question)


def hold_removals(context: RunContext, allowed: int, wanted: int | None) -> NoReturn:
    """Raise RunHeld as a mirror would remove more than it is allowed; `wanted` is how many, where that is known.

    Where it is not known, or far too many, only an admin may let the run go on. Raises EngineFailed where one has
    done so before: the limit is one of the job then.
    """
    state = state_of(context)
    if REMOVALS in state.agreed:  # what holds it now is a limit of the job's own
        message = f"The run removed {allowed:,} files at the destination, which is as many as this job may."
        raise EngineFailed(
            message, hint="Raise the limit in the job, or remove the rest yourself.", code="remove-limit"
        )
    many = f"{wanted:,}" if wanted is not None else f"more than {allowed:,}"
    sentence = (
        f"This run would remove {many} files at {state.target} that the source no longer has; "
        f"it may remove {allowed:,} without asking."
    )
    files = state.look.files if state.look is not None else 0
    heavy = wanted is None or wanted > files * MUCH
    hold(context, state, [Finding(what=REMOVALS, words=sentence)], hint=LOOK_FIRST, admin_only=heavy)


def heard(context: RunContext, state: State) -> State:
    """Return the state with the answer to what was asked. Raises RunHeld while there is none, EngineFailed for a stop."""
    if state.held is None:
        return state
    answer = context.answer(state.held.id)
    if answer is None:
        raise RunHeld(state.held)
    if answer.answer == GO:
        context.info(f"{answer.by or 'Somebody'} looked at it and let the run go on: {state.held.sentence}")
        return replace(state, held=None, asked=(), agreed=(*state.agreed, *state.asked))
    message = f"Stopped by {answer.by or 'somebody'}: {state.held.sentence}"
    hint = "Put right what was found, then start the job again."
    raise EngineFailed(message, hint=hint, code="stopped-by-guard")
