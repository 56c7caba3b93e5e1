"""Archives say themselves whether they are whole."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile

import pytest
import zstandard

from core.watching import archives
from core.watching.archives import check_archive, is_archive
from core.watching.whole import NotWhole

NAMES = ("x.gz", "x.bz2", "x.xz", "x.zst", "x.tar", "x.tgz", "x.tar.zst", "x.zip")


def a_tar(form=tarfile.PAX_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for number in range(4):
            name = f"{'a long name ' * 20}{number}" if number % 2 else f"photo-{number}.jpg"
            member = tarfile.TarInfo(name)
            member.size = 5_000 * number
            archive.addfile(member, io.BytesIO(os.urandom(member.size)))
        link = tarfile.TarInfo("link")
        link.type, link.linkname, link.size = tarfile.LNKTYPE, "photo-2.jpg", 0
        archive.addfile(link)
    return without_padding(file.getvalue())


def without_padding(content):
    """Return a tar that ends with the two empty blocks that say so."""
    return content[: -(-len(content.rstrip(b"\0")) // 512) * 512 + 1024]


def a_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.txt", os.urandom(20_000))
    return file.getvalue()


def an_archive(name):
    """Return a good archive of the sort that a name says."""
    content = a_tar() if ".t" in name else os.urandom(50_000)
    match name.rpartition(".")[2]:
        case "zip":
            return a_zip()
        case "gz" | "tgz":
            return gzip.compress(content)
        case "bz2":
            return bz2.compress(content)
        case "xz":
            return lzma.compress(content)
        case "zst":
            half = len(content) // 2
            packer = zstandard.ZstdCompressor(write_checksum=True)
            return packer.compress(content[:half]) + packer.compress(content[half:])
        case _:
            return content


def is_whole(name, content):
    try:
        check_archive(name, io.BytesIO(content))
    except NotWhole:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_archive_is_found_whole(name):
    assert is_archive(name)
    assert is_whole(name, an_archive(name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_an_archive_that_is_cut_off_is_noticed_wherever_that_was(name, share):
    content = an_archive(name)

    assert not is_whole(name, content[: int(len(content) * share)])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "x.tar"])
def test_one_flipped_bit_in_an_archive_is_noticed(name):
    content = bytearray(an_archive(name))
    content[len(content) // 2] ^= 4

    assert not is_whole(name, bytes(content))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_of_every_format_is_understood_and_a_damaged_header_is_not_its_end(form):
    if form == tarfile.USTAR_FORMAT:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as archive:
            for name in ("one", "two"):
                archive.addfile(tarfile.TarInfo(name))
        content = file.getvalue()
    else:
        content = a_tar(form)
    damaged = bytearray(content)
    damaged[512 + 10 if form == tarfile.USTAR_FORMAT else content.rindex(b"photo-2.jpg")] ^= 1

    assert is_whole("x.tar", content)
    assert not is_whole("x.tar", bytes(damaged))


def test_what_is_no_archive_by_its_bytes_is_not_whole():
    text = b"not an archive, but long enough to be taken for one " * 100

    assert [is_whole(name, text) for name in NAMES] == [False] * len(NAMES)


def test_an_archive_that_would_take_far_more_room_than_any_backup_is_refused(monkeypatch):
    monkeypatch.setattr(archives, "INFLATED_FREE", 1_000_000)
    monkeypatch.setattr(archives, "INFLATED_MOST", 10)

    for name, content in (
        ("x.gz", gzip.compress(bytes(20_000_000))),
        ("x.zst", zstandard.compress(bytes(20_000_000))),
    ):
        with pytest.raises(NotWhole, match="more room than any backup"):
            check_archive(name, io.BytesIO(content))
