import pytest

from core.bench.copies import NoProgram, measure, memory_of_proof


def test_a_missing_program_is_named_before_anything_is_copied(tmp_path, monkeypatch):
    for name in ("rsync", "rclone"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoProgram, match="restic is not installed") as refused:
        measure(tmp_path / "scratch")

    assert refused.value.hint == "Install restic, then measure again."
    assert not (tmp_path / "scratch").exists()


def test_the_memory_of_a_proof_is_that_of_its_program(tmp_path):
    row = memory_of_proof(tmp_path / "many", 3_000)

    assert row.name == "memory of the proof of 3,000 files"
    assert 10 < row.ours < 300
    assert row.met
