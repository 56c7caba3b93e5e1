"""Many ids in an order, each change to which costs little, and each id as good as nothing."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Final

LONGEST_PIECE: Final = 2_000

Key = tuple[str | datetime, str]
"""What a place in an order follows from; no two are the same."""


class Order:
    """Ids by a value that each has, the smallest first, and where that is the same by themselves.

    The value is asked for where it is needed, and not kept: it must not change while its id is in.
    """

    def __init__(self, ids: Iterable[str], value: Callable[[str], str | datetime]) -> None:
        self._value = value
        in_order = sorted(ids)
        in_order.sort(key=value)
        half = LONGEST_PIECE // 2
        self._pieces = [in_order[start : start + half] for start in range(0, len(in_order), half)]
        self._length = len(in_order)

    def key(self, one: str) -> Key:
        """Return what the place of an id follows from."""
        return self._value(one), one

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._pieces)

    def __reversed__(self) -> Iterator[str]:
        return chain.from_iterable(map(reversed, reversed(self._pieces)))

    def add(self, new: str) -> None:
        """Put an id into its place."""
        self._length += 1
        key = self.key(new)
        index = min(self._piece_of(key), len(self._pieces) - 1)
        if index < 0:
            self._pieces.append([new])
            return
        piece = self._pieces[index]
        piece.insert(bisect_left(piece, key, key=self.key), new)
        if len(piece) > LONGEST_PIECE:
            half = len(piece) // 2
            self._pieces[index : index + 1] = [piece[:half], piece[half:]]

    def remove(self, known: str) -> None:
        """Take an id out, whose key is still what it was."""
        key = self.key(known)
        index = self._piece_of(key)
        piece = self._pieces[index]
        del piece[bisect_left(piece, key, key=self.key)]
        self._length -= 1
        if not piece:
            del self._pieces[index]

    def after(self, key: Key) -> Iterator[str]:
        """Give the ids whose keys are larger, the smallest first."""
        index = self._piece_of(key)
        if index == len(self._pieces):
            return iter(())
        piece = self._pieces[index]
        rest = islice(piece, bisect_right(piece, key, key=self.key), None)
        return chain(rest, chain.from_iterable(self._pieces[index + 1 :]))

    def before(self, key: Key) -> Iterator[str]:
        """Give the ids whose keys are smaller, the largest first."""
        index = self._piece_of(key)
        earlier = chain.from_iterable(map(reversed, reversed(self._pieces[:index])))
        if index == len(self._pieces):
            return earlier
        piece = self._pieces[index]
        return chain(reversed(piece[: bisect_left(piece, key, key=self.key)]), earlier)

    def _piece_of(self, key: Key) -> int:
        """Return the first piece that ends at the key or after it; one too many when none does."""
        return bisect_left(self._pieces, key, key=self._last_key)

    def _last_key(self, piece: list[str]) -> Key:
        return self.key(piece[-1])
