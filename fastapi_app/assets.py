"""Files that browsers keep: for good where the address names the very content, else to be asked about."""

import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import anyio
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from fastapi_app.codings import coded, coding_for, headers_of

FOREVER: Final = "public, max-age=31536000, immutable"
ASK_FIRST: Final = "no-cache"
TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Texts, which are sent smaller."""


class Assets(StaticFiles):
    """Gives files out. One that was changed below a running server is nobody's for good.

    `joined` are texts by their names that are no files; they go out as they are here.
    """

    def __init__(self, directory: Path, joined: Mapping[str, bytes] | None = None) -> None:
        super().__init__(directory=directory, follow_symlink=False)
        self._joined = joined or {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, as small as whoever asks can read it."""
        if (content := self._joined.get(path)) is not None:
            return await _text(content, path, scope)
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse) and Path(path).suffix in TYPES:
            content = await anyio.Path(response.path).read_bytes()
            return await _text(content, path, scope)
        return response

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the file, and how long it may be kept."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        present = _digest(Path(full_path), stat_result.st_mtime_ns, stat_result.st_size, stat_result.st_ino)
        response.headers["cache-control"] = _kept(scope, present)
        return response


def digest_of(content: bytes) -> str:
    """Return a word that is another one for another content."""
    return hashlib.sha256(content).hexdigest()[:12]


def _kept(scope: Scope, present: str) -> str:
    wanted = parse_qs(scope["query_string"].decode("latin-1")).get("v", [])
    return FOREVER if wanted == [present] else ASK_FIRST


@lru_cache(maxsize=256)
def _digest(path: Path, mtime_ns: int, size: int, inode: int) -> str:  # noqa: ARG001 - what it is kept under
    return digest_of(path.read_bytes())


async def _text(content: bytes, path: str, scope: Scope) -> Response:
    asked = Headers(scope=scope)
    coding, present = coding_for(asked.get("accept-encoding", "")), digest_of(content)
    tag = f'"{present}{coding and f"-{coding}"}"'
    headers = {"cache-control": _kept(scope, present), "etag": tag, **headers_of(coding)}
    if tag in asked.get("if-none-match", ""):
        return NotModifiedResponse(Headers(headers))
    sent = await anyio.to_thread.run_sync(_coded, content, coding) if coding else content
    return Response(sent, headers=headers, media_type=TYPES[Path(path).suffix])


@lru_cache(maxsize=256)
def _coded(content: bytes, coding: str) -> bytes:
    return coded(content, coding, for_good=True)
