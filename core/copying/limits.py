"""How many hands a copy has."""

import os
from typing import Final

MOST_MEMBERS: Final = 4


def members() -> int:
    """Return how many processes copy at the same time: one for each core, but not a crowd."""
    return max(1, min(MOST_MEMBERS, len(os.sched_getaffinity(0))))
