"""Passwords: which are good enough, and how they are kept and compared."""

import threading
import unicodedata
from functools import cache
from importlib import resources
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import InvalidOptions

SHORTEST: Final = 12
LONGEST: Final = 256
FEWEST_DIFFERENT: Final = 5
PRODUCT: Final = "holdfast"

MEMORY_KIB: Final = 46 * 1024
HASHES_AT_ONCE: Final = 4
"""Each takes 46 MiB; more at once would let strangers fill the memory."""


def check_password(password: str, *, name: str) -> None:
    """Raise InvalidOptions, saying why, for a password that `name` must not choose."""
    if (problem := _problem(password, name)) is not None:
        raise InvalidOptions({"password": problem})


def _problem(password: str, name: str) -> str | None:
    plain = password.casefold()
    if len(password) < SHORTEST:
        return f"A password has at least {SHORTEST} characters, this has {len(password)}."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters, this has {len(password)}."
    if PRODUCT in plain or plain == name.casefold():
        return "A password cannot be built on the name of the product or your own."
    if len(set(plain)) < FEWEST_DIFFERENT or plain in _common():
        return "This password is among the first that others would try. Choose another."
    return None


@cache
def _common() -> frozenset[str]:
    """Return the passwords of allowed length that turn up most often in published leaks."""
    text = resources.files("core").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines())


class Passwords:
    """Keeps passwords as argon2id hashes; an answer takes the same time whether there is one or not."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(time_cost=1, memory_cost=memory_kib, parallelism=1)
        self._places = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._nobodys = self.hash("the password of nobody")

    def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        with self._places:
            return self._hasher.hash(_bytes(password))

    def matches(self, password: str, kept: str | None) -> bool:
        """Tell whether it is the password that was kept; None stands for no such person."""
        with self._places:
            try:
                self._hasher.verify(kept or self._nobodys, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None

    def outdated(self, kept: str) -> bool:
        """Tell whether the password should be hashed anew, with today's figures."""
        return self._hasher.check_needs_rehash(kept)


def _bytes(password: str) -> bytes:
    """Return the password as hashed: one form for letters that can be typed in two ways.

    What no password can be is cut, so that a megabyte costs no more than a word.
    """
    text = unicodedata.normalize("NFC", password[: LONGEST + 1])
    return text.encode("utf-8", "surrogatepass")
