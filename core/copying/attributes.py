"""Modes, owners, times and extended attributes, set as far as the destination can hold them."""

import errno
import os
import stat
from typing import Final, Literal, NamedTuple

PLAIN_BITS: Final = 0o777
NOT_KEPT_HERE: Final = frozenset({errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.EINVAL})
ACCESS_RULES: Final = "system.posix_acl_"
DEFAULT_RULES: Final = "system.posix_acl_default"


class Who(NamedTuple):
    """Whose rights the copy is made with."""

    user: int
    group: int
    groups: frozenset[int]

    @classmethod
    def here(cls) -> "Who":
        """Return who this process is."""
        return cls(os.geteuid(), os.getegid(), frozenset({os.getegid(), *os.getgroups()}))


class Attributes:
    """Carries a file's or folder's attributes from one handle to another."""

    def __init__(self, who: "Who | None" = None) -> None:
        who = who or Who.here()
        self.user, self.group, self._groups = who.user, who.group, who.groups
        self.owners = self.user == 0
        self.lost = False
        """Whether an attribute could not be kept since this was last set to False."""

    def carry(self, source: int, destination: int, info: os.stat_result, *, fresh: bool) -> None:
        """Give the destination all attributes of the source, its times last.

        `fresh` says that it was just made by us with the plain mode bits and has nothing else.
        """
        mode = self.mode_for(info)
        there = info if fresh else os.fstat(destination)
        owner = self._set_owner(destination, info, there, fresh=fresh)
        if owner == "lost":
            mode &= PLAIN_BITS
        if owner != "same" or not fresh or mode & ~PLAIN_BITS:
            self._set_mode(destination, mode)
        self._set_extended(source, destination, fresh=fresh)
        os.utime(destination, ns=(info.st_atime_ns, info.st_mtime_ns))

    def _set_owner(
        self, destination: int, info: os.stat_result, there: os.stat_result, *, fresh: bool
    ) -> Literal["same", "set", "lost"]:
        owner = (self.user, self.group) if fresh else (there.st_uid, there.st_gid)
        wanted = (info.st_uid if self.owners else owner[0], info.st_gid)
        if owner == wanted or not (self.owners or info.st_gid in self._groups):
            return "same"
        try:
            os.chown(destination, *wanted)
        except OSError as error:
            if error.errno not in NOT_KEPT_HERE:
                raise
            self.lost = True
            return "lost"
        return "set"

    def mode_for(self, info: os.stat_result) -> int:
        """Return the mode for the copy: what runs as its owner must not run as somebody else."""
        mode = stat.S_IMODE(info.st_mode)
        if self.owners or stat.S_ISDIR(info.st_mode):
            return mode
        foreign = (stat.S_ISUID if info.st_uid != self.user else 0) | (
            stat.S_ISGID if info.st_gid not in self._groups else 0
        )
        return mode & ~foreign

    def _set_mode(self, destination: int, mode: int) -> None:
        try:
            os.fchmod(destination, mode)
        except OSError as error:
            if error.errno not in NOT_KEPT_HERE:
                raise
            self.lost = True

    def _set_extended(self, source: int, destination: int, *, fresh: bool) -> None:
        wanted = names_at(source)
        if not fresh:
            for name in set(names_at(destination)) - set(wanted):
                self._remove(destination, name)
        for name in wanted:
            self._set(source, destination, name)

    def _set(self, source: int, destination: int, name: str) -> None:
        try:
            os.setxattr(destination, name, os.getxattr(source, name))
        except OSError as error:
            if error.errno not in NOT_KEPT_HERE:
                raise
            self.lost = self.lost or name.startswith(("user.", ACCESS_RULES))

    def _remove(self, destination: int, name: str) -> None:
        try:
            os.removexattr(destination, name)
        except OSError as error:
            if error.errno not in NOT_KEPT_HERE | {errno.ENODATA}:
                raise


def names_at(handle: int) -> list[str]:
    """Return the names of the extended attributes, none where the file system has none."""
    try:
        return os.listxattr(handle)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise
