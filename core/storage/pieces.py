"""What lies in quarantine, by its name."""

import contextlib
import os
import re
from pathlib import Path
from typing import Final

PIECE_OF_RUNS: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}-(?:state|runs)-")
"""How the name of a piece in quarantine begins that may have held what is known of runs."""


def has_pieces_of_runs(root: Path) -> bool:
    """Tell whether anything in quarantine is a piece of the state, or of older runs."""
    with contextlib.suppress(FileNotFoundError), os.scandir(root / "quarantine") as entries:
        return any(PIECE_OF_RUNS.match(entry.name) for entry in entries)
    return False
