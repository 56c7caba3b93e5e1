"""Records on disk come back as they were, or not at all."""

import pytest

from core.copying.spool import HEAD, Spool


def test_a_record_comes_back_as_it_was(tmp_path):
    with Spool(tmp_path / "spool", keep=False) as spool:
        number = spool.append(b"record")

        assert spool[number] == b"record"


def test_a_record_that_was_changed_on_the_disk_is_not_handed_out(tmp_path):
    path = tmp_path / "spool"
    with Spool(path, keep=False) as spool:
        number = spool.append(b"record")
        spool.flush()
        with path.open("r+b") as file:
            file.seek(HEAD.size)
            file.write(b"R")

        with pytest.raises(OSError, match="damaged") as failed:
            spool[number]

    assert failed.value.filename == str(path)
