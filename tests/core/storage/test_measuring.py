"""How much of the disk each part of a data folder takes."""

from datetime import timedelta

import pytest

from core.storage.measuring import Amount, Part, Room, Scales, part_of, room_at

CONTENT = {
    "store.yaml": Part.REST,
    "jobs/3f/photos-3f2a1b4c.yaml": Part.DEFINITIONS,
    "jobs/40/mail-40000000.yaml": Part.DEFINITIONS,
    "state/journal-1.yaml": Part.JOURNAL,
    "state/rows-00-1.yaml": Part.SNAPSHOT,
    "state/checkpoint-1.yaml": Part.SNAPSHOT,
    "state/filed-1.yaml": Part.SNAPSHOT,
    "state/reach.yaml": Part.JOURNAL,
    "runs/3f/3f2a1b4c.yaml": Part.OLDER_RUNS,
    "logs/aa/aa11.log": Part.LOGS,
    "work/aa/aa11/manifest.b3": Part.WORKSPACES,
    "backups/own-state/2026.tar.zst": Part.OWN_BACKUPS,
    "backups/segments/journal-0.yaml.zst": Part.ARCHIVED_JOURNAL,
    "backups/definitions/3f/3f2a1b4c.1.yaml": Part.FORMER_TEXTS,
    "backups/store.yaml": Part.REST,
    "quarantine/20261121T074200Z-jobs.yaml": Part.QUARANTINE,
    "locks/server.lock": Part.REST,
}


@pytest.fixture
def data(tmp_path):
    for number, name in enumerate(CONTENT, 1):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 5_000 * number)
    return tmp_path / "data"


@pytest.fixture
def scales(data, clock):
    return Scales(data, clock)


def on_disk(*paths):
    return Amount(bytes=sum(path.stat().st_blocks * 512 for path in paths), files=len(paths))


def test_every_file_counts_for_its_part_and_once(scales, data):
    weights = scales.weigh()

    assert {name: part_of(name) for name in CONTENT} == CONTENT
    for part in Part:
        assert weights.parts[part] == on_disk(*(data / name for name, of in CONTENT.items() if of is part))
    assert weights.bytes == on_disk(*(data / name for name in CONTENT)).bytes
    assert weights.whole


def test_a_large_folder_is_weighed_a_part_at_a_time(scales, data):
    first = scales.weigh(seconds=0)
    later = [scales.weigh(seconds=0) for _ in range(2 * len(CONTENT))]

    assert not first.whole
    assert later[-1].whole
    assert later[-1].bytes == on_disk(*(data / name for name in CONTENT)).bytes


def test_a_new_file_and_a_removed_one_are_noticed_at_the_next_look(scales, data):
    scales.weigh()
    (data / "jobs/3f/photos-3f2a1b4c.yaml").unlink()
    (data / "logs/bb").mkdir()
    (data / "logs/bb/bb22.log").write_bytes(b"x" * 9_000)

    parts = scales.weigh().parts

    assert parts[Part.DEFINITIONS].files == 1
    assert parts[Part.LOGS] == on_disk(data / "logs/aa/aa11.log", data / "logs/bb/bb22.log")


def test_a_file_that_only_grew_is_weighed_anew_after_ten_minutes(scales, data, clock):
    path = data / "logs/aa/aa11.log"
    before = scales.weigh().parts[Part.LOGS]
    with path.open("ab") as file:
        file.write(b"x" * 1_000_000)

    at_once = scales.weigh().parts[Part.LOGS]
    clock.pass_by(timedelta(minutes=10))
    later = scales.weigh().parts[Part.LOGS]

    assert at_once == before
    assert later == on_disk(path)


def test_links_are_not_followed(scales, data, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "large").write_bytes(b"x" * 1_000_000)
    (data / "jobs" / "link").symlink_to(tmp_path / "elsewhere")

    taken = scales.weigh().parts[Part.DEFINITIONS]

    assert taken.files == 3
    assert taken.bytes < 1_000_000


def test_a_folder_that_is_not_there_weighs_nothing(tmp_path, clock):
    weights = Scales(tmp_path / "nowhere", clock).weigh()

    assert (weights.bytes, weights.whole) == (0, True)
    assert room_at(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("free", "total", "short"),
    [
        (63_999_999, 100_000_000, True),
        (64_000_000, 100_000_000, False),
        (49, 1_000, True),
        (4_999_999_999, 100_000_000_000, True),
        (5_000_000_000, 100_000_000_000, False),
    ],
)
def test_room_is_short_below_64_mb_or_a_twentieth(free, total, short):
    assert Room(free=free, total=total).short is short
