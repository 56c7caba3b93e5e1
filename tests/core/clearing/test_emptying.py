"""What goes for good, and what stays because nobody knows another copy of it."""

import os

from core.clearing.emptying import empty
from core.clearing.putting_back import put_back
from core.clearing.receipts import Became
from tests.core.clearing.world import QUARANTINE, RUN, World


def test_what_has_a_good_copy_goes_for_good(world: World):
    world.put_some(4)
    world.delete()

    handled = empty(world.data, RUN)

    assert (handled.files, handled.kept_files, handled.left, handled.trouble) == (4, 0, False, "")
    assert not (world.source / QUARANTINE).exists()


def test_what_has_no_good_copy_any_more_stays_aside_and_is_named(world: World):
    world.put("good.txt")
    world.put("rotten.txt", b"first words")
    world.put("missing.txt", b"only here")
    world.delete()
    (world.copy / "rotten.txt").write_bytes(b"first wards")
    (world.copy / "missing.txt").unlink()

    handled = empty(world.data, RUN)

    assert handled.files == 1
    assert sorted(kept.path for kept in handled.kept) == ["missing.txt", "rotten.txt"]
    assert world.aside() == {b"rotten.txt": b"first words", b"missing.txt": b"only here"}


def test_nothing_goes_while_the_destination_is_not_there(world: World):
    world.put_some()
    world.delete()
    world.copy.rename(world.place / "unplugged")

    handled = empty(world.data, RUN)

    assert "destination is not there" in handled.trouble
    assert len(world.aside()) == 3


def test_what_changed_while_it_lay_aside_stays(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    world.delete()
    (world.source / QUARANTINE / RUN / "attempt-1" / name).write_bytes(b"some more words")

    handled = empty(world.data, RUN)

    assert "changed while it lay" in handled.kept[0].why
    assert world.aside() == {b"letter.txt": b"some more words"}


def test_what_was_written_to_while_it_lay_aside_stays_although_its_time_was_set_back(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    world.delete()
    path = world.source / QUARANTINE / RUN / "attempt-1" / name
    info = path.stat()
    path.write_bytes(b"other words")
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    handled = empty(world.data, RUN)

    assert "changed while it lay" in handled.kept[0].why
    assert world.aside() == {b"letter.txt": b"other words"}


def test_what_somebody_removed_by_hand_is_not_waited_for_for_ever(world: World):
    world.put_some()
    world.delete()
    (world.source / QUARANTINE / RUN / "attempt-1" / "year 0" / "0.jpg").unlink()

    handled = empty(world.data, RUN)

    assert (handled.files, handled.kept_files, handled.left) == (2, 0, False)
    assert [line.state for line in world.receipt() if isinstance(line, Became)][3:] == ["gone"] * 3


def test_nothing_is_written_where_a_destination_is_not_mounted(world: World):
    world.put_some()
    world.delete()
    world.copy.rename(world.place / "unplugged")
    world.copy.mkdir()

    handled = empty(world.data, RUN)
    back = put_back(world.data, RUN)

    assert "destination is not there" in handled.trouble
    assert back.files == 3
    assert list(world.copy.iterdir()) == []


def test_bytes_that_changed_at_the_last_moment_are_never_let_go_of(world: World):
    path = world.source / os.fsdecode(world.put("letter.txt", b"first words"))

    def hear(step: str, _path: bytes) -> None:
        if step == "ready":
            info = path.stat()
            path.write_bytes(b"other words")
            os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
        elif step == "moved":
            path.write_bytes(b"yet another one")

    world.delete(on_step=hear)
    handled = empty(world.data, RUN)

    assert handled.files == 0
    assert world.aside() == {b"letter.txt": b"other words"}


def test_a_file_of_somebody_else_that_came_aside_is_never_let_go_of(world: World):
    name = os.fsdecode(world.put("letter.txt", b"first words"))
    victim, path = world.place / "victim", world.source / name
    victim.write_bytes(b"only one there is")

    def hear(step: str, _path: bytes) -> None:
        if step == "ready":
            victim.replace(path)
        elif step == "moved":
            path.write_bytes(b"yet another one")

    world.delete(on_step=hear)
    handled = empty(world.data, RUN)
    path.unlink()
    back = put_back(world.data, RUN)

    assert handled.files == 0
    assert back.files == 1
    assert path.read_bytes() == b"only one there is"
