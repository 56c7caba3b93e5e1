"""The copy kind: its options, what it refuses, and what it says beforehand."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.destinations.marker import Marker, put_marker
from core.engines import engine_for
from core.engines.copy import CopyEngine
from core.errors import EngineFailed, InvalidOptions
from core.work import Answer, RunHeld, Surroundings
from tests.doubles import ScriptedContext
from tests.servers import SomeDestinations


@pytest.fixture
def surroundings(tmp_path):
    own_data = tmp_path / "own" / "data"
    own_data.mkdir(parents=True)
    return Surroundings(own_data=own_data)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("content")
    return folder


@pytest.fixture
def problems(surroundings):
    """Say why these options are refused."""

    def ask(source, destination, **options):
        with pytest.raises(InvalidOptions) as refused:
            engine_for("copy", {"source": source, "destination": destination, **options}).check(surroundings)
        return refused.value.problems

    return ask


def test_ordinary_folders_are_accepted(source, tmp_path, surroundings):
    engine = engine_for("copy", {"source": str(source), "destination": str(tmp_path / "new")})

    engine.check(surroundings)

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("relative", "The path must be absolute"),
        ("/a\nb", "control character"),
        ("/a\0b", "control character"),
        ("/a\ud800b", "no file name can have"),
        ("/tmp/../etc", "must not go up"),
    ],
)
def test_paths_that_are_no_plain_absolute_paths_are_refused(path, why, source, tmp_path, problems):
    assert why in problems(path, str(tmp_path))["options.source"]
    assert why in problems(str(source), path)["options.destination"]


@pytest.mark.parametrize("folder", ["/", "/proc", "/sys/kernel", "/dev", "/run"])
def test_sources_that_hold_no_files_of_yours_are_refused(folder, tmp_path, problems):
    assert set(problems(folder, str(tmp_path / "new"))) == {"options.source"}


@pytest.mark.parametrize(
    "folder", ["/", "/etc", "/usr/local/share", "/bin", "/boot/x", "/dev/shm", "/proc", "/sys", "/run"]
)
def test_folders_of_the_system_are_refused_as_destination(folder, source, problems):
    assert set(problems(str(source), folder)) == {"options.destination"}


def test_a_missing_source_and_a_file_as_source_are_refused(source, tmp_path, problems):
    missing = problems(str(tmp_path / "missing"), str(tmp_path / "new"))
    file = problems(str(source / "inner" / "file"), str(tmp_path / "new"))

    assert missing["options.source"].endswith("Is the disk mounted?")
    assert file["options.source"].endswith("is not a folder.")


def test_a_destination_whose_parent_is_missing_is_refused(source, tmp_path, problems):
    found = problems(str(source), str(tmp_path / "missing" / "new"))

    assert found["options.destination"].endswith("Is the disk mounted?")


def test_overlapping_folders_are_refused_whatever_links_lead_to_them(source, tmp_path, problems):
    alias = tmp_path / "alias"
    alias.symlink_to(source)

    same = problems(str(source), str(alias))
    inside = problems(str(alias), str(source / "inner" / "new"))
    around = problems(str(alias / "inner"), str(source))

    assert same == {"options.destination": "The destination is the source itself."}
    assert "lies inside the source" in inside["options.destination"]
    assert "lies inside the destination" in around["options.destination"]


def test_own_data_is_neither_read_nor_written_over(source, surroundings, problems):
    own = surroundings.own_data
    (own / "jobs").mkdir()

    assert "own data" in problems(str(own), str(source))["options.source"]
    assert "own data" in problems(str(own / "jobs"), str(source))["options.source"]
    assert "own data" in problems(str(source), str(own / "jobs"))["options.destination"]
    assert "own data" in problems(str(source), str(own.parent))["options.destination"]


def test_own_data_inside_the_source_is_left_out_and_said_so(tmp_path, surroundings):
    own = surroundings.own_data
    (own / "secret.yaml").write_text("secret")
    (own.parent / "letter.txt").write_text("letter")
    destination = tmp_path / "new"
    workspace = tmp_path / "workspace"
    workspace.mkdir()

    engine = CopyEngine(source=own.parent, destination=destination)
    outcome = engine.run(ScriptedContext(workspace, own_data=own))

    assert outcome.warnings == ("Left out: data: it is Holdfast's own data, or the destination itself.",)
    assert [path.name for path in destination.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("10 MB/s", 10_000_000),
        ("512 KiB/s", 524_288),
        ("1.5mb", 1_500_000),
        (2048, 2048),
        ("", None),
        (None, None),
    ],
)
def test_a_limit_may_be_written_in_words(written, rate, source, tmp_path):
    options = {"source": str(source), "destination": str(tmp_path / "new"), "bandwidth_limit": written}

    assert engine_for("copy", options).model_dump()["bandwidth_limit"] == rate


def test_a_pattern_that_decides_nothing_is_refused(source, tmp_path, problems):
    found = problems(str(source), str(tmp_path / "new"), exclude=["*.log", "# note"], include=["!"])

    assert set(found) == {"options.exclude", "options.include"}


def test_the_form_shows_what_is_in_the_folders(source, tmp_path, surroundings):
    engine = CopyEngine(source=source, destination=tmp_path / "new", exclude=("*.log",))

    facts = {fact.field: fact for fact in engine.facts(surroundings)}

    assert facts["source"].text == "1 file, 7 B, readable"
    assert facts["destination"].text.startswith("will be made, ")
    assert facts["destination"].text.endswith(" free, writable")
    assert facts["exclude"].good
    assert all(fact.good for fact in facts.values())


def test_the_form_shows_what_is_wrong(source, surroundings):
    engine = CopyEngine(source=source, destination=source / "inner")

    (fact, other) = sorted(engine.facts(surroundings), key=lambda fact: fact.field)

    assert (fact.field, fact.good) == ("destination", False)
    assert (other.field, other.good) == ("source", True)


@pytest.mark.parametrize(
    ("verify", "sentence"),
    [
        ("full", "Then reads every file back from the destination and compares it."),
        ("fast", "Then looks at sizes and times only; that does not count as verified."),
        ("sample", "Then reads back a random sample, to be 95 % sure that 99 % of the files are good."),
    ],
)
def test_the_plan_says_what_will_be_done_and_what_not(verify, sentence, source, tmp_path):
    engine = CopyEngine(source=source, destination=tmp_path / "new", verify=verify)

    assert sentence in engine.plan_in_words()
    assert "Removes nothing: files that only the destination has stay there." in engine.plan_in_words()


def test_the_working_folder_does_not_matter(source, tmp_path, monkeypatch):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "core").mkdir(parents=True)
    (elsewhere / "core" / "__init__.py").write_text("raise RuntimeError('the wrong core')")
    monkeypatch.chdir(elsewhere)

    outcome = CopyEngine(source=source, destination=tmp_path / "new").run(ScriptedContext(workspace))

    assert outcome.result["verified"]
    assert Path.cwd() == elsewhere


@pytest.fixture
def disk(tmp_path):
    """A destination that is a folder of this machine, under the name "disk"."""
    root = tmp_path / "disk"
    root.mkdir()
    return root


def a_context(tmp_path, disk=None, **settings):
    """Return a run that knows the destinations "disk", a folder, and "nas", which is none."""
    workspace, own_data = tmp_path / "workspace", tmp_path / "data"
    for folder in (workspace, own_data):
        folder.mkdir(exist_ok=True)
    context = ScriptedContext(workspace, own_data=own_data)
    known = SomeDestinations(tmp_path / "secrets")
    known.add("disk", "folder", {"path": str(disk), **settings})
    known.add("nas", "ssh", {"host": "nas", "path": "/srv"})
    context.surroundings = Surroundings(own_data=own_data, destinations=known)
    return context


def test_the_built_in_copy_reaches_a_destination_that_is_a_folder(source, disk, tmp_path):
    context = a_context(tmp_path, disk)
    engine = CopyEngine(source=source, destination="disk:photos/2026")

    outcome = engine.run(context)

    assert (disk / "photos/2026/inner/file").read_text() == "content"
    assert outcome.result["verified"]
    assert engine.reaches == ("destination:disk",)
    assert CopyEngine(source=source, destination=disk).reaches == ()


def test_the_built_in_copy_refuses_a_destination_that_is_no_folder(source, disk, tmp_path):
    surroundings = a_context(tmp_path, disk).surroundings

    with pytest.raises(InvalidOptions) as remote:
        CopyEngine(source=source, destination="nas:photos").check(surroundings)
    with pytest.raises(InvalidOptions) as unknown:
        CopyEngine(source=source, destination="gone:photos").check(surroundings)

    assert "is no folder of this machine" in remote.value.problems["options.destination"]
    assert "there is none called gone" in unknown.value.problems["options.destination"]


def test_the_built_in_copy_waits_for_a_disk_whose_marker_is_not_there(source, disk, tmp_path):
    context = a_context(tmp_path, disk, mounted=True)
    engine = CopyEngine(source=source, destination="disk:photos")

    with pytest.raises(EngineFailed) as failed:
        engine.run(context)

    assert failed.value.transient
    assert list(disk.iterdir()) == []
    put_marker(disk, Marker(store="ours", destination="disk"))
    assert engine.run(context).result["verified"]


def test_what_the_built_in_copy_has_proved_is_taken_away_once_a_person_agrees(source, tmp_path):
    context, destination = a_context(tmp_path), tmp_path / "new"
    engine = CopyEngine(source=source, destination=destination, delete_source=True)

    with pytest.raises(RunHeld) as held:
        engine.run(context)
    kept = (source / "inner" / "file").exists()
    (source / "late").write_text("came afterwards")
    question = held.value.question
    context.answers[question.id] = Answer(
        question=question.id, answer="delete", by="ana", at=datetime(2026, 11, 22, tzinfo=UTC)
    )
    outcome = engine.run(context)

    assert kept
    assert outcome.result["deletion"]["files"] == 1
    assert not (source / "inner" / "file").exists()
    assert (source / "late").exists()
    assert (destination / "inner" / "file").read_text() == "content"


def test_the_built_in_copy_deletes_nothing_that_is_not_as_it_was_proved(source, tmp_path):
    context, destination = a_context(tmp_path), tmp_path / "new"
    spoil = {
        "do": "command",
        "before": ["true"],
        "after": ["truncate", "-s", "3", f"{destination}/inner/file"],
    }
    engine = CopyEngine(source=source, destination=destination, delete_source=True, steps=[spoil])

    with pytest.raises(EngineFailed, match="differs at the destination"):
        engine.run(context)

    assert (source / "inner" / "file").read_text() == "content"


def test_steps_stand_around_the_built_in_copy(source, tmp_path):
    context, database = a_context(tmp_path), tmp_path / "photos.db"
    with sqlite3.connect(database) as rows:
        rows.execute("CREATE TABLE photo (name TEXT)")
    step = f"dump-sqlite {source / 'photos.sqlite'} database={database}"

    outcome = CopyEngine(source=source, destination=tmp_path / "new", steps=[step]).run(context)

    assert outcome.result["verified"]
    assert (tmp_path / "new" / "photos.sqlite").stat().st_size > 0


def test_our_own_files_in_a_source_are_not_copied(source, tmp_path):
    (source / ".holdfast-source").write_text("job-1")
    (source / "inner" / ".holdfast-quarantine").mkdir()
    (source / "inner" / ".holdfast-quarantine" / "old").write_text("put aside")

    CopyEngine(source=source, destination=tmp_path / "new").run(a_context(tmp_path))

    assert [path.name for path in (tmp_path / "new").rglob("*")] == ["inner", "file"]


def test_each_file_that_is_proved_goes_even_if_another_is_damaged(source, tmp_path):
    (source / "other").write_text("other")
    context, destination = a_context(tmp_path), tmp_path / "new"
    spoil = {"do": "command", "before": ["true"], "after": ["truncate", "-s", "3", f"{destination}/other"]}
    engine = CopyEngine(
        source=source, destination=destination, delete_source=True, delete_mode="each", steps=[spoil]
    )

    with pytest.raises(RunHeld) as held:
        engine.run(context)
    question = held.value.question
    context.answers[question.id] = Answer(
        question=question.id, answer="delete", by="ana", at=datetime(2026, 11, 22, tzinfo=UTC)
    )
    with pytest.raises(EngineFailed, match="differs at the destination") as failed:
        engine.run(context)

    assert (source / "other").read_text() == "other"
    assert not (source / "inner" / "file").exists()
    assert (failed.value.result or {})["deletion"]["files"] == 1
    assert "Nothing was deleted" not in failed.value.hint
