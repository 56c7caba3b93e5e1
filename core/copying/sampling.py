"""How many files must be looked at to be that sure that so many of them are good."""

import math
import random
from fractions import Fraction
from typing import Final

ROUNDING: Final = 1e-12


def sample_size(files: int, confidence: float, good_share: float) -> int:
    """Return the smallest sample that, found good throughout, proves the claim.

    The claim: with that confidence, at least `good_share` of the files are good. It is proved
    if a tree that breaks it just barely, with as few bad files as that takes, would pass
    unnoticed at most 1 - `confidence` of the time when so many files are drawn without putting
    any back (hypergeometric).
    """
    bad = fewest_bad(files, good_share)
    unnoticed, sample = 1.0, 0
    limit = float(1 - Fraction(str(confidence))) * (1 + ROUNDING)
    while unnoticed > limit and sample < files:
        unnoticed *= max(0, files - bad - sample) / (files - sample)
        sample += 1
    return sample


def fewest_bad(files: int, good_share: float) -> int:
    """Return how few bad files make the share of good ones smaller than `good_share`."""
    allowed = files * (1 - Fraction(str(good_share)))
    return min(files, math.floor(allowed) + 1)


def draw(files: int, size: int, seed: int) -> list[int]:
    """Return that many different places among the files, in order; the same for the same seed."""
    return sorted(random.Random(seed).sample(range(files), size))  # noqa: S311 - seed from secrets


def sentence(sample: int, files: int, confidence: float, good_share: float) -> str:
    """Return what a sample without a bad file proves."""
    if sample >= files:
        return f"All {files:,} files were read back and are good."
    return (
        f"{sample:,} of {files:,} files, drawn at random, were read back and are good: "
        f"{percent(confidence)} sure that at least {percent(good_share)} of the files are good."
    )


def percent(share: float) -> str:
    """Return a share as people write it: 0.995 is 99.5 %."""
    return f"{share * 100:.10g} %"
