"""The definition files: written in time and whole, looked at without harm, and never against a person."""

import errno
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.models import Priority
from core.storage import exchanging
from core.storage.definitions import definition_from, definition_of, same, text_of_definition
from core.storage.filing import Filing
from core.storage.folder import StoreFolder
from core.storage.looking import Kind
from core.storage.placed import crc_of
from core.storage.shelf import Shelf
from tests.builders import a_kept_job
from tests.doubles import SettableClock

PROGRAM = Path(__file__).parent / "programs" / "write_definitions_and_die.py"
ONE = "3f2a1b4c-0000-4000-8000-000000000001"
TWO = "3f2a1b4c-0000-4000-8000-000000000002"


class Desk:
    """Jobs as the store shows them, and their files."""

    def __init__(self, root):
        self.folder = StoreFolder(root, SettableClock())
        self.folder.take()
        self.jobs = {}
        self.placed = {}
        self.shelf = Shelf(self.folder, self.placed, self.jobs.get)

    def keep(self, job_id=ONE, **fields):
        """Commit a job, as the store does."""
        before = self.jobs.get(job_id)
        version = before.version + 1 if before else 1
        job = replace(before or a_kept_job(job_id), version=version, **fields)
        self.jobs[job_id] = job
        self.shelf.due(job, before)
        return job

    def write(self, job_id=ONE, **fields):
        """Commit a job and write its file."""
        job = self.keep(job_id, **fields)
        self.shelf.write_due()
        return job

    def delete(self, job_id=ONE):
        del self.jobs[job_id]
        self.shelf.gone(job_id)

    def path(self, job_id=ONE):
        return self.shelf.folder / self.placed[job_id].file

    def text(self, job_id=ONE):
        return self.path(job_id).read_bytes()

    def files(self):
        return sorted(str(path.relative_to(self.shelf.folder)) for path in self.shelf.folder.rglob("*.*"))

    def kept(self, job_id=ONE):
        """Return the kept texts, the youngest first."""
        folder = self.folder.root / "backups" / "definitions" / job_id[:2]
        return [path.read_bytes() for path in sorted(folder.glob(f"{job_id}.*.yaml"))]


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path / "data")
    yield made
    made.folder.release()


@pytest.fixture
def before_exchange(monkeypatch):
    """Do something between the reading of a file and its exchange: when the new text is flushed."""

    def do(what):
        flush = os.fsync

        def flushed(descriptor):
            monkeypatch.setattr(os, "fsync", flush)
            what()
            return flush(descriptor)

        monkeypatch.setattr(os, "fsync", flushed)

    return do


@pytest.fixture
def after_exchange(monkeypatch):
    """Do something between a file's coming to its place and its being noted: when the folder is flushed."""

    def do(what):
        flush = os.fsync

        def flushed(descriptor):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                monkeypatch.setattr(os, "fsync", flush)
                what()
            return flush(descriptor)

        monkeypatch.setattr(os, "fsync", flushed)

    return do


def plain(job):
    return text_of_definition(definition_of(job))


def kinds(found):
    return [(one.kind, one.job_id) for one in found]


# Writing


def test_a_job_has_a_file_of_its_name_with_what_a_person_decides(desk):
    job = desk.write(name="Photos of ’26")

    assert desk.files() == ["3f/photos-of-26-3f2a1b4c.yaml"]
    assert desk.text() == plain(job)
    assert stat.S_IMODE(desk.path().stat().st_mode) == 0o600
    assert desk.shelf.crc_of(ONE) == crc_of(plain(job))
    assert desk.shelf.waiting == 0


def test_a_job_that_changes_often_is_written_once(desk):
    jobs = [desk.keep(tags=(f"tag {number}",)) for number in range(5)]

    desk.shelf.write_due()

    assert desk.text() == plain(jobs[-1])
    assert desk.kept() == []


def test_a_thousand_definitions_are_written_in_one_go(desk, monkeypatch):
    flushed = []
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (flushed.append(descriptor), flush(descriptor))[1])
    for number in range(1000):
        desk.keep(f"{number:08x}-0000-4000-8000-000000000000", name=f"job {number}")
    flushed.clear()

    desk.shelf.write_due()

    assert desk.shelf.waiting == 0
    assert len(desk.files()) == 1000
    assert len(flushed) < 20


def test_two_jobs_of_one_name_have_a_file_each(desk):
    desk.keep(ONE, name="photos")
    desk.keep(TWO, name="photos")

    desk.shelf.write_due()

    assert desk.files() == [f"3f/{TWO}.yaml", "3f/photos-3f2a1b4c.yaml"]
    assert definition_from(desk.text(ONE)).id == ONE
    assert definition_from(desk.text(TWO)).id == TWO


def test_a_file_follows_the_new_name_of_its_job(desk):
    desk.write(name="photos")

    job = desk.write(name="Pictures")

    assert desk.files() == ["3f/pictures-3f2a1b4c.yaml"]
    assert desk.text() == plain(job)


def test_a_file_keeps_the_mode_that_a_person_gave_it(desk):
    desk.write()
    desk.path().chmod(0o640)

    desk.write(owner="ana")

    assert stat.S_IMODE(desk.path().stat().st_mode) == 0o640


def test_the_last_five_texts_of_a_definition_are_kept(desk):
    jobs = [desk.write(owner=f"owner {number}") for number in range(8)]

    assert desk.kept() == [plain(job) for job in reversed(jobs[2:7])]


def test_the_file_of_a_deleted_job_goes_and_its_last_text_stays(desk):
    job = desk.write()
    desk.delete()

    desk.shelf.write_due()

    assert desk.files() == []
    assert desk.kept() == [plain(job)]
    assert desk.shelf.crc_of(ONE) is None


def test_the_texts_of_a_job_deleted_a_month_ago_are_let_go(desk):
    desk.write(ONE)
    desk.write(TWO)
    desk.write(TWO, owner="ana")
    desk.delete(ONE)
    desk.shelf.write_due()
    month_ago = time.time() - 31 * 86_400
    for path in (desk.folder.root / "backups" / "definitions").rglob("*.yaml"):
        os.utime(path, (month_ago, month_ago))

    desk.shelf.forget_deleted()

    assert desk.kept(ONE) == []
    assert len(desk.kept(TWO)) == 1


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE, errno.EACCES])
@pytest.mark.parametrize("call", ["open", "fsync", "mkdir"])
def test_a_definition_that_the_disk_refuses_is_written_when_it_can_be(desk, disk, error, call):
    desk.write(ONE)
    before = desk.text(ONE)
    job = desk.keep(ONE, owner="ana")
    other = desk.keep("77aa0000-1", name="other")
    disk.fail_at(0, error, only=call, again=True)
    desk.shelf.write_due()
    refused = desk.shelf.trouble
    half_written = [name for name in desk.files() if name.endswith(".tmp")]
    meanwhile = desk.text(ONE)
    disk.heal()

    desk.shelf.write_due()

    assert refused
    assert half_written == []
    assert meanwhile in {before, plain(job)}
    assert (desk.text(ONE), desk.text("77aa0000-1")) == (plain(job), plain(other))
    assert (desk.shelf.waiting, desk.shelf.trouble) == (0, "")


def test_a_flush_that_failed_is_followed_by_a_new_text_and_not_by_another_flush(desk, disk):
    desk.write()
    inode = desk.path().stat().st_ino
    job = desk.keep(owner="ana")
    disk.fail_at(1, errno.EIO, only="fsync")  # the folder's: the new text stands there already
    desk.shelf.write_due()
    first = desk.path().stat().st_ino
    disk.heal()

    desk.shelf.write_due()

    assert len({inode, first, desk.path().stat().st_ino}) == 3
    assert desk.text() == plain(job)


def test_nothing_is_left_behind_beside_the_files(desk):
    desk.write(ONE, name="one")
    desk.write(ONE, name="two")
    desk.write(TWO)
    desk.delete(TWO)
    desk.shelf.write_due()

    assert desk.files() == ["3f/two-3f2a1b4c.yaml"]


# Beside a person


def test_a_save_at_the_moment_of_writing_is_not_overwritten(desk, before_exchange):
    desk.write()
    theirs = b"# mine\n" + desk.text().replace(b"normal", b"low")
    desk.keep(owner="ana")
    before_exchange(lambda: desk.path().write_bytes(theirs))

    desk.shelf.write_due()

    assert desk.text() == theirs
    assert desk.shelf.waiting == 1
    assert [name for name in desk.files() if name.endswith(".tmp")] == []
    (found,) = desk.shelf.look([])
    assert (found.kind, found.base.owner, found.definition.priority) == (Kind.EDITED, "", Priority.LOW)


def test_a_file_that_was_replaced_at_the_moment_of_writing_is_put_back(desk, before_exchange, tmp_path):
    desk.write()
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"# by an editor that replaces\n" + desk.text())
    desk.keep(owner="ana")
    before_exchange(lambda: theirs.replace(desk.path()))

    desk.shelf.write_due()

    assert desk.text().startswith(b"# by an editor that replaces\n")


@pytest.fixture
def a_simple_file_system(monkeypatch):
    """A file system that cannot exchange two names, as FAT and many that come over a network."""

    def refuse(*arguments):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(exchanging, "_rename", refuse)


def test_where_names_cannot_be_exchanged_definitions_are_written_all_the_same(desk, a_simple_file_system):
    first = desk.write(ONE, name="photos")
    desk.write(TWO, name="photos")
    job = desk.write(ONE, name="pictures")

    assert desk.files() == [f"3f/{TWO}.yaml", "3f/pictures-3f2a1b4c.yaml"]
    assert desk.text(ONE) == plain(job)
    assert desk.kept(ONE) == [plain(first)]


def test_where_names_cannot_be_exchanged_a_save_is_not_overwritten_either(
    desk, before_exchange, a_simple_file_system
):
    desk.write()
    theirs = b"# mine\n" + desk.text()
    desk.keep(owner="ana")
    before_exchange(lambda: desk.path().write_bytes(theirs))

    desk.shelf.write_due()

    assert desk.text() == theirs
    assert [name for name in desk.files() if name.endswith(".tmp")] == []


def test_an_edited_file_is_not_written_before_somebody_looked(desk):
    desk.write()
    desk.path().write_bytes(b"name: [\n")
    desk.keep(owner="ana")

    desk.shelf.write_due()

    assert desk.text() == b"name: [\n"
    assert desk.shelf.waiting == 1


def test_what_was_taken_over_is_not_written_back_in_other_words(desk):
    desk.write()
    theirs = f"# mine\nid: {ONE}\nname: photos\nkind: copy\npriority: low\n".encode()
    desk.path().write_bytes(theirs)
    (found,) = desk.shelf.look([desk.path()])

    with desk.shelf.taking(ONE):
        job = desk.keep(priority=Priority.LOW, options={"source": "by default"})
        desk.shelf.write_due()
        desk.shelf.taken(found, job)
    desk.shelf.write_due()

    assert desk.text() == theirs
    assert desk.shelf.waiting == 0
    assert desk.shelf.look() == ()


def test_the_text_before_an_edit_is_kept_with_its_comments(desk):
    desk.write()
    first = b"# first\n" + desk.text()
    second = b"# second\n" + desk.text()
    for text in (first, second):
        desk.path().write_bytes(text)
        desk.shelf.look([desk.path()])

    assert desk.kept()[:2] == [second, first]


# Looking


def test_a_file_that_is_removed_as_soon_as_it_is_there_is_missed(desk, after_exchange):
    desk.keep()
    after_exchange(lambda: desk.path().unlink())

    desk.shelf.write_due()

    assert kinds(desk.shelf.look()) == [(Kind.GONE, ONE)]


def test_a_file_that_is_edited_as_soon_as_it_is_there_is_edited(desk, after_exchange):
    desk.keep()
    after_exchange(lambda: desk.path().write_bytes(desk.text().replace(b"normal", b"high")))

    desk.shelf.write_due()

    assert kinds(desk.shelf.look()) == [(Kind.EDITED, ONE)]


def test_a_file_whose_edit_is_taken_over_before_its_writing_is_noted_is_missed_later(desk, after_exchange):
    desk.keep()

    def edit():
        desk.path().write_bytes(desk.text().replace(b"normal", b"high"))
        (found,) = desk.shelf.look()
        desk.shelf.taken(found, desk.keep(priority=Priority.HIGH))

    after_exchange(edit)
    desk.shelf.write_due()
    desk.path().unlink()

    assert desk.shelf.waiting == 0
    assert kinds(desk.shelf.look()) == [(Kind.GONE, ONE)]
    assert Filing(desk.folder).known()[ONE].version == 2


def test_a_file_nobody_touched_is_not_mentioned(desk):
    desk.write(ONE)
    desk.write(TWO, name="other")

    assert desk.shelf.look() == ()


def test_ten_thousand_files_that_were_touched_and_say_the_same_are_no_edits(desk):
    for number in range(10_000):
        desk.keep(f"{number:08x}-0000-4000-8000-000000000000", name=f"job {number}")
    desk.shelf.write_due()
    for file in desk.files():
        (desk.shelf.folder / file).touch()

    assert desk.shelf.look() == ()


def test_a_change_that_left_size_and_time_as_they_were_is_found(desk):
    desk.write(tags=("one",))
    desk.shelf.look()
    status = desk.path().stat()
    desk.path().write_bytes(desk.text().replace(b"one", b"two"))
    os.utime(desk.path(), ns=(status.st_atime_ns, status.st_mtime_ns))

    (found,) = desk.shelf.look()

    assert found.definition.tags == ("two",)


def test_an_id_that_was_changed_in_the_file_is_refused(desk):
    desk.write()
    desk.path().write_bytes(desk.text().replace(ONE.encode(), TWO.encode()))

    (found,) = desk.shelf.look()

    assert (found.kind, found.job_id) == (Kind.MISTAKEN, ONE)
    assert (found.problem.line, found.problem.column) == (1, 1)
    assert ONE in found.problem.message


def test_a_second_file_with_the_id_of_a_job_is_named(desk):
    desk.write()
    copy = desk.path().with_name("copy.yaml")
    copy.write_bytes(desk.text())

    (found,) = desk.shelf.look()

    assert (found.kind, found.job_id, found.key) == (Kind.MISTAKEN, None, "jobs/3f/copy.yaml")
    assert "jobs/3f/photos-3f2a1b4c.yaml" in found.problem.message


def test_a_file_that_moved_is_the_same_job(desk):
    job = desk.write()
    elsewhere = desk.shelf.folder / "nightly" / "by-me.yaml"
    elsewhere.parent.mkdir()
    desk.path().rename(elsewhere)

    found = desk.shelf.look()

    assert found == ()
    assert desk.path() == elsewhere
    desk.write(owner="ana")
    assert same(definition_from(elsewhere.read_bytes()), definition_of(replace(job, owner="ana")))


@pytest.mark.parametrize(
    "name",
    ["a.yaml~", ".a.yaml.swp", ".#a.yaml", "#a.yaml#", "4913", "a.tmp", "a.yaml.tmp", ".a.yaml", "README.md"],
)
def test_what_an_editor_leaves_beside_a_file_is_no_definition(desk, name):
    (desk.shelf.folder / name).write_text("name: x\nkind: copy\n")

    assert desk.shelf.look() == ()
    assert desk.shelf.look([desk.shelf.folder / name]) == ()


def a_pipe(path):
    os.mkfifo(path)


def a_link(path):
    path.symlink_to("/etc/passwd")


def a_long_file(path):
    path.write_bytes(b"#" * 1_000_001)


def a_folder(path):
    path.mkdir()


def an_empty_file(path):
    path.touch()


@pytest.mark.parametrize(
    ("make", "said"),
    [(a_pipe, "not a file"), (a_link, "a link"), (a_long_file, "longer than"), (an_empty_file, "empty")],
)
def test_what_is_no_plain_file_is_named_and_neither_followed_nor_waited_for(desk, make, said):
    make(desk.shelf.folder / "strange.yaml")

    (found,) = desk.shelf.look()

    assert (found.kind, found.key) == (Kind.MISTAKEN, "jobs/strange.yaml")
    assert said in found.problem.message


def test_a_file_of_another_user_is_named(desk, monkeypatch):
    desk.write()
    desk.path().write_bytes(b"# theirs\n" + desk.text())
    monkeypatch.setattr(os, "geteuid", lambda: desk.path().stat().st_uid + 1)

    (found,) = desk.shelf.look([desk.path()])

    assert (found.kind, found.job_id) == (Kind.MISTAKEN, ONE)
    assert "belongs to the user" in found.problem.message


def test_a_folder_with_the_name_of_a_definition_is_looked_into(desk):
    a_folder(desk.shelf.folder / "strange.yaml")
    (desk.shelf.folder / "strange.yaml" / "new.yaml").write_text("name: x\nkind: copy\n")

    assert [(one.kind, one.file) for one in desk.shelf.look()] == [(Kind.NEW, "strange.yaml/new.yaml")]


def test_a_job_whose_file_became_a_pipe_is_not_waited_for(desk):
    desk.write()
    desk.path().unlink()
    a_pipe(desk.path())
    desk.keep(owner="ana")

    desk.shelf.write_due()

    assert kinds(desk.shelf.look()) == [(Kind.MISTAKEN, ONE)]
    assert stat.S_ISFIFO(desk.path().stat().st_mode)


@pytest.mark.parametrize(
    "name", [b"new\nline.yaml", b"\xff\xfe.yaml", b"\x1b[31mred.yaml", b"-rf.yaml", b"'$(x).yaml"]
)
def test_a_name_made_to_do_harm_does_none(desk, name):
    path = os.fsencode(desk.shelf.folder) + b"/" + name
    with open(path, "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(b"name: [\n")

    (found,) = desk.shelf.look()

    assert found.problem.path.isprintable()
    json.dumps(found.problem.path).encode()


def test_what_is_left_of_a_damaged_file_is_put_aside_and_the_last_text_is_back(desk):
    desk.write()
    theirs = b"# mine\n" + desk.text()
    desk.path().write_bytes(theirs)
    desk.shelf.look()
    desk.path().write_bytes(b"\x00" * 300)
    (found,) = desk.shelf.look()

    kept = desk.shelf.put_back(ONE)

    assert found.kind is Kind.DAMAGED
    assert desk.text() == theirs
    assert (desk.folder.root / kept).read_bytes() == b"\x00" * 300
    assert desk.shelf.look() == ()


def test_a_folder_that_cannot_be_read_deletes_nothing(desk):
    desk.write()
    (desk.folder.root / "jobs").rename(desk.folder.root / "elsewhere")

    found = desk.shelf.look()

    assert kinds(found) == [(Kind.MISTAKEN, None)]
    assert Kind.GONE not in {one.kind for one in found}


def test_a_data_folder_that_went_away_deletes_nothing(desk):
    desk.write()
    (desk.folder.root / "store.yaml").unlink()
    desk.path().unlink()

    assert desk.shelf.look() == ()


# After a crash


def test_a_file_that_a_crash_kept_from_a_change_is_no_edit(desk):
    older = desk.write()
    desk.jobs[ONE] = newer = replace(older, owner="ana", version=2)
    place = replace(desk.placed[ONE], crc=1, signature=None, behind=True)
    again = Shelf(desk.folder, {ONE: place}, desk.jobs.get, stale={ONE: {crc_of(plain(older))}})

    found = again.look()
    again.write_due()

    assert found == ()
    assert desk.text() == plain(newer)


def test_a_file_that_was_written_before_the_crash_is_found_again(desk):
    job = desk.write(owner="ana")
    again = Shelf(desk.folder, {}, desk.jobs.get, unplaced=[ONE])

    again.write_due()

    assert desk.files() == ["3f/photos-3f2a1b4c.yaml"]
    assert again.crc_of(ONE) == crc_of(plain(job))
    assert again.look() == ()


def test_a_file_that_a_crash_left_of_a_deleted_job_brings_it_not_back(desk):
    desk.write()
    place = desk.placed[ONE]
    desk.jobs.clear()
    again = Shelf(desk.folder, {}, desk.jobs.get, gone={ONE: place})

    found = again.look()
    again.write_due()

    assert found == ()
    assert desk.files() == []


@pytest.mark.parametrize("doing", ["create", "rename", "delete", "put_back"])
def test_a_definition_is_whole_wherever_its_writing_is_cut_off(tmp_path, doing):
    told = subprocess.run(
        [sys.executable, PROGRAM, doing, tmp_path], capture_output=True, text=True, check=True
    )

    outcome = json.loads(told.stdout)

    assert outcome["kills"] > 20
    assert outcome["wrong"] == []


def test_a_file_that_is_written_while_everything_is_looked_at_is_no_copy(desk):
    desk.write(ONE)
    sweep = desk.shelf.sweep()
    next(sweep)

    desk.write("ff000000-0000-4000-8000-000000000003")

    assert [found for some in sweep for found in some] == []
