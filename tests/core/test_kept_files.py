"""Files that runs left: listed as they are, opened by name below their own folder, and nothing else ever."""

import os
import uuid
from pathlib import Path

import pytest

from core.errors import NotFound
from core.kept_files import KeptFiles, Kind, totals_of
from core.storage.below import open_below
from tests.doubles import SettableClock

RUN = str(uuid.UUID(int=7))
BACKUP = "holdfast-20261121T074200Z.tar.zst"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def files(data, clock):
    return KeptFiles(data, data / "backups" / "own-state", clock)


@pytest.fixture
def left(data):
    """One file of each kind."""
    work = data / "work" / RUN[:2] / RUN
    places = {
        Kind.LOG: data / "logs" / RUN[:2] / f"{RUN}.log",
        Kind.MANIFEST: work / "manifest.b3",
        Kind.RESULT: work / "kept" / "0001",
        Kind.RECEIPT: data / "receipts" / f"{RUN}.jsonl",
        Kind.BACKUP: data / "backups" / "own-state" / BACKUP,
    }
    for kind, path in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"a {kind}")
    return places


def text(opened) -> str:
    try:
        return os.read(opened.handle, 100).decode()
    finally:
        os.close(opened.handle)


def test_every_file_that_runs_left_is_listed_and_can_be_opened_by_its_name(files, left):
    listing = files.list()

    assert {file.kind for file in listing.files} == set(left)
    for file in listing.files:
        assert text(files.open(file.kind, file.name)) == f"a {file.kind}"
    assert totals_of(listing.files)[Kind.LOG] == (1, len("a log"))


def test_receipts_that_are_over_are_found_where_they_were_put(files, left):
    receipt = left[Kind.RECEIPT]
    (receipt.parent / "over").mkdir()
    receipt.rename(receipt.parent / "over" / receipt.name)

    assert text(files.open(Kind.RECEIPT, RUN)) == "a receipt"


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../../auth/users.yaml",
        f"{RUN}/../../../auth/users",
        f"../{RUN}",
        f"{RUN}\0",
        f"{RUN}\n",
        f"{RUN}.0001/..",
        f"{RUN}.99999",
        f"{RUN}.manifest",
        "/etc/passwd",
        RUN.upper().replace("0", "A"),
        "x" * 5_000,
        "holdfast-20261121T074200Z.tar.zst/../x",
        "\ud800",
    ],
)
def test_no_name_leads_anywhere_else(files, left, data, kind, name):
    (data / "auth").mkdir()
    (data / "auth" / "users.yaml").write_text("secret")

    with pytest.raises(NotFound):
        files.open(kind, name)


def test_links_are_neither_listed_nor_opened(files, left, tmp_path):
    outside = tmp_path / "secret"
    outside.write_text("secret")
    for path in left.values():
        path.unlink()
        path.symlink_to(outside)

    assert files.list().files == ()
    for kind in left:
        with pytest.raises(NotFound):
            files.open(kind, BACKUP if kind is Kind.BACKUP else f"{RUN}.0001" if kind is Kind.RESULT else RUN)


def test_a_folder_on_the_way_that_became_a_link_is_not_followed(files, left, data, tmp_path):
    shelf = data / "logs" / RUN[:2]
    elsewhere = tmp_path / "elsewhere"
    shelf.rename(elsewhere)
    shelf.symlink_to(elsewhere)

    assert Kind.LOG not in {file.kind for file in files.list().files}
    with pytest.raises(NotFound):
        files.open(Kind.LOG, RUN)


def test_what_is_no_plain_file_holds_nobody_up(files, left):
    left[Kind.MANIFEST].unlink()
    os.mkfifo(left[Kind.MANIFEST])

    with pytest.raises(NotFound):
        files.open(Kind.MANIFEST, RUN)


def test_a_handle_is_not_left_open_by_what_is_refused(data):
    (data / "folder").mkdir(parents=True)
    before = len(list(Path("/proc/self/fd").iterdir()))

    for parts in (["folder"], ["folder", "gone"], ["gone", "x"], [".."], ["folder", "..", "x"], []):
        with pytest.raises(OSError):
            open_below(data, parts)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_house_that_is_new_has_no_files(files):
    assert files.list().files == ()
