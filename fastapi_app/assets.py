"""Files that browsers keep: for good where the address names the very content, else to be asked about."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOREVER: Final = "public, max-age=31536000, immutable"
ASK_FIRST: Final = "no-cache"


class Assets(StaticFiles):
    """Gives files out. One that was changed below a running server is nobody's for good."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the file, and how long it may be kept."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        wanted = parse_qs(scope["query_string"].decode("latin-1")).get("v", [])
        present = _digest(Path(full_path), stat_result.st_mtime_ns, stat_result.st_size, stat_result.st_ino)
        response.headers["cache-control"] = FOREVER if wanted == [present] else ASK_FIRST
        return response


def digest_of(path: Path) -> str:
    """Return a word that is another one for another content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=256)
def _digest(path: Path, mtime_ns: int, size: int, inode: int) -> str:  # noqa: ARG001 - what it is kept under
    return digest_of(path)
