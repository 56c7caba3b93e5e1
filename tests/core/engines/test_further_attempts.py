"""What a further attempt at a run does: all that the first was to do."""

from datetime import UTC, datetime

import pytest

from core.engines import engine_for
from core.work import Answer, RunHeld
from tests.doubles import ScriptedContext


@pytest.mark.parametrize("mode", ["verified", "each"])
@pytest.mark.parametrize("kind", ["copy", "rsync"])
def test_a_further_attempt_deletes_what_the_first_was_to_delete(tmp_path, kind, mode):
    source, work, data = (tmp_path / name for name in ("source", "work", "data"))
    for folder in (source, work, data):
        folder.mkdir()
    (source / "photo.jpg").write_bytes(b"a photo")
    options = {"source": str(source), "destination": str(tmp_path / "copy")}
    engine = engine_for(kind, {**options, "delete_source": True, "delete_mode": mode})
    first = ScriptedContext(work, own_data=data)

    with pytest.raises(RunHeld) as held:
        engine.run(first)
    question = held.value.question
    first.answers[question.id] = Answer(
        question=question.id, answer="delete", by="ana", at=datetime(2026, 11, 22, tzinfo=UTC)
    )
    outcome = engine.run(first.again())

    assert outcome.result["deletion"]["files"] == 1
    assert not (source / "photo.jpg").exists()
    assert (tmp_path / "copy" / "photo.jpg").read_bytes() == b"a photo"
