"""Changing several files so that, when one cannot be changed, none is."""

import contextlib
import itertools
import logging
from collections.abc import Sequence
from pathlib import Path

from core.storage import atomic

log = logging.getLogger(__name__)


class Replacement:
    """One file on its way to its next content, or to none.

    `present` is where the file is now, `target` where it will be (None: nowhere), `kept` where its
    previous generations go, the youngest first; empty to keep none.
    """

    def __init__(
        self,
        present: Path | None,
        target: Path | None,
        content: bytes,
        kept: Sequence[Path],
    ) -> None:
        self.target = target
        self._present = present
        self._content = content
        self._kept = kept
        self._temporary: Path | None = None
        self._begun = False
        self._held: Path | None = None

    @property
    def folders(self) -> set[Path]:
        """Return the folders whose names change."""
        return {path.parent for path in (self._present, self.target) if path is not None}

    def prepare(self, *, durable: bool) -> None:
        """Write the new content beside its target; nothing can be seen of it yet."""
        if self.target is not None:
            atomic.make_folder(self.target.parent, durable=durable)
            self._temporary = atomic.write_aside(self.target, self._content, durable=durable)

    def carry_out(self) -> None:
        """Keep the present generation, put the new one in its place."""
        if self._present is not None and not self._present.exists():
            self._present = None
        self._hold_present()
        self._begun = True
        if self._temporary is not None and self.target is not None:
            self._temporary.replace(self.target)
            self._temporary = None
        if self._present is not None and self._present != self.target:
            self._present.unlink(missing_ok=True)

    def undo(self) -> None:
        """Put back what was there, as far as the disk lets us."""
        with contextlib.suppress(FileNotFoundError):
            if self._temporary is not None:
                self._temporary.unlink()
        if self._begun and self.target is not None and self.target != self._present:
            self.target.unlink(missing_ok=True)
        if self._present is not None and self._held is not None:
            self._held.replace(self._present)
            self._held.unlink(missing_ok=True)  # two names of one file: nothing was moved

    def finish(self) -> None:
        """Let go of what was held only to put it back."""
        if self._held is not None and not self._kept:
            with contextlib.suppress(OSError):  # the next start sweeps it
                self._held.unlink()

    def _hold_present(self) -> None:
        """Give the present generation a second name: among the kept ones, or for the moment."""
        if self._present is None:
            return
        if not self._kept:
            self._held = atomic.link_aside(self._present)
            return
        youngest = self._kept[0]
        atomic.make_folder(youngest.parent, durable=False)
        for younger, older in reversed(tuple(itertools.pairwise(self._kept))):
            with contextlib.suppress(FileNotFoundError):
                younger.replace(older)
        youngest.unlink(missing_ok=True)
        atomic.link(self._present, youngest)
        self._held = youngest


def replace_all(replacements: Sequence[Replacement], *, durable: bool) -> None:
    """Carry out all of them or none; raises OSError."""
    try:
        for replacement in replacements:
            replacement.prepare(durable=durable)
        for replacement in replacements:
            replacement.carry_out()
        if durable:
            _sync(replacements)
    except OSError:
        for replacement in reversed(replacements):
            _undo(replacement)
        with contextlib.suppress(OSError):  # the disk that failed may fail again
            _sync(replacements)
        raise
    for replacement in replacements:
        replacement.finish()


def _sync(replacements: Sequence[Replacement]) -> None:
    for folder in set[Path]().union(*(replacement.folders for replacement in replacements)):
        atomic.sync_folder(folder)


def _undo(replacement: Replacement) -> None:
    try:
        replacement.undo()
    except OSError:
        log.exception("%s could not be put back", replacement.target)
