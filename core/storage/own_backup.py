"""A backup of the store itself, into one file."""

from core.storage.old_segments import archive_segments

__all__ = ["archive_segments"]
