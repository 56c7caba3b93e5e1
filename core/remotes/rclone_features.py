"""What a remote can do, as rclone itself says: `rclone backend features`."""

import json
from typing import Final

from core.errors import EngineFailed
from core.models import Value

NO_TIMES: Final = 100 * 365 * 24 * 3600 * 1_000_000_000
"""The precision, in nanoseconds, that stands for: it keeps no times."""

CHECKED_HERE: Final = frozenset(
    {"md5", "sha1", "sha256", "crc32", "whirlpool", "quickxor", "dropbox", "hidrive", "mailru"}
)
"""Checksums that rclone makes of the files of this machine."""


class Features(Value, frozen=True, kw_only=True):
    """What a remote can do, as far as it matters here."""

    keeps_times: bool = True
    has_checksums: bool = True
    is_local: bool = False
    folds_case: bool = False


def features_in(answer: str) -> Features:
    """Return what rclone says of a remote; raises EngineFailed where that cannot be understood."""
    try:
        said = json.loads(answer)
        features = said["Features"]
        return Features(
            keeps_times=0 <= int(said["Precision"]) < NO_TIMES,
            has_checksums=bool(CHECKED_HERE & set(said["Hashes"] or ())),
            is_local=bool(features.get("IsLocal")),
            folds_case=bool(features.get("CaseInsensitive")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "rclone did not say what the destination can do."
        raise EngineFailed(message, hint="It must be 1.60 or newer: holdfast doctor says.") from None
