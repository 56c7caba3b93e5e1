"""Making answers smaller, in a way that whoever asks can read."""

import gzip
from typing import Final

import zstandard

AT_ONCE: Final = {"zstd": 1, "gzip": 1}
FOR_GOOD: Final = {"zstd": 9, "gzip": 9}
"""How thoroughly: what is drawn anew each time, and what is kept."""
WORTH_WHILE: Final = 1_000
"""Bytes below which a smaller answer still takes one packet."""


def coding_for(accepted: str) -> str:
    """Return the best coding that a header Accept-Encoding names, nothing where it names none that we have."""
    offers = {}
    for offer in accepted.lower().split(","):
        coding, _, weight = offer.partition(";")
        offers[coding.strip()] = weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return next((coding for coding in AT_ONCE if offers.get(coding)), "")


def coded(content: bytes, coding: str, *, for_good: bool = False) -> bytes:
    """Return the content in a coding that `coding_for` returned."""
    level = (FOR_GOOD if for_good else AT_ONCE)[coding]
    if coding == "gzip":
        return gzip.compress(content, level, mtime=0)
    return zstandard.ZstdCompressor(level=level).compress(content)


def headers_of(coding: str) -> dict[str, str]:
    """Return what an answer in this coding, or in none, says of itself."""
    return {"vary": "Accept-Encoding"} | ({"content-encoding": coding} if coding else {})
