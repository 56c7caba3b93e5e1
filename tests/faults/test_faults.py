"""A seeded share of the faults that `make faults` tries, in every run of the tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.__main__ import RIGS

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("rig", RIGS)
def test_nothing_acknowledged_is_lost_whatever_happens(rig, tmp_path, request):
    seed = request.config.getoption("randomly_seed", 1)
    argv = [sys.executable, "-m", "tests.faults", rig, "--some", "--seed", str(seed), "--place", tmp_path]

    tried = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)

    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "tried" in tried.stdout
    assert not list(tmp_path.iterdir())
