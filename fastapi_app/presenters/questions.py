"""What a run asks a person, as its pages show it."""

from typing import Final

from core.models import Value
from core.questions import careful
from core.work import Question

AT_ONCE: Final = 6
"""How many details are read without asking for more."""


class AnswerButton(Value, frozen=True, kw_only=True):
    """One answer that may be given; `typed` is what must be typed with it."""

    value: str
    word: str
    typed: str = ""


class QuestionView(Value, frozen=True, kw_only=True):
    """A question with its answers, the careful one first; `more` are details for who wants them all."""

    id: str
    sentence: str
    details: tuple[str, ...]
    more: tuple[str, ...]
    careful: AnswerButton
    others: tuple[AnswerButton, ...]
    admin_only: bool
    list_address: str


def question_view(question: Question, run_id: str) -> QuestionView:
    """Return the question of a run; of a deletion with the way to the list of what would go."""
    first = careful(question)
    return QuestionView(
        id=question.id,
        sentence=question.sentence,
        details=question.details[:AT_ONCE],
        more=question.details[AT_ONCE:],
        careful=AnswerButton(value=first, word=question.answers[first]),
        others=tuple(
            AnswerButton(value=value, word=word, typed=question.typed)
            for value, word in question.answers.items()
            if value != first
        ),
        admin_only=question.admin_only,
        list_address=f"/runs/{run_id}/deletion" if question.about == "delete" else "",
    )
