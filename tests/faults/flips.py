"""Single bits of a copy that change behind our back: whether a full proof catches each, however it reads."""

import io
import random
import time
from pathlib import Path

from core.proofs.program import carry_out
from core.proofs.telling import Teller
from core.proofs.values import FolderReading, ProgramReading, ProofWishes, Reading, RemoteRsyncReading
from tests.faults.reports import Effort, Tally

FILES = 20
LONGEST = 20_000
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def flipped_bits(effort: Effort, place: Path) -> Tally:
    """Flip one bit of one file at a time, and put it right again."""
    tally = Tally("single bits of a copy that changed, full proof")
    chance = random.Random(effort.seed)
    source, copy = _trees(place, chance)
    wishes = {
        name: ProofWishes(
            source=str(source), reading=reading, verify="full", since_ns=time.time_ns() + 10**15
        )
        for name, reading in _ways(copy).items()
    }
    for name, wished in wishes.items():
        for number in range(effort.of(100, some=5)):
            path = copy / str(chance.randrange(FILES))
            content = path.read_bytes()
            bit = chance.randrange(8 * len(content))
            damaged = bytearray(content)
            damaged[bit // 8] ^= 1 << bit % 8
            _put(path, bytes(damaged))
            proof = carry_out(wished, place / "work", Teller(io.BytesIO()))
            _put(path, content)
            caught = not proof.verified and [line.split(":")[0] for line in proof.damaged] == [path.name]
            wrongs = [] if caught else [f"bit {bit} of {path.name} was not caught"]
            tally.tried(wrongs, where=f"{name} {number}")
        if not carry_out(wished, place / "work", Teller(io.BytesIO())).verified:
            tally.wrongs.append(f"{name}: the good copy was not verified")
    return tally


def _put(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)


def _trees(place: Path, chance: random.Random) -> tuple[Path, Path]:
    source, copy = place / "source", place / "copy"
    for folder in (source, copy, place / "work"):
        folder.mkdir()
    for number in range(FILES):
        content = chance.randbytes(chance.randint(1, LONGEST))
        for folder in (source, copy):
            (folder / str(number)).write_bytes(content)
    return source, copy


def _ways(copy: Path) -> dict[str, Reading]:
    digests = ("rclone", "hashsum", "SHA256", "--download", "--config", "", "--", str(copy))
    archive = ("tar", "-C", str(copy), "-cf", "-", ".")
    return {
        "folder": FolderReading(root=str(copy)),
        "digests": ProgramReading(argv=digests, environment=ENVIRONMENT),
        "archive": ProgramReading(argv=archive, environment=ENVIRONMENT, understood="tar"),
        "rsync": RemoteRsyncReading(argv=("rsync", "-rlt"), place=f"{copy}/", environment=ENVIRONMENT),
    }
