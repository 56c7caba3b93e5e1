from pathlib import Path

import pytest

from core.doctor import PROGRAMS, Verdict, examine


def verdicts(data):
    return {finding.name: finding for finding in examine(data)}


def test_a_good_machine_is_told_so(tmp_path):
    found = verdicts(tmp_path / "data")

    assert found["Python"].verdict == found["libyaml"].verdict == found["data folder"].verdict == Verdict.GOOD
    assert found["data folder"].found.startswith(str(tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_program_that_is_not_installed_is_missing_with_its_cost(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    found = verdicts(tmp_path)

    for program in PROGRAMS:
        assert (found[program.name].verdict, found[program.name].cost) == (Verdict.MISSING, program.cost)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("rsync  version 3.5.0  protocol version 32", Verdict.GOOD),
        ("rsync  version 3.4.3  protocol version 32", Verdict.GOOD),
        ("rsync  version 3.2.7  protocol version 31", Verdict.BAD),
    ],
)
def test_a_version_with_known_holes_is_bad(tmp_path, monkeypatch, answer, verdict):
    program = tmp_path / "rsync"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert verdicts(tmp_path)["rsync"].verdict == verdict


def test_a_data_folder_below_a_file_is_bad(tmp_path):
    (tmp_path / "file").touch()

    found = verdicts(Path(tmp_path / "file" / "data"))["data folder"]

    assert found.verdict == Verdict.BAD
    assert "--data" in found.cost
