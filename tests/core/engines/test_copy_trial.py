"""Trying the built-in copy: what it says is what a run then does."""

import os

import pytest

from core.engines import engine_for
from tests.doubles import ScriptedContext


@pytest.fixture
def places(tmp_path):
    source, destination = tmp_path / "source", tmp_path / "destination"
    for folder in (source, destination, tmp_path / "data", tmp_path / "work"):
        folder.mkdir()
    for name in ("same", "longer", "newer", "gone", "deep/inner", "odd\nname", "-rf"):
        path = source / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (source / "link").symlink_to("same")
    return source, destination


@pytest.fixture
def context(tmp_path):
    return ScriptedContext(tmp_path / "work", own_data=tmp_path / "data")


def a_copy(places, **options):
    return engine_for("copy", {"source": str(places[0]), "destination": str(places[1]), **options})


def everything_in(folder):
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_a_trial_of_a_copy_lists_what_its_run_then_copies(places, context):
    source, _ = places
    a_copy(places).run(context)
    (source / "longer").write_text("longer than before")
    os.utime(source / "newer", (1, 1))
    (source / "fresh").write_bytes(b"12345")

    found = a_copy(places).rehearse(context.again())
    ran = a_copy(places).run(context.again().again())
    after = a_copy(places).rehearse(context.again().again().again())

    assert found.result["changes"] == [["new", "fresh"], ["changed", "longer"], ["changed", "newer"]]
    assert (found.result["new"], found.result["changed"], found.result["bytes"]) == (1, 2, 5 + 18 + 5)
    assert ran.result["copied"] == 3
    assert (after.result["new"], after.result["changed"]) == (0, 0)
    assert after.result["sentence"] == "A run would change nothing: the destination has it all."


def test_a_trial_of_a_copy_writes_nothing(places, context):
    before = [everything_in(folder) for folder in places]

    found = a_copy(places).rehearse(context)

    assert found.result["new"] == 8
    assert [everything_in(folder) for folder in places] == before


def test_a_trial_of_a_copy_by_content_sees_what_times_do_not_tell(places, context):
    source, _ = places
    a_copy(places).run(context)
    kept = (source / "same").stat()
    (source / "same").write_text("mase")
    os.utime(source / "same", ns=(kept.st_atime_ns, kept.st_mtime_ns))

    by_time = a_copy(places).rehearse(context.again())
    by_content = a_copy(places, compare="content").rehearse(context.again().again())

    assert by_time.result["changed"] == 0
    assert by_content.result["changes"] == [["changed", "same"]]


def test_a_trial_of_a_copy_leaves_out_what_a_run_leaves_out(places, context):
    (places[0] / "deep" / ".holdfast-source").write_text("job-1")
    (places[0] / ".holdfast-quarantine").mkdir()
    (places[0] / ".holdfast-quarantine" / "old").write_text("put aside")

    found = a_copy(places, exclude=["deep/", "*f"]).rehearse(context)

    names = [path for _, path in found.result["changes"]]
    assert not any("deep" in name or "-rf" in name for name in names)
    assert found.result["new"] == 6
