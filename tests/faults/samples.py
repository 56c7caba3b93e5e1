"""Samples of damaged copies: how often a sample overlooks just enough damage to break its claim, against how often it may."""

import io
import math
import random
import time
from itertools import product
from pathlib import Path

from core.copying.sampling import fewest_bad, sample_size
from core.proofs.program import carry_out
from core.proofs.telling import Teller
from core.proofs.values import FolderReading, ProgramReading, Proof, ProofWishes, Reading, RemoteRsyncReading
from tests.faults.flips import ENVIRONMENT
from tests.faults.reports import Effort, Tally

FILES = 250
SHARE = 0.98
CONFIDENCES = (0.9, 0.95)
SO_SURE = 1e-4
"""How unlikely a count must be before we call it wrong; both ends together."""


def samples_of_damage(effort: Effort, place: Path) -> Tally:
    """Damage as few files as break the claim, draw a sample, and count how often it passes."""
    tally = Tally("samples of copies that break the claim")
    chance = random.Random(effort.seed)
    source, copy = _trees(place, chance)
    trials = effort.of(200, some=40)
    bad = fewest_bad(FILES, SHARE)
    for (way, reading), confidence in product(_ways(copy).items(), CONFIDENCES):
        unnoticed = _unnoticed(sample_size(FILES, confidence, SHARE), bad)
        passed = 0
        for number in range(trials):
            damaged = chance.sample(range(FILES), bad)
            wishes = _wishes(source, reading, confidence)
            proof = _proof_of_damaged(wishes, copy, place, damaged, chance.getrandbits(64))
            passed += proof.verified
            named = {int(line.split(":")[0]) for line in proof.damaged}
            wrongs = [] if named <= set(damaged) else ["a good file was called damaged"]
            wrongs += [] if proof.verified == (not named) else ["verified, and damage was found"]
            tally.tried(wrongs, where=f"{way} {confidence:.0%} trial {number}")
        low, high = bounds(trials, unnoticed)
        tally.notes.append(
            f"{way}, {confidence:.0%} sure: {passed} of {trials} passed unnoticed; {unnoticed:.2%} may, "
            f"so between {low} and {high} will"
        )
        tally.wrongs += (
            [] if low <= passed <= high else [f"{way}, {confidence:.0%}: {passed} passed unnoticed"]
        )
    return tally


def _trees(place: Path, chance: random.Random) -> tuple[Path, Path]:
    source, copy = place / "source", place / "copy"
    (place / "work").mkdir()
    for folder in (source, copy):
        folder.mkdir()
    for number in range(FILES):
        content = chance.randbytes(20)
        (source / str(number)).write_bytes(content)
        (copy / str(number)).write_bytes(content)
    return source, copy


def _ways(copy: Path) -> dict[str, Reading]:
    """Return how each kind reads its sample back: by us, by rclone, by rsync."""
    digests = ("rclone", "--config", "/dev/null", "--log-level", "ERROR", "hashsum", "sha256", "--download")
    by_rclone = ProgramReading(
        argv=(*digests, "--", str(copy)),
        some_argv=(*digests, "--files-from-raw", "{list}", "--", str(copy)),
        environment=ENVIRONMENT,
        list_ends="line",
        names="rclone",
    )
    by_rsync = RemoteRsyncReading(argv=("rsync", "-rlt"), place=f"{copy}/", environment=ENVIRONMENT)
    return {"folder": FolderReading(root=str(copy)), "rclone": by_rclone, "rsync": by_rsync}


def _wishes(source: Path, reading: Reading, confidence: float) -> ProofWishes:
    return ProofWishes(
        source=str(source),
        reading=reading,
        verify="sample",
        since_ns=time.time_ns() + 10**12,
        confidence=confidence,
        good_share=SHARE,
    )


def _proof_of_damaged(wishes: ProofWishes, copy: Path, place: Path, damaged: list[int], seed: int) -> Proof:
    """Return the proof of a sample while some files of the copy are damaged."""
    kept = {number: (copy / str(number)).read_bytes() for number in damaged}
    for number, content in kept.items():
        (copy / str(number)).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    try:
        return carry_out(wishes, place / "work", Teller(io.BytesIO()), seed)
    finally:
        for number, content in kept.items():
            (copy / str(number)).write_bytes(content)


def _unnoticed(sample: int, bad: int) -> float:
    """Return how likely it is that a sample has none of the bad files."""
    return math.comb(FILES - bad, sample) / math.comb(FILES, sample)


def bounds(trials: int, probability: float) -> tuple[int, int]:
    """Return between which counts all but a few in ten thousand experiments end."""
    likely = [
        math.comb(trials, count) * probability**count * (1 - probability) ** (trials - count)
        for count in range(trials + 1)
    ]
    low = next(count for count in range(trials + 1) if sum(likely[: count + 1]) > SO_SURE / 2)
    high = next(count for count in range(trials, -1, -1) if sum(likely[count:]) > SO_SURE / 2)
    return low, high
