"""What guards find before and after a copy, and what they ask."""

import os
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from core import guards
from core.destinations.known import Target
from core.destinations.marker import Marker, marker_of, put_marker
from core.errors import EngineFailed
from core.guards import looking, power
from core.guards.memory import NOTE, keep_state, state_of
from core.guards.places import Standing, is_other, standing_of
from core.guards.wishes import GuardWishes
from core.work import Answer, Copied, RunHeld
from tests.doubles import ScriptedContext

HOUR_NS = 3_600 * 1_000_000_000
WATCHED = GuardWishes()
UNWATCHED = GuardWishes(guard_changes=False, guard_places=False)


class SettableClocks:
    """All clocks of a machine, each set by the test."""

    def __init__(self):
        self.wall = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp()) * 1_000_000_000
        self.since_boot = HOUR_NS

    def wall_ns(self):
        return self.wall

    def boot_ns(self):
        return self.since_boot

    def boot(self):
        return "this start"

    def pass_by(self, span_ns):
        self.wall += span_ns
        self.since_boot += span_ns


class House:
    """A job with a source and a destination, and run after run of it."""

    def __init__(self, folder):
        self.folder = folder
        self.source, self.destination = folder / "source", folder / "destination"
        self.source.mkdir()
        self.destination.mkdir()
        self.clocks = SettableClocks()
        self.runs = 0
        self.context = self.next_run()

    def next_run(self):
        """Return the context of another run; what was noted stays."""
        self.runs += 1
        workspace = self.folder / f"run-{self.runs}"
        workspace.mkdir()
        context = ScriptedContext(workspace)
        context.run_id = f"run-{self.runs}"
        context.notes = self.context.notes if self.runs > 1 else {}
        self.context = context
        return context

    def sides(self, **fields):
        usual = {"source": self.source, "target": Target("", "", self.destination)}
        return guards.Sides(**{**usual, **fields})

    def before(self, wishes=WATCHED, **sides):
        guards.before(self.context, wishes, self.sides(**sides), clocks=self.clocks)

    def after(self, wishes=WATCHED, copied=None, **sides):
        copied = copied or Copied(since_ns=0)
        return guards.after(self.context, wishes, self.sides(**sides), copied, clocks=self.clocks)

    def ran(self, **copied):
        """Have a run gone well."""
        self.next_run()
        self.before()
        self.after(copied=Copied(since_ns=0, **copied))
        self.clocks.pass_by(24 * HOUR_NS)

    def answer(self, held, answer):
        question = held.value.question
        assert list(question.answers) == ["stop", "go"]
        self.context.answers[question.id] = Answer(
            question=question.id, answer=answer, by="ana", at=datetime(2026, 11, 21, tzinfo=UTC)
        )
        self.context.attempt += 1

    def fill(self, count, *, name="photo-{}.jpg", content=b"x" * 1_000):
        for number in range(count):
            (self.source / name.format(number)).write_bytes(content)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_a_source_that_is_gone_or_empty_stops_the_run(house):
    with pytest.raises(EngineFailed) as empty:
        house.before()
    house.source.rmdir()
    with pytest.raises(EngineFailed) as missing:
        house.before()
    house.source.write_text("a file")
    with pytest.raises(EngineFailed) as no_folder:
        house.before()

    assert (empty.value.code, empty.value.transient) == ("source-empty", False)
    assert (missing.value.code, missing.value.transient) == ("source-unreadable", True)
    assert (no_folder.value.code, no_folder.value.transient) == ("source-unreadable", False)
    assert "mounted" in missing.value.hint


def test_a_source_that_holds_only_our_marker_is_there(house):
    (house.source / ".holdfast-source").touch()

    house.before()

    assert house.after().warnings == ()


def test_a_source_that_lost_most_of_its_files_is_asked_about(house):
    house.fill(100)
    house.ran()
    for number in range(10, 100):
        (house.source / f"photo-{number}.jpg").unlink()

    house.next_run()
    with pytest.raises(RunHeld) as held:
        house.before()

    assert held.value.question.about == "guard"
    assert held.value.question.sentence == "The source has 10 files; usually it has about 100."


def test_a_source_that_lost_most_of_its_bytes_is_asked_about(house):
    house.fill(1, name="mail.db", content=b"x" * 1_000_000)
    house.ran()
    (house.source / "mail.db").write_bytes(b"")

    house.next_run()
    with pytest.raises(RunHeld, match=r"The source has 0 B; usually it has about 1\.0 MB\."):
        house.before()


def test_a_source_too_large_to_be_looked_at_is_judged_by_what_the_program_counted(house):
    house.fill(1)
    house.ran(total_files=1_000_000, total_bytes=10**12)

    house.next_run()
    house.before(UNWATCHED)
    with pytest.raises(RunHeld, match="400,000 files; usually it has about 1,000,000"):
        house.after(copied=Copied(since_ns=0, total_files=400_000, total_bytes=10**12))


def test_the_answer_go_makes_the_new_size_usual(house):
    house.fill(100)
    house.ran()
    for number in range(10, 100):
        (house.source / f"photo-{number}.jpg").unlink()
    house.next_run()
    with pytest.raises(RunHeld) as held:
        house.before()

    house.answer(held, "go")
    house.before()
    house.after()

    assert any("ana looked at it" in line for line in house.context.infos)
    house.next_run()
    house.before()
    assert house.after().warnings == ()


def test_the_answer_stop_ends_the_run_before_anything_is_written(house):
    house.fill(100)
    house.ran()
    for number in range(1, 100):
        (house.source / f"photo-{number}.jpg").unlink()
    house.next_run()
    with pytest.raises(RunHeld) as held:
        house.before()

    house.answer(held, "stop")
    with pytest.raises(EngineFailed, match="Stopped by ana: The source has 1 file;") as stopped:
        house.before()

    assert not stopped.value.transient


def test_a_run_that_is_resumed_without_an_answer_asks_the_same_again(house):
    house.fill(100)
    house.ran()
    for number in range(10, 100):
        (house.source / f"photo-{number}.jpg").unlink()
    house.next_run()
    with pytest.raises(RunHeld) as first:
        house.before()

    house.fill(30)  # it grew a little meanwhile
    house.context.attempt += 1
    with pytest.raises(RunHeld) as second:
        house.before()

    assert second.value.question == first.value.question


def test_a_source_that_its_job_empties_is_not_asked_about(house):
    house.fill(100)
    house.ran()
    for number in range(10, 100):
        (house.source / f"photo-{number}.jpg").unlink()

    house.next_run()
    house.before(clears=True)

    house.after(clears=True)


def test_a_run_that_changed_far_more_than_usual_is_held_before_anything_is_proved(house):
    house.fill(1)
    for _ in range(5):
        house.ran(files=10, total_files=1_000)

    house.next_run()
    house.before()
    with pytest.raises(
        RunHeld, match="carried 900 changed or new files, of 1,000 in all; usually it is about 10"
    ) as held:
        house.after(copied=Copied(since_ns=0, files=900, total_files=1_000))
    house.answer(held, "go")
    house.before()
    house.after(copied=Copied(since_ns=0, files=0, total_files=1_000))

    house.next_run()
    house.before()
    assert house.after(copied=Copied(since_ns=0, files=900, total_files=1_000)).files == 900


@pytest.mark.parametrize(
    ("earlier", "files"),
    [(4, 900), (5, 51 // 2), (5, 200)],
    ids=["too few runs to know", "within five times the usual", "not a fifth of the source"],
)
def test_a_run_that_is_not_far_from_usual_is_not_asked_about(house, earlier, files):
    house.fill(1)
    for _ in range(earlier):
        house.ran(files=10, total_files=1_000)

    house.next_run()
    house.before()

    assert house.after(copied=Copied(since_ns=0, files=files, total_files=1_000)).files == files


def test_files_that_got_a_new_common_ending_are_asked_about_before_anything_is_written(house):
    house.fill(50)
    house.ran()
    for path in list(house.source.iterdir())[:40]:
        path.rename(f"{path}.locked")

    house.next_run()
    with pytest.raises(RunHeld, match=r"80% of 50 files end in \.locked now; last time 0% did"):
        house.before()


def test_many_new_files_of_a_new_kind_are_not_taken_for_encrypted_ones(house):
    house.fill(50)
    house.ran()
    house.fill(100, name="scan-{}.tiff")

    house.next_run()
    house.before()

    assert house.after().warnings == ()


def test_only_one_question_is_asked_in_a_run_however_much_is_found(house):
    house.fill(100)
    for _ in range(5):
        house.ran(files=1, total_files=100)
    for number in range(10, 100):
        (house.source / f"photo-{number}.jpg").unlink()
    house.destination.rename(house.folder / "unplugged")

    house.next_run()
    with pytest.raises(RunHeld) as held:
        house.before()
    house.answer(held, "go")
    house.before()
    told = house.after(copied=Copied(since_ns=0, files=10, removed=90, total_files=10))

    assert "is gone; it was there last time" in held.value.question.sentence
    assert any("10 files" in line for line in held.value.question.details)
    assert told.removed == 90


def test_a_source_on_another_disk_than_last_time_is_asked_about(house):
    house.fill(3)
    house.ran()
    note = house.context.notes[NOTE]
    disk = {"source": "/dev/sdb1", "type": "ext4", "within": "/source", "point": "/mnt/photos", "uuid": "4f"}
    house.context.notes[NOTE] = {**note, "stands": disk}

    house.next_run()
    with pytest.raises(
        RunHeld, match=r"not on /dev/sdb1 \(ext4\) mounted at /mnt/photos\. Is the disk mounted\?"
    ):
        house.before()


@pytest.mark.parametrize("side", ["stands", "disk"])
def test_a_disk_that_goes_away_in_the_middle_leaves_no_copy_that_counts(house, side):
    house.fill(3)
    house.destination.rmdir()
    house.next_run()
    house.before()
    house.destination.mkdir()  # as a program does that finds none
    state = state_of(house.context)
    stick = Standing(source="/dev/sdb1", type="ext4", within="/", point="/mnt/stick", uuid="4f")
    keep_state(house.context, replace(state, **{side: stick}))

    with pytest.raises(EngineFailed, match="/mnt/stick when the run began") as after:
        house.after()
    house.context.attempt += 1
    with pytest.raises(EngineFailed, match="its disk went away") as before:
        house.before()

    assert after.value.transient
    assert before.value.code == "disk-went-away"


def test_a_destination_that_is_gone_or_another_one_is_asked_about(house):
    house.fill(3)
    house.ran()
    house.destination.rename(house.folder / "unplugged")

    house.next_run()
    with pytest.raises(RunHeld, match=r"is gone; it was there last time\. Is the disk mounted\?"):
        house.before()
    house.destination.mkdir()
    house.next_run()
    with pytest.raises(RunHeld, match="has lost the marker"):
        house.before()
    put_marker(house.destination, Marker(store="another", job="another"))
    house.next_run()
    with pytest.raises(RunHeld, match="is marked as another one"):
        house.before()


def test_the_first_good_run_marks_a_destination_folder_and_leaves_a_marker_that_is_there(house):
    house.fill(3)
    house.ran()
    ours = marker_of(house.destination)
    another = house.folder / "another"
    another.mkdir()
    put_marker(another, Marker(store="s", job="another"))

    house.next_run()
    house.before(target=Target("", "", another))
    house.after(target=Target("", "", another))

    assert ours is not None
    assert ours.job == "job-1"
    assert marker_of(another) == Marker(store="s", job="another")


def test_a_destination_that_cannot_be_marked_is_a_copy_all_the_same(house):
    house.fill(3)
    (house.destination / ".holdfast-destination").mkdir()

    house.before()
    told = house.after(copied=Copied(since_ns=0, files=3))

    assert told.files == 3
    assert any("could not be marked" in line for line in house.context.warnings)


def test_a_job_given_another_source_or_destination_begins_anew(house):
    house.fill(100)
    house.ran()
    small = house.folder / "small"
    small.mkdir()
    (small / "one").touch()

    house.next_run()
    house.before(source=small, target=Target("nas", "photos"))

    assert house.after(source=small, target=Target("nas", "photos")).warnings == ()


def test_a_job_without_guards_is_asked_nothing(house):
    house.fill(100)
    house.ran()
    for number in range(1, 100):
        (house.source / f"photo-{number}.jpg").unlink()
    house.destination.rename(house.folder / "unplugged")

    house.next_run()
    house.before(UNWATCHED)

    assert house.after(UNWATCHED).warnings == ()
    assert guards.allowance(house.context, UNWATCHED) is None


def test_an_attempt_that_was_let_pass_is_not_held_when_a_restart_takes_it_up(house):
    house.fill(100)
    house.ran()
    house.next_run()
    house.before()

    for number in range(1, 100):
        (house.source / f"photo-{number}.jpg").unlink()
    house.before()  # the same attempt, its program at work

    assert house.context.attempt == 1


def test_a_mirror_may_remove_a_tenth_and_asks_for_more(house):
    house.fill(200)
    house.before()

    allowed = guards.allowance(house.context, WATCHED)
    assert allowed is not None
    with pytest.raises(RunHeld, match="would remove 150 files at /") as held:
        guards.hold_removals(house.context, allowed=allowed, wanted=150)
    house.answer(held, "go")
    house.before()

    assert allowed == 20
    assert held.value.question.admin_only
    assert guards.allowance(house.context, WATCHED) is None


@pytest.mark.parametrize("torn", [b"", b"{", None], ids=["emptied", "torn", "gone"])
def test_a_mirror_whose_notes_are_lost_may_remove_the_least(house, torn):
    house.fill(1_000)
    house.before()
    before = guards.allowance(house.context, WATCHED)
    note = house.context.workspace / "guards.json"
    note.unlink() if torn is None else note.write_bytes(torn)

    assert before == 100
    assert guards.allowance(house.context, WATCHED) == 10


def test_a_mirror_of_which_nobody_knows_how_much_it_would_remove_needs_an_admin(house):
    house.fill(200)
    house.before()

    with pytest.raises(RunHeld, match="would remove more than 20 files") as held:
        guards.hold_removals(house.context, allowed=20)

    assert held.value.question.admin_only


def test_an_answer_about_something_else_lets_no_mirror_remove_more(house):
    house.fill(200)
    house.ran(total_files=200)
    for number in range(50, 200):
        (house.source / f"photo-{number}.jpg").unlink()
    house.next_run()
    with pytest.raises(RunHeld, match="has 50 files") as held:
        house.before()
    house.answer(held, "go")
    house.before()

    assert not held.value.question.admin_only
    assert guards.allowance(house.context, WATCHED) == 20
    with pytest.raises(RunHeld, match=f"at {house.destination} that the source no longer has"):
        guards.hold_removals(house.context, allowed=20, wanted=150)


def test_what_came_after_the_answer_is_asked_about_anew(house):
    house.fill(100)
    house.ran(total_files=100)
    for number in range(40, 100):
        (house.source / f"photo-{number}.jpg").unlink()
    house.next_run()
    with pytest.raises(RunHeld, match="has 40 files") as first:
        house.before()
    for number in range(2, 40):
        (house.source / f"photo-{number}.jpg").unlink()
    house.destination.rename(house.folder / "unplugged")
    house.answer(first, "go")

    with pytest.raises(RunHeld) as second:
        house.before()
    house.answer(second, "go")
    house.before()

    asked = " ".join((second.value.question.sentence, *second.value.question.details))
    assert "is gone; it was there last time" in asked
    assert "has 2 files" in asked


def test_a_limit_of_the_job_itself_is_not_asked_about_twice(house):
    house.fill(200)
    house.before()
    with pytest.raises(RunHeld) as held:
        guards.hold_removals(house.context, allowed=20)
    house.answer(held, "go")
    house.before()

    with pytest.raises(
        EngineFailed, match="removed 100 files at the destination, which is as many as this job may"
    ):
        guards.hold_removals(house.context, allowed=100)


@pytest.mark.parametrize(
    ("files", "removed", "allowed"),
    [(5, 0, 10), (1_000, 0, 100), (1_000_000, 0, 1_000), (1_000, 300, 1_500)],
    ids=["a handful always", "a tenth", "a thousand at most", "five times as much as usual"],
)
def test_how_much_a_mirror_may_remove_follows_the_source_and_what_is_usual(house, files, removed, allowed):
    house.fill(1)
    for _ in range(5):
        house.next_run()
        house.before(UNWATCHED)
        house.after(UNWATCHED, copied=Copied(since_ns=0, removed=removed, total_files=files))
        house.clocks.pass_by(HOUR_NS)

    house.next_run()
    house.before()

    assert guards.allowance(house.context, WATCHED) == allowed


def test_a_clock_behind_the_newest_run_is_told_and_not_trusted(house):
    house.fill(3)
    house.ran()
    house.clocks.wall -= 30 * 24 * HOUR_NS

    house.next_run()
    house.before()
    sane = guards.clock_is_sane(house.context, clocks=house.clocks)
    told = house.after()

    assert not sane
    assert "before the time at which the newest run of this job ended" in told.warnings[0]


def test_a_clock_that_jumps_during_a_run_is_told_and_not_trusted(house):
    house.fill(3)
    house.before()
    was_sane = guards.clock_is_sane(house.context, clocks=house.clocks)
    house.clocks.pass_by(HOUR_NS)
    house.clocks.wall += 10 * 365 * 24 * HOUR_NS

    sane = guards.clock_is_sane(house.context, clocks=house.clocks)
    told = house.after()

    assert (was_sane, sane) == (True, False)
    assert "The clock jumped forwards" in told.warnings[0]


def test_a_job_that_wants_a_marker_in_its_source_runs_only_with_it(house):
    house.fill(3)
    wishes = GuardWishes(require_marker=True)

    with pytest.raises(EngineFailed) as missing:
        house.before(wishes)
    (house.source / ".holdfast-source").touch()
    house.before(wishes)

    assert (missing.value.code, missing.value.transient) == ("source-marker-missing", True)


def test_the_marker_of_a_source_is_no_link(house):
    house.fill(3)
    (house.source / ".holdfast-source").symlink_to("photo-0.jpg")

    with pytest.raises(EngineFailed):
        house.before(GuardWishes(require_marker=True))


def a_supply(folder, name, **said):
    (folder / name).mkdir(parents=True)
    for what, word in said.items():
        (folder / name / what).write_text(f"{word}\n")


@pytest.mark.parametrize(
    ("online", "status", "scope", "expected"),
    [
        ("0", "Discharging", "System", True),
        ("1", "Discharging", "System", False),
        ("0", "Full", "System", False),
        ("0", "Discharging", "Device", False),
    ],
)
def test_a_machine_runs_on_its_battery_when_nothing_is_plugged_in(tmp_path, online, status, scope, expected):
    a_supply(tmp_path, "AC", type="Mains", online=online)
    a_supply(tmp_path, "BAT0", type="Battery", status=status, scope=scope)

    found = power.on_battery(tmp_path)

    assert found is expected
    assert power.on_battery(tmp_path / "none") is False


TABLE = r"""22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 8:17 / /mnt/my\040disk rw - ext4 /dev/sdb1 rw
31 22 0:40 / /mnt/nas rw - nfs4 nas:/export rw
32 30 8:33 /sub /mnt/my\040disk/inner rw - btrfs /dev/sdc1 rw
"""


def test_a_disk_is_known_by_what_it_calls_itself_whatever_its_name_is(tmp_path):
    names = tmp_path / "by-uuid"
    names.mkdir()
    (names / "uuid-of-root").symlink_to("/dev/sda1")
    table = tmp_path / "mountinfo"
    table.write_text(TABLE.replace("/mnt/my\\040disk", str(tmp_path / "disk").replace(" ", "\\040")))
    (tmp_path / "disk/inner/photos").mkdir(parents=True)

    root = standing_of(tmp_path, table=table, by_uuid=names)
    inner = standing_of(tmp_path / "disk/inner/photos", table=table, by_uuid=names)
    assert root is not None
    assert inner is not None
    renamed = replace(root, source="/dev/sdz9")

    assert root == Standing(
        source="/dev/sda1", type="ext4", within=os.path.realpath(tmp_path), point="/", uuid="uuid-of-root"
    )
    assert (inner.source, inner.within) == ("/dev/sdc1", "/sub/photos")
    assert not is_other(root, renamed)
    assert is_other(root, inner)
    assert is_other(root, replace(root, uuid="another"))


def test_a_look_counts_what_it_can_in_its_time_and_says_when_that_was_not_all(house):
    house.fill(600)

    short = looking.look_at(house.source, seconds=0.0)
    whole = looking.look_at(house.source)

    assert (short.whole, short.bytes, short.files < 600) == (False, None, True)
    assert (whole.whole, whole.files, whole.bytes, whole.endings) == (True, 600, 600_000, {"jpg": 600})
