import pytest

from core.bench.copying import NoYardstick, measure


def test_a_missing_yardstick_is_named_before_anything_is_measured(tmp_path, monkeypatch):
    for name in ("cp", "rsync"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / "cp").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoYardstick, match="rsync, which is not installed") as refused:
        measure(tmp_path / "scratch")

    assert refused.value.hint == "Install rsync, then measure again."
    assert not (tmp_path / "scratch").exists()
