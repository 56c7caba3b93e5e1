"""What tells one error from another: its words, without what differs from run to run.

The same error of another day, file, host or process has the same fingerprint. What is taken out is what is
quoted, addresses, paths, names with a dot, and every word with a digit in it, but the codes that programs end
with: rsync's 23 is another matter than its 12.
"""

import re
from hashlib import blake2b
from typing import Final

from core.models import Failure

LONGEST_LOOKED_AT: Final = 4_000
"""How much of a message counts; errors are told apart by how they begin."""

MOST_WORDS: Final = 200
DIGEST_BYTES: Final = 8

COLOURS: Final = re.compile(r"\x1b\[[0-9;?]{0,40}[ -/]{0,4}[@-~]")
QUOTED: Final = re.compile(
    r"(?<!\w)'[^'\n]{0,400}'(?!\w)|\"[^\"\n]{0,400}\"|`[^`\n]{0,400}`|“[^”\n]{0,400}”|«[^»\n]{0,400}»"
)
TAKEN_OUT: Final = "…"
AROUND_WORDS: Final = "\"'`()[]{}<>,;:.!?=*"
CODE: Final = re.compile(r"(\d{1,3})[])},;:.!]")
BEFORE_CODES: Final = frozenset(
    {"code", "status", "exit", "exited", "errno", "error", "signal", "with", "http"}
)
"""Words after which a small number says which error it is, where it ends what is said."""

SAME_FOR_MANY: Final = {"are": "is", "were": "was", "have": "has", "these": "this", "their": "its"}
SHORTEST_WITH_MANY: Final = 4
ENDINGS_OF_ONE: Final = ("ss", "us", "is")


def fingerprint(kind: str, failure: Failure) -> str:
    """Return what this error of this kind of job has in common with itself at another time, 16 characters."""
    text = "\n".join((kind, failure.code, skeleton(failure.message)))
    return blake2b(text.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).hexdigest()


def skeleton(message: str) -> str:
    """Return the message without what differs from run to run."""
    text = COLOURS.sub("", message[:LONGEST_LOOKED_AT]) + "."
    words = QUOTED.sub(f" {TAKEN_OUT} ", text).casefold().split()
    kept: list[str] = []
    for word in words[:MOST_WORDS]:
        told = _told(word, kept[-1] if kept else "")
        if told and [told] != kept[-1:]:  # a path with blanks in it is several words
            kept.append(told)
    return " ".join(kept)


def _told(word: str, before: str) -> str:
    """Return what of a word is always the same."""
    bare = word.strip(AROUND_WORDS)
    if before in BEFORE_CODES and (code := CODE.match(word.lstrip(AROUND_WORDS))):
        return code[1]
    if any(map(str.isdigit, bare)) or any(sign in bare for sign in "/\\.@"):
        return TAKEN_OUT
    return _one_of_many(bare)


def _one_of_many(word: str) -> str:
    """Return the word as it is told of one: "2 files were" is "1 file was"."""
    if word in SAME_FOR_MANY:
        return SAME_FOR_MANY[word]
    many = len(word) >= SHORTEST_WITH_MANY and not word.endswith(ENDINGS_OF_ONE)
    return word.removesuffix("s") if many else word
