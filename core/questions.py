"""What runs ask people: kept in a register while it is open, answered once, forgotten when the run is over."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.acting import actor
from core.decisions import ANSWER, QUESTION, Decision
from core.errors import InvalidOptions, Refused, WrongState
from core.models import Run
from core.packed import thawed
from core.work import Answer, Question


def question_in(register: Mapping[str, Any] | None) -> Question | None:
    """Return the question that a register holds."""
    return None if register is None else msgspec.convert(thawed(register), Question)


def answer_in(register: Mapping[str, Any] | None) -> Answer | None:
    """Return the answer that a register holds."""
    return None if register is None else msgspec.convert(thawed(register), Answer)


def ask(decision: Decision, run_id: str, question: Question) -> None:
    """Have a run ask this, in place of whatever it asked before."""
    decision.set(QUESTION + run_id, msgspec.to_builtins(question))
    decision.set(ANSWER + run_id, None)


def settle(decision: Decision, run: Run, given: Answer, typed: str) -> None:
    """Have the question of a run answered.

    Raises WrongState where it asks nothing or something else by now, InvalidOptions where the answer is none of those
    that may be given or is not typed as it must be, Refused where only an admin may give it.
    """
    question = question_in(decision.register(QUESTION + run.id))
    if question is None:
        raise WrongState("This run asks nothing.", hint="Look at the run; perhaps somebody answered already.")
    if question.id != given.question:
        message = "The run asks something else by now."
        raise WrongState(message, hint="Reload the page, read what it asks, and answer that.")
    if given.answer not in question.answers:
        raise InvalidOptions({"answer": f"This must be one of: {', '.join(question.answers)}."})
    if given.answer != careful(question):
        _check_weight(question, typed)
    decision.set(QUESTION + run.id, None)
    decision.set(ANSWER + run.id, msgspec.to_builtins(given))


def _check_weight(question: Question, typed: str) -> None:
    if question.admin_only and not actor().admin:
        raise Refused("Only an admin may give this answer.", hint="Ask an admin, or give the careful answer.")
    if question.typed and typed.strip() != question.typed:
        raise InvalidOptions({"typed": f"Type exactly: {question.typed}"})


def careful(question: Question) -> str:
    """Return the answer that harms nothing: the first."""
    return next(iter(question.answers))
