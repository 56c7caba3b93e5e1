"""A program: has restic list its snapshots, which it does on one line however many they are, and says each on its own.

It is told restic's command and ends as that does.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

PROGRAM: Final = "core.watching.snapshots"
SIGNALLED: Final = 128
"""What is added to the number of a signal, as shells do."""


def main(command: Sequence[str]) -> NoReturn:
    """Write a line of JSON for each snapshot, and end as the command did."""
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    for line in lines_of(ran.stdout) if ran.returncode == 0 else ():
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
    sys.exit(ran.returncode if ran.returncode >= 0 else SIGNALLED - ran.returncode)


def lines_of(said: bytes) -> list[bytes]:
    """Return the id and the time of each snapshot; what is no such list is one line that nobody understands."""
    try:
        rows = json.loads(said or b"[]") or []
        return [json.dumps({"short_id": row["short_id"], "time": row["time"]}).encode() for row in rows]
    except (ValueError, KeyError, TypeError):
        return [b"?"]
