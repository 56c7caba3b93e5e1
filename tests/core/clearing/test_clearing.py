"""From a proof to what a run says of its deletion."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clearing import LEFT_OUT, clear, problems
from core.engines import engine_for
from core.engines.copies import CopyingEngine
from core.errors import EngineFailed, InvalidOptions
from core.work import Answer, RunHeld, Surroundings
from tests.core.clearing.world import World, files_in, target_of, wishes
from tests.doubles import ScriptedContext

NEVER_ASK = {"ask_before_delete": False, "delete_most_percent": 100}


@pytest.fixture
def context(world: World) -> ScriptedContext:
    return ScriptedContext(world.workspace, own_data=world.data)


def asked(context: ScriptedContext, world: World, **fields) -> RunHeld:
    with pytest.raises(RunHeld) as held:
        cleared(context, world, **fields)
    return held.value


def cleared(context: ScriptedContext, world: World, proof=None, warnings=(), **fields):
    return clear(
        context,
        wishes(**fields),
        world.source,
        target_of(world),
        proof or world.proof(),
        roots=(str(world.copy),),
        warnings=warnings,
    )


def answer(context: ScriptedContext, held: RunHeld, said: str) -> None:
    question = held.question.id
    when = datetime(2026, 11, 21, tzinfo=UTC)
    context.answers[question] = Answer(question=question, answer=said, by="ana", at=when)


def confirmed_before(context: ScriptedContext, world: World) -> None:
    """Have both sides marked, as by a person's earlier answer."""
    world.delete(world.preview([]))


def test_nothing_is_deleted_unless_the_job_says_so(world: World, context: ScriptedContext):
    world.put_some()

    found = cleared(context, world, delete_source=False)

    assert found == {}
    assert len(files_in(world.source)) == 3


def test_a_person_is_asked_and_what_is_agreed_to_is_done(world: World, context: ScriptedContext):
    world.put_some()

    held = asked(context, world)
    untouched = files_in(world.source)
    answer(context, held, "delete")
    found = cleared(context, world)

    assert len(untouched) == 3
    assert held.question.typed == "delete 3"
    assert next(iter(held.question.answers)) == "keep"
    assert "year 0/0.jpg" in held.question.details
    assert found["files"] == 3
    assert found["preview"] == held.question.id
    assert files_in(world.source) == {}


def test_a_person_who_wants_to_keep_everything_keeps_everything(world: World, context: ScriptedContext):
    world.put_some()

    answer(context, asked(context, world), "keep")
    found = cleared(context, world)

    assert found["done"] is False
    assert "ana chose to keep" in found["sentence"]
    assert len(files_in(world.source)) == 3


def test_an_answer_is_for_exactly_the_list_that_was_shown(world: World, context: ScriptedContext):
    world.put_some()
    held = asked(context, world)
    answer(context, held, "delete")
    world.put("one more.jpg")

    again = ScriptedContext(world.place / "next", own_data=world.data)
    (world.place / "next").mkdir()
    again.answers = context.answers
    other = asked(again, world)

    assert other.question.id != held.question.id
    assert len(files_in(world.source)) == 4


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "mark of this job"),
        ({"delete_most_files": 2}, "at most 2 files"),
        ({"delete_most_percent": 50}, "at most 50 %"),
        ({"ask_before_delete": True}, "asks each time"),
    ],
)
def test_each_reason_to_ask_is_enough(world: World, context: ScriptedContext, fields, why: str):
    if fields:
        confirmed_before(context, world)
    world.put_some()

    held = asked(context, world, **NEVER_ASK | fields)

    assert any(why in detail for detail in held.question.details)
    assert held.question.admin_only is True


def test_within_its_budget_and_once_agreed_to_a_job_deletes_by_itself(world: World, context: ScriptedContext):
    confirmed_before(context, world)
    world.put_some(3)

    found = cleared(context, world, **NEVER_ASK)

    assert found["files"] == 3


def test_a_fifth_of_the_source_needs_an_admin_and_less_does_not(world: World, context: ScriptedContext):
    for number in range(10):
        world.put(f"{number}.jpg")
    few = world.proof(files=100)

    held = asked(context, world, proof=few)

    assert held.question.admin_only is False


@pytest.mark.parametrize("mode", ["sample", "fast"])
def test_only_a_full_proof_is_good_enough(world: World, context: ScriptedContext, mode: str):
    world.put_some()

    found = cleared(context, world, proof=world.proof(mode=mode), delete_mode="each")

    assert found["done"] is False
    assert found["warnings"]
    assert len(files_in(world.source)) == 3


@pytest.mark.parametrize(
    "fields", [{"verified": False}, {"problems": {"changed": 1}}, {"warnings": ("1 folder was skipped",)}]
)
def test_all_or_nothing_means_nothing_where_something_is_not_proved(
    world: World, context: ScriptedContext, fields
):
    confirmed_before(context, world)
    world.put_some()

    found = cleared(context, world, proof=world.proof(**fields), **NEVER_ASK)

    assert found["done"] is False
    assert found["warnings"]
    assert len(files_in(world.source)) == 3


def test_a_warning_of_the_copy_keeps_everything_too(world: World, context: ScriptedContext):
    confirmed_before(context, world)
    world.put_some()

    found = cleared(context, world, warnings=("2 files vanished",), **NEVER_ASK)

    assert found["done"] is False
    assert len(files_in(world.source)) == 3


def test_file_by_file_only_what_was_proved_goes(world: World, context: ScriptedContext):
    confirmed_before(context, world)
    world.put("good.txt")
    proof = world.proof(problems={"changed": 1})
    (world.source / "not proved.txt").write_bytes(b"changing")

    found = cleared(context, world, proof=proof, delete_mode="each", **NEVER_ASK)

    assert found["files"] == 1
    assert files_in(world.source) == {b"not proved.txt": b"changing"}


def test_a_file_that_stays_is_named_in_the_result_the_warnings_and_the_log(
    world: World, context: ScriptedContext
):
    confirmed_before(context, world)
    world.put_some()
    proof = world.proof()
    (world.source / "year 0/0.jpg").write_bytes(b"changed since")

    found = cleared(context, world, proof=proof, **NEVER_ASK)

    assert found["files"] == 2
    assert "year 0/0.jpg" in found["warnings"][0]
    assert any("year 0/0.jpg stays" in line for line in context.warnings)


def test_a_deletion_that_could_not_be_done_fails_the_run(world: World, context: ScriptedContext):
    confirmed_before(context, world)
    world.put_some()
    (world.data / "receipts" / "run-1.jsonl").unlink()
    (world.data / "receipts").rmdir()
    (world.data / "receipts").write_text("no folder")

    with pytest.raises(EngineFailed, match="No file was taken away"):
        cleared(context, world, **NEVER_ASK)

    assert len(files_in(world.source)) == 3


def test_where_the_list_cannot_be_made_the_run_fails(world: World, context: ScriptedContext):
    world.put_some()
    proof = world.proof()
    Path(proof.records).write_bytes(Path(proof.records).read_bytes()[:-3])

    with pytest.raises(EngineFailed, match="cut short"):
        cleared(context, world, proof=proof)

    assert len(files_in(world.source)) == 3


def test_an_empty_list_needs_nobody(world: World, context: ScriptedContext):
    found = cleared(context, world)

    assert found["done"] is False
    assert found["warnings"] == ()


def test_an_attempt_that_is_taken_up_after_a_restart_says_the_same_and_does_nothing_twice(
    world: World, context: ScriptedContext
):
    world.put_some()
    proof = world.proof()
    answer(context, asked(context, world, proof=proof), "delete")

    before = cleared(context, world, proof=proof)
    receipts = world.receipt()
    after = cleared(context, world, proof=proof)

    assert after == before
    assert world.receipt() == receipts


def test_an_attempt_that_finds_nothing_more_says_what_earlier_ones_took(
    world: World, context: ScriptedContext
):
    world.put_some()
    world.delete()

    found = cleared(context, world)

    assert "earlier attempts took 3 files away" in found["sentence"]


@pytest.mark.parametrize("verify", ["sample", "fast"])
def test_a_job_that_deletes_needs_the_full_proof(verify: str):
    assert "full proof" in problems(wishes(), verify)["verify"]
    assert problems(wishes(), "full") == {}
    assert problems(wishes(delete_source=False), verify) == {}


def test_a_job_that_deletes_is_no_mirror():
    assert "copies of what is deleted" in problems(wishes(), "full", mirror=True)["mirror"]


@pytest.mark.parametrize("folder", ["/", "/etc", "/usr/share", "/home", "/var"])
def test_the_folders_of_the_system_are_never_a_source_to_delete_from(folder: str):
    assert problems(wishes(), "full", Path(folder))["source"]


def test_the_kinds_refuse_what_cannot_be_deleted_safely(tmp_path: Path):
    (tmp_path / "source").mkdir()
    options = {
        "source": str(tmp_path / "source"),
        "destination": str(tmp_path / "copy"),
        "delete_source": True,
        "verify": "fast",
    }

    with pytest.raises(InvalidOptions) as refused:
        engine_for("rsync", options).check(Surroundings(own_data=tmp_path / "data"))

    assert "options.verify" in refused.value.problems


def test_nothing_is_deleted_by_default():
    engine = engine_for("rsync", {"source": "/srv/a", "destination": "/srv/b"})

    assert isinstance(engine, CopyingEngine)
    assert engine.delete_source is False
    assert wishes(delete_source=False).quarantine_days == 7
    assert wishes().ask_before_delete is True


def test_what_deletion_leaves_in_folders_is_never_copied():
    engine = engine_for("rsync", {"source": "/srv/a", "destination": "/srv/b", "include": ["**"]})

    assert isinstance(engine, CopyingEngine)
    taken_back_in = engine.patterns.index("!**")

    assert all(pattern in engine.patterns[taken_back_in:] for pattern in LEFT_OUT)
