"""What a program left: its answer, and the files that its run keeps."""

from typing import Any, Final

import orjson

from core.models import Run, Value
from core.packed import thawed
from fastapi_app.presenters import sizes

LONGEST: Final = 10_000


class KeptView(Value, frozen=True, kw_only=True):
    """A file that a run keeps, under its number."""

    number: int
    name: str
    size: str
    digest: str


class AnswerView(Value, frozen=True, kw_only=True):
    """What a program left; `answer` is its JSON, as one reads it."""

    answer: str
    kept: tuple[KeptView, ...]


def answer_of(run: Run) -> AnswerView | None:
    """Return what the run's program left; None where that is nothing."""
    result: dict[str, Any] = thawed(run.result) or {}
    if "exit_code" not in result:
        return None
    text = _as_text(result["answer"]) if "answer" in result else ""
    kept = tuple(_kept(number, file) for number, file in enumerate(result.get("kept") or (), start=1))
    return AnswerView(answer=text, kept=kept) if text or kept else None


def _as_text(answer: Any) -> str:  # noqa: ANN401 - any JSON value
    text = orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… (the API has all of it)"


def _kept(number: int, file: dict[str, Any]) -> KeptView:
    return KeptView(number=number, name=file["name"], size=sizes.size(file["bytes"]), digest=file["blake3"])
