"""Something killed at one call after the other that touches the disk, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).parent / "programs" / "kill_at_every_call.py"


def killed_everywhere(what: str, source: Path, scratch: Path, *, most: int = 1_000_000) -> dict[str, Any]:
    """Return how many kills there were, and after which of them not everything was as it should be.

    At most so many calls are tried, drawn evenly.
    """
    answer = subprocess.run(
        [sys.executable, str(PROGRAM), what, str(source), str(scratch), str(most)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    told: dict[str, Any] = json.loads(answer.stdout)
    return told
