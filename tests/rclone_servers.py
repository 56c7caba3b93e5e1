"""Servers that rclone is tried against, on loopback: its own, one that does as it is scripted, and a small S3."""

import contextlib
import hashlib
import os
import subprocess
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self
from xml.sax.saxutils import escape

from core.remotes.rclone import CONFIG, config_text
from tests.servers import SomeDestinations, a_free_port

USER, PASSWORD = "ana", "heron over Orkney 9"
WHEN = formatdate(1_700_000_000, usegmt=True)
READY = {"webdav": "WebDav Server started", "sftp": "SFTP server listening"}


class RcloneServer:
    """`rclone serve` of a folder, by WebDAV or SFTP, for one user."""

    def __init__(self, protocol: str, folder: Path, room: Path) -> None:
        self.folder, self.port = folder, a_free_port()
        self._protocol, self._room = protocol, room
        self.start()

    def start(self) -> None:
        """Let it answer at its port."""
        argv = ["rclone", "--config", "", "serve", self._protocol, "--addr", f"127.0.0.1:{self.port}"]
        argv += ["--user", USER, "--pass", PASSWORD, "--dir-cache-time", "0s", "-v", "--", str(self.folder)]
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self._room)}
        self._program = subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True)
        for line in self._program.stderr or ():
            if READY[self._protocol] in line:
                break
        self._drain = threading.Thread(target=self._read_on)
        self._drain.start()

    def _read_on(self) -> None:
        for _ in self._program.stderr or ():
            pass

    def host_key(self) -> str:
        """Return the line of known_hosts for a server of SFTP."""
        argv = ["ssh-keyscan", "-p", str(self.port), "127.0.0.1"]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def stop(self) -> None:
        """End it."""
        self._program.kill()
        self._program.wait(10)
        self._drain.join(10)
        if self._program.stderr is not None:
            self._program.stderr.close()


@contextlib.contextmanager
def served(protocol: str, folder: Path, room: Path) -> Iterator[RcloneServer]:
    """Have a folder served by rclone."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RcloneServer(protocol, folder, room)
    try:
        yield server
    finally:
        server.stop()


def add_remote(
    destinations: SomeDestinations, destination_id: str, settings: dict[str, Any], **secrets: str
) -> None:
    """Make a destination of rclone's, as the book of destinations would."""
    text = config_text(settings, secrets)
    destinations.add(destination_id, "rclone", settings, **{**secrets, CONFIG: text})


def webdav_settings(port: int, path: str = "backups", **other: Any) -> dict[str, Any]:
    """Return the settings of a destination that speaks WebDAV."""
    options = {"url": f"http://127.0.0.1:{port}", "vendor": "other", **other}
    return {"backend": "webdav", "options": options, "path": path}


Script = Callable[[str, str, int], int]
"""Answers method, path and how many files were put before with a status to give instead, 0 for none."""


class ScriptedDav:
    """A server of WebDAV below a folder that wants a bearer token and answers as its script says."""

    def __init__(self, folder: Path, token: str, script: Script) -> None:
        self.folder, self.token, self.script, self.puts = folder, token, script, 0
        handler = type("Handler", (_Dav,), {"dav": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Dav(BaseHTTPRequestHandler):
    dav: ClassVar[ScriptedDav]
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the library
        """Say nothing."""

    @property
    def _path(self) -> Path:
        return self.dav.folder / urllib.parse.unquote(self.path).strip("/")

    def _answer(self, status: int, body: bytes = b"", kind: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _take(self) -> bool:
        """Read what was sent; tells whether the request is to be served."""
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {self.dav.token}":
            self._answer(401)
            return False
        status = self.dav.script(self.command, self.path, self.dav.puts)
        if status:
            self._answer(status)
        return not status

    def do_PROPFIND(self) -> None:
        if not self._take():
            return
        path = self._path
        if not path.exists():
            self._answer(404)
            return
        inner = (
            [path, *sorted(path.iterdir())] if path.is_dir() and self.headers.get("Depth") == "1" else [path]
        )
        body = "".join(self._described(one) for one in inner)
        self._answer(
            207, f'<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">{body}</d:multistatus>'.encode()
        )

    def _described(self, path: Path) -> str:
        name = urllib.parse.quote("/" + str(path.relative_to(self.dav.folder)).strip("."))
        what = "<d:collection/>" if path.is_dir() else ""
        length = f"<d:getcontentlength>{path.stat().st_size}</d:getcontentlength>" if path.is_file() else ""
        return (
            f"<d:response><d:href>{name}{'/' if path.is_dir() else ''}</d:href><d:propstat><d:prop>"
            f"<d:resourcetype>{what}</d:resourcetype>{length}<d:getlastmodified>{WHEN}</d:getlastmodified>"
            "</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
        )

    def do_MKCOL(self) -> None:
        if self._take():
            self._path.mkdir(parents=True, exist_ok=True)
            self._answer(201)

    def do_PUT(self) -> None:
        if self._take():
            self.dav.puts += 1
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(self.body)
            self._answer(201)

    def do_GET(self) -> None:
        if self._take():
            self._answer(200, self._path.read_bytes()) if self._path.is_file() else self._answer(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        if self._take():
            self._path.unlink(missing_ok=True)
            self._answer(204)


class SmallS3:
    """A server that speaks as much of S3 as rclone needs to store files; it believes any signature of its key."""

    def __init__(self, folder: Path, key_id: str) -> None:
        self.folder, self.key_id = folder, key_id
        handler = type("Handler", (_S3,), {"store": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = int(self._server.server_address[1])
        self.metadata: dict[str, dict[str, str]] = {}
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def settings(self, path: str) -> dict[str, Any]:
        """Return the settings of a destination here."""
        options = {
            "provider": "Other",
            "access_key_id": self.key_id,
            "endpoint": f"http://127.0.0.1:{self.port}",
            "force_path_style": "true",
        }
        return {"backend": "s3", "options": options, "path": path}


class _S3(BaseHTTPRequestHandler):
    store: ClassVar[SmallS3]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the library
        """Say nothing."""

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _take(self) -> tuple[str, dict[str, str]] | None:
        """Read the request; returns bucket and key, and the query, where it may be served."""
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        if f"Credential={self.store.key_id}/" not in str(self.headers.get("Authorization")):
            self._wrong(403, "InvalidAccessKeyId")
            return None
        name = urllib.parse.unquote(path).strip("/")
        if not (self.store.folder / name.partition("/")[0]).is_dir():
            self._wrong(404, "NoSuchBucket")
            return None
        return name, dict(urllib.parse.parse_qsl(query, keep_blank_values=True))

    def _wrong(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def do_PUT(self) -> None:
        if taken := self._take():
            name, _ = taken
            path = self.store.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.body)
            kept = {
                key: value for key, value in self.headers.items() if key.lower().startswith("x-amz-meta-")
            }
            self.store.metadata[name] = kept
            self._answer(200, ETag=f'"{hashlib.md5(self.body).hexdigest()}"')

    def do_GET(self) -> None:
        if not (taken := self._take()):
            return
        name, query = taken
        if "/" not in name:
            self._list(name, query)
            return
        path = self.store.folder / name
        if not path.is_file():
            self._wrong(404, "NoSuchKey")
            return
        content = path.read_bytes()
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        self._answer(200, content, ETag=tag, Last_Modified=WHEN, **self.store.metadata.get(name, {}))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        if taken := self._take():
            (self.store.folder / taken[0]).unlink(missing_ok=True)
            self._answer(204)

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        root = self.store.folder / bucket
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        keys = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        found, folders = [], set()
        for key in (key for key in keys if key.startswith(prefix)):
            head, slash, _ = key.removeprefix(prefix).partition(delimiter) if delimiter else ("", "", "")
            if slash:
                folders.add(prefix + head + slash)
            else:
                found.append(key)
        quoted = urllib.parse.quote if query.get("encoding-type") == "url" else escape
        body = "".join(
            f"<Contents><Key>{quoted(key)}</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified>"
            f'<ETag>"{hashlib.md5((root / key).read_bytes()).hexdigest()}"</ETag>'
            f"<Size>{(root / key).stat().st_size}</Size></Contents>"
            for key in found
        )
        body += "".join(
            f"<CommonPrefixes><Prefix>{quoted(name)}</Prefix></CommonPrefixes>" for name in sorted(folders)
        )
        kind = "<EncodingType>url</EncodingType>" if query.get("encoding-type") == "url" else ""
        whole = f"<ListBucketResult><Name>{bucket}</Name>{kind}<IsTruncated>false</IsTruncated>{body}</ListBucketResult>"
        self._answer(200, whole.encode(), Content_Type="application/xml")


def flip_a_bit(path: Path) -> None:
    """Change one bit of a file and leave its size and times."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
