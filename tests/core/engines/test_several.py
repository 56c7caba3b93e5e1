"""Several copies of one folder, made by the real programs."""

from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from core.acting import Actor, acting_as
from core.drafts import JobDraft, checked
from core.engines import engine_for
from core.errors import EngineFailed, InvalidOptions, Refused
from core.work import Answer, RunHeld, RunStopped
from tests.builders import WHEN
from tests.doubles import ScriptedContext
from tests.servers import REPOSITORY_PASSWORD, SomeDestinations, a_repository

FILES = {"one.txt": b"one", "two.txt": b"two" * 5_000, "deep/er/three.bin": bytes(range(256)) * 40}


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def make_context(tmp_path):
    """Make the context of a run that works below the test's own folder."""
    (tmp_path / "work").mkdir()
    (tmp_path / "data").mkdir()

    def make(**wishes):
        return ScriptedContext(tmp_path / "work", own_data=tmp_path / "data", **wishes)

    return make


def several(source, *lines, **options):
    return engine_for("several", {"source": str(source), "copies": list(lines), **options})


def copies_in(outcome):
    return [(copy["destination"], copy["state"], copy["verified"]) for copy in outcome.result["copies"]]


def content_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {name: content for name, content in found.items() if not name.startswith(".holdfast")}


def test_one_job_copies_to_a_folder_and_to_a_repository_and_proves_both(source, make_context, tmp_path):
    context = make_context()
    known = SomeDestinations(tmp_path / "data")
    known.add(
        "safe",
        "restic",
        {"repository": str(a_repository(tmp_path / "repository"))},
        password=REPOSITORY_PASSWORD,
    )
    context.surroundings = replace(context.surroundings, destinations=known)
    engine = several(source, f"rsync {tmp_path / 'disk'}", "restic safe full")

    outcome = engine.run(context)

    assert copies_in(outcome) == [(str(tmp_path / "disk"), "completed", True), ("safe", "completed", True)]
    first, second = outcome.result["copies"]
    assert (bool(first["sentence"]), bool(second["sentence"]), bool(second["snapshot"])) == (True, True, True)
    assert outcome.result["verification"]["sentence"] == "All 2 copies are verified."


def test_copies_are_made_side_by_side_when_asked_for(source, make_context, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    engine = several(source, f"rclone {one} full", f"rsync {two} full", side_by_side=True)
    context = make_context()

    outcome = engine.run(context)

    assert copies_in(outcome) == [(str(one), "completed", True), (str(two), "completed", True)]
    assert outcome.result["verified"] is True
    assert outcome.result["verification"]["sentence"] == "All 2 copies are verified."
    assert content_of(one) == content_of(two) == FILES
    began = {
        path.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("work/attempt-1/*/supervisor")
    }
    ended = {path.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("work/attempt-1/*/status")}
    last_of_first = max(at for name, at in ended.items() if name.startswith("copy-1-"))
    assert min(at for name, at in began.items() if name.startswith("copy-2-")) < last_of_first


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("tape /mnt/a",), "Begin each line with one of"),
        (("rsync",), "Say where to after rsync"),
        (("rsync ../up",), "This must be a path that begins with /"),
        (("rclone :local:/etc",), "This must be a path that begins with /"),
    ],
)
def test_a_line_that_names_no_copy_is_refused_in_words(source, lines, said):
    with pytest.raises(InvalidOptions) as refused:
        several(source, *lines)

    assert said in " ".join(refused.value.problems.values())


def test_two_copies_to_one_place_are_refused(source, make_context, tmp_path):
    engine = several(source, f"rsync {tmp_path / 'one'}", f"rclone {tmp_path / 'one'}")

    with pytest.raises(InvalidOptions) as refused:
        engine.check(make_context().surroundings)

    assert refused.value.problems["options.copies"] == "Two copies cannot go to the same place."


def test_a_copy_that_fails_leaves_the_others_made_and_the_run_failed(source, make_context, tmp_path):
    gone, good = tmp_path / "disk" / "copy", tmp_path / "good"
    gone.parent.mkdir()
    engine = several(source, f"rsync {gone}", f"rsync {good}")
    engine.check(make_context().surroundings)
    gone.parent.rmdir()

    with pytest.raises(EngineFailed, match="1 of 2 copies could not be made") as failed:
        engine.run(make_context())

    assert str(gone) in str(failed.value)
    assert content_of(good) == FILES


def test_a_copy_that_asks_a_person_leaves_the_others_made(source, make_context, tmp_path):
    asks, good = tmp_path / "asks", tmp_path / "good"
    engine = several(source, f"rsync {asks}", f"rsync {good}")
    context = make_context()
    engine.run(context)
    (asks / ".holdfast-destination").unlink()
    (source / "new.txt").write_text("new")
    (tmp_path / "next").mkdir()
    later = ScriptedContext(tmp_path / "next", own_data=tmp_path / "data")
    later.notes = context.notes

    with pytest.raises(RunHeld, match="has lost the marker") as held:
        engine.run(later)
    before = content_of(asks)
    question = held.value.question
    later.answers[question.id] = Answer(question=question.id, answer="go", by="ana", at=WHEN)
    outcome = engine.run(later.again())

    assert "new.txt" not in before
    assert content_of(good) == content_of(asks) == content_of(source)
    assert copies_in(outcome) == [(str(asks), "completed", True), (str(good), "completed", True)]
    assert not list((tmp_path / "next" / "attempt-2").glob("copy-2-*"))


@pytest.mark.parametrize("side_by_side", [False, True])
def test_what_was_stopped_for_several_copies_runs_again_before_they_are_proved(
    source, make_context, tmp_path, side_by_side
):
    began, ended = tmp_path / "began", tmp_path / "ended"
    step = {"do": "command", "before": ["touch", str(began)], "after": ["touch", str(ended)]}
    lines = f"rsync {tmp_path / 'one'}", f"rsync {tmp_path / 'two'}"
    engine = several(source, *lines, steps=[step], side_by_side=side_by_side)

    outcome = engine.run(make_context())

    programs = {path.name: path / "supervisor" for path in tmp_path.glob("work/attempt-1/copy-*")}
    at = {name: path.stat().st_mtime_ns for name, path in programs.items() if path.exists()}
    copies = [when for name, when in at.items() if name.endswith("-copy")]
    proofs = [when for name, when in at.items() if name.endswith("-proof")]
    assert (len(copies), len(proofs), outcome.result["verified"]) == (2, 2, True)
    assert began.stat().st_mtime_ns <= min(copies) <= max(copies) <= ended.stat().st_mtime_ns <= min(proofs)


def test_a_mirror_among_several_removes_no_more_than_a_mirror_by_itself(source, make_context, tmp_path):
    for number in range(60):
        (source / f"{number}.txt").write_text("text")
    copy = tmp_path / "copy"
    engine = several(source, f"rsync {copy}", kind_options={"rsync": {"mirror": True}})
    context = make_context()
    engine.run(context)
    for number in range(25):
        (source / f"{number}.txt").unlink()
    (tmp_path / "next").mkdir()
    later = ScriptedContext(tmp_path / "next", own_data=tmp_path / "data")
    later.notes = context.notes

    with pytest.raises(RunHeld, match=f"files at {copy}") as held:
        engine.run(later)

    assert held.value.question.admin_only
    assert len(content_of(copy)) >= 53


def test_the_next_attempt_makes_only_what_is_missing(source, make_context, tmp_path):
    good, late = tmp_path / "good", tmp_path / "late"
    late.mkdir()
    (late / "one.txt").mkdir()
    (late / "one.txt" / "in the way").write_text("of a file")
    engine = several(source, f"rsync {good}", f"rsync {late}")
    first = make_context()

    with pytest.raises(EngineFailed, match="1 of 2 copies could not be made") as failed:
        engine.run(first)
    (late / "one.txt" / "in the way").unlink()
    (late / "one.txt").rmdir()
    second = first.again()
    outcome = engine.run(second)

    shown = failed.value.result or {}
    states = [(copy["destination"], copy["state"]) for copy in shown["copies"]]
    assert states == [(str(good), "completed"), (str(late), "failed")]
    assert copies_in(outcome) == [(str(good), "completed", True), (str(late), "completed", True)]
    again = {path.name for path in tmp_path.glob(f"work/attempt-{second.attempt}/*")}
    assert not any(name.startswith("copy-1-") for name in again - {"attempt-1"}) or second.attempt == 1


def test_cancelling_ends_the_programs_of_all_copies(source, make_context, tmp_path):
    (source / "large.bin").write_bytes(bytes(8_000_000))
    one, two = tmp_path / "one", tmp_path / "two"
    slow = {"side_by_side": True, "bandwidth_limit": "100 KB/s"}
    engine = several(source, f"rclone {one}", f"rsync {two}", **slow)
    context = make_context(ask=lambda _: "cancel")

    with pytest.raises(RunStopped) as stopped:
        engine.run(context)

    assert stopped.value.asked == "cancel"
    at_work = [
        process for process in psutil.process_iter(["cmdline"]) if str(source) in str(process.info["cmdline"])
    ]
    assert at_work == []


def test_a_copy_that_is_not_proved_keeps_the_source(source, make_context, tmp_path):
    engine = several(
        source, f"rsync {tmp_path / 'one'} full", f"rsync {tmp_path / 'two'} sample", delete_source=True
    )

    with pytest.raises(InvalidOptions) as refused:
        engine.check(make_context().surroundings)

    assert "deleted only after a full proof" in refused.value.problems["options.copies"]


def test_a_file_that_one_copy_lacks_is_not_deleted(source, make_context, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    engine = several(
        source,
        f"rclone {one} full",
        f"rsync {two} full",
        delete_source=True,
        delete_mode="each",
        kind_options={"rsync": {"exclude": ["two.txt"]}},
    )
    context = make_context()

    with pytest.raises(RunHeld) as held:
        engine.run(context)
    question = held.value.question
    context.answers[question.id] = Answer(question=question.id, answer="delete", by="ana", at=WHEN)
    outcome = engine.run(context.again())

    assert content_of(source) == {"two.txt": FILES["two.txt"]}
    assert outcome.result["deletion"]["files"] == 2


def test_a_mirror_that_only_an_admin_may_make_is_no_operators_as_one_of_several(
    source, make_context, tmp_path
):
    options = {
        "source": str(source),
        "copies": [f"rclone {tmp_path / 'copy'}"],
        "kind_options": {"rclone": {"mirror": True}},
    }
    draft = JobDraft(name="both", kind="several", options=options)
    surroundings = make_context().surroundings

    with acting_as(Actor(name="olga", admin=False)), pytest.raises(Refused, match="Only admins"):
        checked(draft, engine_for, surroundings)

    with acting_as(Actor(name="ana")):
        assert checked(draft, engine_for, surroundings).kind == "several"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"exclude": 5}, "no options of rsync"),
        ({"exclude": "*.tmp"}, "no options of rsync"),
        ({"steps": [{"do": "command", "before": ["true"]}]}, "steps is for the whole job"),
        ({"delete_source": True}, "delete_source is for the whole job"),
        ({"destination": "/elsewhere"}, "destination is for the whole job"),
    ],
)
def test_options_by_kind_that_cannot_be_or_would_not_be_obeyed_are_refused_in_words(
    source, make_context, tmp_path, more, said
):
    engine = several(source, f"rsync {tmp_path / 'copy'}", kind_options={"rsync": more})

    with pytest.raises(InvalidOptions) as refused:
        engine.check(make_context().surroundings)

    assert said in refused.value.problems["options.kind_options"]
