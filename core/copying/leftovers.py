"""Unfinished copies that an earlier run left in one folder of the destination."""

import os
import stat
from typing import TYPE_CHECKING, Final

from core.copying.names import PART_TEXT, joined
from core.copying.tree import insist
from core.copying.troubles import in_words

if TYPE_CHECKING:
    from core.copying.findings import Findings

OUR_PREFIX: Final = ".holdfast-"
LEFT: Final = "an unfinished copy that an earlier run left there"


def looks_ours(name: str) -> bool:
    """Tell whether this is the name of an unfinished copy."""
    return name.startswith(OUR_PREFIX) and PART_TEXT.fullmatch(name) is not None


class Leftovers:
    """Files with the name of an unfinished copy; what is to be continued is taken off the list.

    No other run is writing here: it would hold a lock on this folder or on one above it.
    """

    def __init__(self) -> None:
        self._names: set[bytes] = set()

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._names)

    def note(self, entry: "os.DirEntry[str]") -> None:
        """Take a name if it is that of an unfinished copy; we leave no folders and no links."""
        if looks_ours(entry.name) and entry.is_file(follow_symlinks=False):
            self._names.add(os.fsencode(entry.name))

    def keep(self, name: bytes) -> None:
        """Leave one to be continued."""
        self._names.discard(name)

    def remove(self, folder: int, findings: "Findings") -> bool:
        """Remove all that are files of ours, name each, and tell whether there was one."""
        return sum([self._remove_one(folder, name, findings) for name in self._names]) > 0

    def _remove_one(self, folder: int, name: bytes, findings: "Findings") -> bool:
        path = joined(findings.folder, name)
        try:
            info = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
                return False
            insist(folder, lambda: os.unlink(name, dir_fd=folder))
        except OSError as error:
            findings.problem("refused", path, in_words(error))
            return False
        findings.problem("leftover", path, LEFT)
        return True
