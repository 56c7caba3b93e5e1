"""What people do to the files of a running Holdfast, with their own tools."""

import os
import shutil
import threading
from datetime import timedelta

import pytest

from core.drafts import JobPatch
from core.errors import DefinitionMistaken, NotFound, StorageFull
from core.events import JobChangedOutside
from core.models import OnInterrupt, Priority
from core.service import Service
from core.settings import Settings
from core.states import RunState
from tests.builders import a_draft
from tests.doubles import SettableClock, make_scripted_engine

A_MINUTE = timedelta(seconds=61)


class House:
    """A Holdfast on a folder, and a person at its files."""

    def __init__(self, service):
        self.service = service
        self.manager = service.manager
        self.edits = service.edits

    @property
    def shelf(self):
        return self.service._shelf()

    def job(self, **fields):
        """Return a job that has its file."""
        job = self.manager.create(a_draft(**fields), asked_by="ana")
        self.shelf.write_due()
        return job

    def now(self, job):
        return self.manager.job(job.id).job

    def path(self, job):
        return self.shelf.folder / self.shelf.placed[job.id].file

    def text(self, job):
        self.shelf.write_due()
        return self.path(job).read_text()

    def write(self, job, old, new):
        """Save the file of a job with something replaced, as an editor does."""
        text = self.path(job).read_text()
        assert old in text
        self.path(job).write_text(text.replace(old, new))

    def edit(self, job, old, new):
        """Save the file, and have that taken over."""
        self.write(job, old, new)
        self.edits.catch_up()
        return self.now(job)

    def drop(self, name, text):
        """Put a new file there, and have it taken over."""
        path = self.shelf.folder / name
        path.write_text(text)
        self.edits.catch_up()
        return path

    def names(self):
        return sorted(overview.job.name for overview in self.manager.list_jobs().items)

    def a_minute_later(self):
        self.service.clock.pass_by(A_MINUTE)
        self.edits.take_over(())


@pytest.fixture
def open_house(tmp_path):
    """Open a Holdfast in which nothing happens by itself; again is what a restart does."""
    opened = []

    def open_it(meanwhile=lambda: None):
        if opened:
            opened.pop().__exit__(None, None, None)
        meanwhile()
        settings = Settings(data=tmp_path / "data")
        service = Service(settings, clock=SettableClock(), make_engine=make_scripted_engine)
        opened.append(service.opened(at_work=True))
        return House(opened[-1].__enter__())

    yield open_it
    if opened:
        opened.pop().__exit__(None, None, None)


@pytest.fixture
def house(open_house):
    return open_house()


@pytest.fixture
def at_work(tmp_path):
    """A Holdfast that runs, told of changes by the system itself."""
    service = Service(Settings(data=tmp_path / "data"), make_engine=make_scripted_engine)
    service.start()
    yield House(service)
    service.stop()


@pytest.fixture
def heard(at_work):
    """Wait for an event that a listener is told of."""
    told, changed = [], threading.Condition()

    def listen(event):
        with changed:
            told.append(event)
            changed.notify_all()

    at_work.service.events.subscribe("heard", listen)

    def wait(is_it):
        with changed:
            return changed.wait_for(lambda: next((event for event in told if is_it(event)), None), 20)

    return wait


def left_by_a_kill(house, folder):
    """Return a folder with the files as they are, unclosed."""
    source = house.service._store.source
    with source.still(), source.quiet():
        return shutil.copytree(house.service.data, folder)


# While it runs


def in_place(path, text):
    path.write_bytes(text)


def by_replacing(path, text):
    new = path.with_name(".new.tmp")
    new.write_bytes(text)
    new.replace(path)


def by_moving_away(path, text):
    path.rename(f"{path}~")
    path.write_bytes(text)


def in_two_steps(path, text):
    with path.open("wb", buffering=0) as file:
        file.write(text[:40])
        os.fsync(file.fileno())
        file.write(text[40:])


@pytest.mark.parametrize("save", [in_place, by_replacing, by_moving_away, in_two_steps])
def test_an_edit_of_a_file_is_the_next_version_of_its_job_within_two_seconds(at_work, heard, save):
    job = at_work.job()
    text = at_work.path(job).read_bytes().replace(b"priority: normal", b"priority: high # for now")

    save(at_work.path(job), text)

    event = heard(lambda event: isinstance(event, JobChangedOutside))
    assert event.job == at_work.now(job)
    assert (event.job.version, event.job.priority) == (2, Priority.HIGH)
    assert event.changes == ("priority normal -> high",)
    assert at_work.text(job).encode() == text


def test_a_file_in_a_new_folder_is_found_while_holdfast_runs(at_work, heard):
    folder = at_work.shelf.folder / "nightly"
    folder.mkdir()
    (folder / "photos.yaml").write_text("name: Photos\nkind: scripted\n")

    event = heard(lambda event: getattr(event, "job", None) and event.job.name == "Photos")

    assert event.job.version == 1


def test_a_mistake_that_is_made_while_holdfast_runs_is_told_and_taken_back(at_work, heard):
    job = at_work.job()
    good = at_work.path(job).read_bytes()
    at_work.path(job).write_bytes(b"name: [\n")
    heard(lambda event: job.id in at_work.manager.mistakes)
    mistaken = job.id in at_work.manager.mistakes

    at_work.path(job).write_bytes(good)

    assert mistaken
    heard(lambda event: job.id not in at_work.manager.mistakes)
    assert at_work.manager.mistakes == {}


# Edits


def test_an_edit_made_while_holdfast_was_off_counts_before_the_first_run(open_house):
    house = open_house()
    job = house.job(options={"word": "old"})
    run = house.manager.start(job.id)
    assert house.manager.claim(run.id, "worker") is not None
    path, text = house.path(job), house.text(job)

    house = open_house(lambda: path.write_text(text.replace("on_interrupt: resume", "on_interrupt: fail")))

    assert house.now(job).on_interrupt is OnInterrupt.FAIL
    assert house.manager.run(run.id).state is RunState.FAILED


def test_edits_made_between_many_starts_are_each_taken_over(open_house):
    house = open_house()
    job = house.job(tags=("one",))
    house.manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=None)
    house.shelf.write_due()
    path = house.path(job)
    for old, new in (
        ("- one", "- two # mine"),
        ("- two # mine", "- three # mine"),
        ("priority: high", "priority: low"),
    ):
        text = path.read_text().replace(old, new)

        house = open_house(lambda text=text: path.write_text(text))

    assert (house.now(job).tags, house.now(job).priority, house.now(job).version) == (
        ("three",),
        Priority.LOW,
        5,
    )
    assert house.manager.mistakes == {}


@pytest.mark.parametrize("priority", ["normal", "high"])
def test_a_file_that_a_crash_left_at_a_version_on_the_way_is_no_edit(house, tmp_path, priority):
    job = house.job()
    house.edit(job, "priority:", "# mine\npriority:")
    text = house.text(job)
    for wanted in (Priority.HIGH, Priority.LOW):
        house.manager.edit(job.id, JobPatch(priority=wanted), version=None)
    copy = left_by_a_kill(house, tmp_path / "copy")
    path = copy / house.path(job).relative_to(house.service.data)
    path.write_text(text.replace("normal", priority))
    (copy / "state" / "filed-1.yaml").unlink()

    service = Service(Settings(data=copy), clock=SettableClock(), make_engine=make_scripted_engine)
    with service.opened(at_work=True):
        again = House(service)

        assert again.now(job) == house.now(job)
        assert again.manager.mistakes == {}
        assert again.text(job) == text.replace("normal", "low")


def test_an_older_text_in_a_file_that_was_up_to_date_is_an_edit_also_after_a_crash(house, tmp_path):
    job = house.job()
    text = house.text(job)
    house.manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=None)
    house.shelf.write_due()
    copy = left_by_a_kill(house, tmp_path / "copy")
    (copy / house.path(job).relative_to(house.service.data)).write_text(text)

    service = Service(Settings(data=copy), clock=SettableClock(), make_engine=make_scripted_engine)
    with service.opened(at_work=True):
        seen = House(service).now(job)

    assert (seen.priority, seen.version) == (Priority.NORMAL, 3)


def test_options_that_a_person_leaves_out_are_not_written_into_the_file(house):
    job = house.job()
    theirs = f"# short\nid: {job.id}\nname: Short\nkind: scripted\noptions:\n  word: well\n"
    house.path(job).write_text(theirs)

    house.edits.catch_up()

    assert house.now(job).options == {"word": "well", "script": ""}
    assert house.text(job) == theirs


def test_a_change_of_comments_alone_makes_no_version(house):
    job = house.job()

    edited = house.edit(job, "priority:", "# how urgent\npriority:")

    assert edited.version == 1
    assert "# how urgent" in house.text(job)


def test_the_owner_of_a_job_can_be_changed_in_its_file(house):
    job = house.job()

    edited = house.edit(job, "owner: ana", "owner: ben")

    assert (edited.owner, edited.version) == ("ben", 2)


def test_an_id_that_a_person_took_out_is_put_back(house):
    job = house.job()

    house.edit(job, house.text(job).splitlines()[0], "# no id")

    assert house.now(job).version == 1
    assert job.id in house.text(job)
    assert "# no id" in house.text(job)


# Mistakes


def test_an_edit_that_does_not_parse_is_named_with_its_line_and_changes_nothing(house):
    job = house.job()

    edited = house.edit(job, "priority: normal", "priority: [normal")

    problem = house.manager.mistakes[job.id]
    assert edited == job
    assert problem.path == f"jobs/{house.shelf.placed[job.id].file}"
    assert (problem.line, problem.column) == (8, 13)
    assert "[normal" in house.text(job)


def test_an_edit_that_its_kind_refuses_is_named_with_its_line(house):
    job = house.job(options={"word": "good"})

    edited = house.edit(job, "word: good", "word: bad")

    problem = house.manager.mistakes[job.id]
    assert edited == job
    assert problem.message == "This word is a bad one."
    line = house.text(job).splitlines()[problem.line - 1]
    assert line.strip() == "word: bad"


def test_a_job_is_not_edited_elsewhere_until_its_file_is_put_right(house):
    job = house.job()
    house.edit(job, "enabled: true", "enabled: maybe")

    with pytest.raises(DefinitionMistaken):
        house.manager.edit(job.id, JobPatch(tags=("one",)), version=None)

    house.edit(job, "enabled: maybe", "enabled: true")
    assert house.manager.mistakes == {}
    assert house.manager.edit(job.id, JobPatch(tags=("one",)), version=1).version == 2


def test_a_mistake_stays_one_mistake_however_often_it_is_looked_at(house):
    job = house.job()
    house.edit(job, "enabled: true", "enabled: maybe")
    problem = house.manager.mistakes[job.id]

    house.edits.catch_up()
    house.edits.catch_up()

    assert dict(house.manager.mistakes) == {job.id: problem}


def test_a_discarded_edit_goes_to_quarantine(house):
    job = house.job()
    house.edit(job, "enabled: true", "# on and on\nenabled: true")
    good = house.text(job)
    house.edit(job, "enabled: true", "enabled: maybe")
    theirs = house.text(job)

    kept = house.edits.discard(job.id)

    assert house.text(job) == good
    assert (house.service.data / kept).read_text() == theirs
    assert house.manager.mistakes == {}


def test_an_emptied_file_is_restored_and_was_no_edit(house):
    job = house.job()
    text = house.text(job)
    house.path(job).write_bytes(b"")

    house.edits.catch_up()

    assert house.text(job) == text
    assert house.now(job).version == 1
    assert house.manager.mistakes == {}


def test_a_file_that_a_program_has_emptied_and_is_still_to_write_is_waited_for(house):
    job = house.job()
    text = house.text(job).replace("priority: normal", "priority: high")
    with house.path(job).open("w") as file:
        house.edits.catch_up()
        file.write(text)

    house.edits.catch_up()

    assert house.now(job).priority == Priority.HIGH
    assert house.text(job) == text


def test_a_file_that_was_cut_off_in_a_line_is_named_and_changes_nothing(house):
    job = house.job(tags=["one", "second"])
    text = house.text(job)
    end = text.index("second") + 3
    house.path(job).write_text(text[:end])

    house.edits.catch_up()

    assert house.now(job) == job
    assert "in the middle of a line" in house.manager.mistakes[job.id].message
    assert house.manager.mistakes[job.id].line == text[:end].count("\n") + 1

    house.path(job).write_text(text[:end] + "\n")
    house.edits.catch_up()

    assert house.now(job).tags == ("one", "sec")
    assert house.manager.mistakes == {}


def test_a_file_without_a_job_that_is_wrong_is_named_until_it_is_put_right(house):
    path = house.drop("new.yaml", "name: New\nkind: scripted\noptions: {word: bad}\n")
    named = dict(house.manager.mistakes)

    path.write_text("name: New\nkind: scripted\noptions: {word: good}\n")
    house.edits.catch_up()

    assert [problem.path for problem in named.values()] == ["jobs/new.yaml"]
    assert house.manager.mistakes == {}
    assert house.names() == ["New"]


def test_a_file_without_a_job_that_is_removed_is_forgotten(house):
    path = house.drop("new.yaml", "name: [")

    path.unlink()
    house.edits.catch_up()

    assert house.manager.mistakes == {}


def test_a_file_without_a_job_can_be_discarded_too(house):
    path = house.drop("new.yaml", "name: [")
    (key,) = house.manager.mistakes

    kept = house.edits.discard(key)

    assert not path.exists()
    assert (house.service.data / kept).read_text() == "name: ["
    assert house.manager.mistakes == {}


def test_nothing_is_discarded_of_a_job_that_is_not_there(house):
    with pytest.raises(NotFound):
        house.edits.discard("nobody")


# At the same time


def both_at_once(house, job, patch, old, new):
    """Change a job in the browser, and in its file before Holdfast has written that."""
    with house.shelf.taking(job.id):
        house.manager.edit(job.id, patch, version=None)
        house.write(job, old, new)
    house.edits.catch_up()


def test_an_edit_and_a_change_in_the_browser_of_different_fields_are_both_kept(house):
    job = house.job(options={"word": "old", "script": "one"})

    both_at_once(
        house,
        job,
        JobPatch(tags=("browser",), options={"word": "old", "script": "two"}),
        "word: old",
        "word: new",
    )

    now = house.now(job)
    assert (now.tags, now.options, now.version) == (("browser",), {"word": "new", "script": "two"}, 3)
    assert house.manager.mistakes == {}
    text = house.text(job)
    assert all(word in text for word in ("word: new", "script: two", "- browser"))


def test_an_edit_and_a_change_in_the_browser_of_the_same_field_lose_neither(house):
    job = house.job()

    both_at_once(house, job, JobPatch(priority=Priority.HIGH), "priority: normal", "# mine\npriority: low")

    problem = house.manager.mistakes[job.id]
    assert (house.now(job).priority, house.now(job).version) == (Priority.HIGH, 2)
    assert "priority is high here and low there" in problem.message
    assert "# mine\npriority: low" in (house.service.data / problem.kept).read_text()
    assert "priority: high" in house.text(job)


def test_the_same_change_made_twice_is_no_clash(house):
    job = house.job()

    both_at_once(house, job, JobPatch(priority=Priority.HIGH), "priority: normal", "priority: high")

    assert house.now(job).version == 2
    assert house.manager.mistakes == {}


def test_an_editor_that_was_open_while_the_job_changed_saves_only_what_its_person_changed(house):
    job = house.job(options={"word": "old"})
    in_the_editor = house.text(job)
    house.manager.edit(job.id, JobPatch(tags=("browser",)), version=None)
    house.shelf.write_due()

    house.path(job).write_text(in_the_editor.replace("word: old", "word: new"))
    house.edits.catch_up()

    assert (house.now(job).tags, house.now(job).options["word"]) == (("browser",), "new")
    assert house.manager.mistakes == {}
    assert "- browser" in house.text(job)


def test_a_text_of_before_that_is_put_back_whole_is_what_its_person_wants(house):
    job = house.job(options={"word": "old"})
    before = house.text(job)
    house.manager.edit(job.id, JobPatch(tags=("browser",)), version=None)
    house.shelf.write_due()

    house.path(job).write_text(before)
    house.edits.catch_up()

    assert (house.now(job).tags, house.now(job).version) == ((), 3)
    assert house.text(job) == before


def test_a_named_clash_is_gone_when_a_person_saw_it(house):
    job = house.job()
    both_at_once(house, job, JobPatch(priority=Priority.HIGH), "priority: normal", "priority: low")

    house.edits.discard(job.id)

    assert house.manager.mistakes == {}
    assert house.now(job).priority is Priority.HIGH


def test_a_hundred_edits_in_the_browser_and_as_many_in_the_file_lose_none(at_work, heard):
    job = at_work.job(options={"word": "0"})
    tags = [f"tag {number}" for number in range(30)]

    def in_the_browser():
        for number in range(1, 31):
            at_work.manager.edit(job.id, JobPatch(tags=tuple(tags[:number])), version=None)

    browser = threading.Thread(target=in_the_browser)
    browser.start()
    at_work.write(job, "priority: normal", "priority: low")
    browser.join()

    heard(lambda event: at_work.now(job).priority is Priority.LOW)
    at_work.shelf.write_due()
    assert at_work.now(job).priority is Priority.LOW
    assert at_work.now(job).tags == tuple(tags)


# New files


def test_a_file_that_is_dropped_in_becomes_a_job_and_keeps_its_comments(house):
    path = house.drop("mine.yaml", "# every night\nname: Photos  # of all years\nkind: scripted\n")

    (job,) = [overview.job for overview in house.manager.list_jobs().items]
    house.shelf.write_due()
    first, second, *rest = path.read_text().splitlines()
    assert job.name == "Photos"
    assert (first, rest) == ("# every night", ["name: Photos  # of all years", "kind: scripted"])
    assert second.replace('"', "") == f"id: {job.id}"


def test_a_file_with_an_id_of_its_own_becomes_the_job_of_that_id(house):
    house.drop("mine.yaml", "id: photos-1\nname: Photos\nkind: scripted\n")

    assert house.manager.job("photos-1").job.name == "Photos"


def test_a_new_file_is_one_job_also_when_holdfast_is_killed_before_it_has_its_id(open_house):
    house = open_house()
    house.drop("mine.yaml", "name: Photos\nkind: scripted\n")

    house = open_house()

    assert house.names() == ["Photos"]


def test_the_copy_of_a_file_without_its_id_is_another_job(house):
    job = house.job(name="Photos")
    lines = house.text(job).replace("name: Photos", "name: Pictures").splitlines()

    house.drop("copy.yaml", "\n".join(lines[1:]))

    assert house.names() == ["Photos", "Pictures"]


# Files that are gone


def test_a_job_is_deleted_a_minute_after_its_file(house):
    job, other = house.job(name="Photos"), house.job(name="Music")
    house.path(job).unlink()
    house.edits.catch_up()
    house.edits.take_over(())
    named = house.manager.mistakes[job.id].message

    house.a_minute_later()

    assert "deleted in a minute" in named
    assert house.names() == [other.name]
    assert house.manager.mistakes == {}
    assert list((house.service.data / "backups").rglob(f"{job.id}.1.yaml"))


@pytest.mark.parametrize("edited", [False, True])
def test_a_file_that_comes_back_without_a_word_from_the_system_deletes_nothing(house, edited):
    job = house.job()
    text = house.text(job)
    house.path(job).unlink()
    house.edits.catch_up()
    house.edits.take_over(())

    house.path(job).write_text(text.replace("normal", "high") if edited else text)
    house.a_minute_later()

    assert house.now(job).id == job.id
    assert house.path(job).exists()


def test_a_file_that_comes_back_within_the_minute_deletes_nothing(house):
    job = house.job()
    text = house.text(job)
    house.path(job).unlink()
    house.edits.catch_up()
    house.edits.take_over(())

    house.path(job).write_text(text)
    house.edits.catch_up()
    house.a_minute_later()

    assert house.now(job) == job
    assert house.manager.mistakes == {}


def test_a_job_with_a_run_that_is_not_over_is_not_deleted_with_its_file(house):
    job = house.job()
    house.manager.start(job.id)
    house.path(job).unlink()
    house.edits.catch_up()

    house.a_minute_later()

    assert house.now(job) == job
    assert house.path(job).exists()
    assert house.manager.mistakes == {}


def test_a_mistake_goes_with_its_job(house):
    job = house.job()
    house.edit(job, "enabled: true", "enabled: maybe")

    house.manager.delete(job.id)
    house.edits.take_over(())

    assert house.manager.mistakes == {}


def test_many_files_gone_at_once_delete_nothing_until_a_person_says_so(house):
    jobs = [house.job(name=f"job {number}") for number in range(10)]
    house.edit(jobs[0], "priority:", "# mine\npriority:")
    texts = {job.id: house.text(job) for job in jobs}
    for job in jobs[:3]:
        house.path(job).unlink()
    house.edits.catch_up()

    house.a_minute_later()
    named = list(house.manager.mistakes.values())
    house.edits.put_back()
    house.a_minute_later()

    assert [problem.message[:42] for problem in named] == ["The files of 3 of 10 jobs are gone at once"]
    assert len(house.names()) == 10
    assert {job.id: house.text(job) for job in jobs} == texts
    assert house.manager.mistakes == {}


def test_of_many_files_gone_those_that_stay_away_are_not_deleted_when_others_come_back(house):
    jobs = [house.job(name=f"job {number}") for number in range(10)]
    text = house.text(jobs[0])
    for job in jobs[:3]:
        house.path(job).unlink()
    house.edits.catch_up()
    house.edits.take_over(())

    house.path(jobs[0]).write_text(text)
    house.edits.catch_up()
    house.a_minute_later()

    assert len(house.names()) == 10


@pytest.mark.parametrize("count", [1, 2])
def test_all_files_gone_with_their_folders_delete_not_even_one_job(house, count):
    jobs = [house.job(name=f"job {number}") for number in range(count)]
    texts = {job.id: house.text(job) for job in jobs}
    for folder in {house.path(job).parent for job in jobs}:
        shutil.rmtree(folder)
    house.edits.catch_up()

    house.a_minute_later()
    named = [problem.message for problem in house.manager.mistakes.values()]
    house.edits.put_back()
    house.a_minute_later()

    assert [message.split(".")[0] for message in named] == [
        f"The files of {count} of {count} jobs are gone at once"
    ]
    assert {job.id: house.text(job) for job in jobs} == texts
    assert house.manager.mistakes == {}


def test_the_folder_of_all_jobs_gone_deletes_none_though_it_was_told_file_by_file(house):
    job = house.job()
    path = house.path(job)
    shutil.rmtree(house.shelf.folder)
    house.edits.take_over([path])

    house.a_minute_later()

    assert house.names() == [job.name]
    assert any("gone at once" in problem.message for problem in house.manager.mistakes.values())


def test_the_only_job_is_deleted_with_its_file_where_the_folder_is_still_there(house):
    job = house.job()
    house.path(job).unlink()
    house.edits.catch_up()

    house.a_minute_later()

    assert house.names() == []


def test_a_discarded_removal_writes_the_file_back(house):
    job = house.job()
    text = house.text(job)
    house.path(job).unlink()
    house.edits.catch_up()
    house.edits.take_over(())

    house.edits.discard(job.id)
    house.a_minute_later()

    assert house.text(job) == text
    assert house.now(job) == job


# Trouble


def test_a_command_beside_no_server_takes_edits_over_first(open_house, tmp_path):
    house = open_house()
    job = house.job()
    path, text = house.path(job), house.text(job)
    house.service.manager.close()
    path.write_text(text.replace("normal", "high"))

    visitor = Service(Settings(data=tmp_path / "data"), make_engine=make_scripted_engine)
    with visitor.opened(at_work=False):
        seen = visitor.manager.job(job.id).job

    assert seen.priority is Priority.HIGH


def test_an_edit_that_the_disk_cannot_keep_is_taken_over_when_it_can(house, monkeypatch):
    job = house.job()
    house.write(job, "priority: normal", "priority: high")
    with monkeypatch.context() as full:
        full.setattr(house.service._store, "submit", refuses)
        house.edits.catch_up()
    before = house.now(job)

    house.edits.catch_up()

    assert before.priority is Priority.NORMAL
    assert house.now(job).priority is Priority.HIGH


def refuses(changes, note=None):
    raise StorageFull("There is no room.")
