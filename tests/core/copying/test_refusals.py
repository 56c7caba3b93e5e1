"""Folders that are refused although no name gives away what they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.copying.mounts import Mounts, lies_in
from core.copying.refusals import problems_with
from tests.core.copying.humble import PUT_DOWN, ROOT


@pytest.fixture
def folders(tmp_path):
    found = {name: tmp_path / name for name in ("source", "destination", "own")}
    for folder in found.values():
        (folder / "inner").mkdir(parents=True)
    return found


def line(point, shows):
    """Write a line of the table as the kernel does."""
    here, there = (str(path).replace(" ", "\\040") for path in (point, shows))
    return f"22 1 8:1 {there} {here} rw shared:1 - ext4 /dev/sda rw"


@pytest.fixture
def problems(folders):
    """Say what is refused when these are mounted: folder by folder, what each of them shows."""

    def ask(mounted, **others):
        table = Mounts.written("\n".join([line(Path("/"), Path("/")), *map(line, mounted, mounted.values())]))
        named = folders | others
        return problems_with(named["source"], named["destination"], named["own"], table)

    return ask


def test_the_source_mounted_inside_the_destination_is_refused(folders, problems):
    point = folders["destination"] / "in ner"

    for shown in (folders["source"], folders["source"] / "inner", folders["source"].parent):
        found = problems({point: shown})
        assert found == {
            "destination": f"{point} is a mount that leads to the source; it could be overwritten."
        }


def test_a_folder_of_the_destination_mounted_inside_the_source_is_refused(folders, problems):
    point = folders["source"] / "inner"

    found = problems({point: folders["destination"] / "inner"})

    assert found == {
        "source": f"{point} is a mount that leads into the destination; a copy would have no end."
    }


def test_own_data_mounted_inside_the_destination_is_refused(folders, problems):
    point = folders["destination"] / "inner"

    assert "own data" in problems({point: folders["own"] / "inner"})["destination"]


def test_other_mounts_inside_both_folders_are_no_trouble(folders, problems, tmp_path):
    mounted = {
        folders["source"] / "inner": tmp_path / "somewhere",
        folders["destination"] / "inner": tmp_path / "elsewhere",
    }

    assert problems(mounted) == {}


def test_a_folder_of_the_system_under_another_name_is_refused(problems, tmp_path):
    another = tmp_path / "root"
    (another / "etc" / "ssl").mkdir(parents=True)

    for folder in (another, another / "etc", another / "etc" / "ssl", another / "var"):
        assert set(problems({another: Path("/")}, destination=folder)) == {"destination"}
    assert set(problems({another: Path("/")}, source=another)) == {"source"}


@pytest.mark.parametrize("folder", ["/var", "/var/lib", "/home", "/root"])
def test_folders_that_hold_what_belongs_to_the_system_are_refused_themselves(folder, problems):
    assert set(problems({}, destination=Path(folder))) == {"destination"}


def test_folders_below_those_are_accepted(problems):
    assert problems({}, destination=Path("/var/backups-of-mine")) == {}
    assert problems({}, destination=Path("/home/backup")) == {}


def test_paths_that_cannot_be_looked_at_are_refused_in_words(folders, problems):
    long = problems({}, source=Path("/tmp") / ("n" * 300), destination=Path("/tmp") / ("n" * 300))

    assert set(long) == {"source", "destination"}
    assert "its name is too long" in long["source"]


LOOK = """
import sys
from pathlib import Path
from core.work import Surroundings
from core.engines.copy import CopyEngine
source, destination, own = map(Path, sys.argv[1:])
for engine in (CopyEngine(source=source, destination=destination), CopyEngine(source=destination, destination=source)):
    for fact in engine.facts(Surroundings(own_data=own)):
        print(fact.field, fact.good, fact.text)
"""


@pytest.mark.parametrize("hidden", ["locked/deep/folder", "/proc/1/root/tmp/x"])
def test_folders_behind_a_locked_door_are_refused_in_words(hidden, folders, tmp_path):
    (tmp_path / "locked" / "deep" / "folder").mkdir(parents=True)
    (tmp_path / "locked").chmod(0)
    become = [*PUT_DOWN, "--reuid=1234"] if os.geteuid() == 0 else []
    argv = [*become, sys.executable, "-c", LOOK, folders["source"], tmp_path / hidden, folders["own"]]
    for above in tmp_path.parents:
        if os.geteuid() == 0 and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o111)

    try:
        done = subprocess.run(
            argv, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )
    finally:
        (tmp_path / "locked").chmod(0o700)

    assert done.returncode == 0, done.stderr
    assert "destination False" in done.stdout
    assert "source False" in done.stdout


def test_a_path_that_is_not_utf_8_is_refused_in_words(folders, problems):
    odd = Path(os.fsdecode(b"/tmp/\xff"))

    found = problems({}, source=odd, destination=odd)

    assert set(found) == {"source", "destination"}
    assert all("is not UTF-8" in text and text.isprintable() for text in found.values())


@pytest.mark.parametrize(
    ("path", "folder", "lies"),
    [
        ("/home", "/home", True),
        ("/home/ana", "/home", True),
        ("/home2", "/home", False),
        ("/home", "/", True),
        ("/", "/home", False),
    ],
)
def test_a_folder_lies_in_another_only_by_whole_names(path, folder, lies):
    assert lies_in(Path(path), Path(folder)) is lies
