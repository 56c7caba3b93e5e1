"""Servers that tests start for themselves, on loopback, each with a configuration of its own."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from core.destinations.known import Destination

WHEN = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)


def a_free_port() -> int:
    """Return a port of loopback that nobody has at present."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Sshd:
    """A server of ssh with its own keys, that lets in whoever has `key`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = a_free_port()
        self.user = getpass.getuser()
        self.key, self.host_key_file = folder / "key", folder / "host_key"
        for path in (self.key, self.host_key_file):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=30
            )
        (folder / "authorized").write_bytes((folder / "key.pub").read_bytes())
        (folder / "config").write_text(self._config())
        self._program: subprocess.Popen[str] | None = None

    @property
    def host_key(self) -> str:
        """Return the line of known_hosts that is true."""
        kind, key, *_ = (self.folder / "host_key.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {kind} {key}"

    def settings(self, path: Path | str, **other: object) -> dict[str, object]:
        """Return the settings of a destination here."""
        mine = {"host": "127.0.0.1", "port": self.port, "user": self.user, "host_key": self.host_key}
        return {**mine, "path": str(path), **other}

    def start(self) -> None:
        """Let it answer."""
        with contextlib.suppress(OSError):
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it insists on that folder where it is root
        argv = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.folder / "config")]
        self._program = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        heard = []
        for line in self._program.stderr or ():
            heard.append(line)
            if "Server listening" in line:
                self._drain = threading.Thread(target=_drain, args=(self._program,))
                self._drain.start()
                return
        message = f"sshd did not start: {''.join(heard)}"
        raise RuntimeError(message)

    def cut_all(self) -> None:
        """Kill every session, as a network that goes away does."""
        if self._program is not None:
            for child in psutil.Process(self._program.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()

    def stop(self) -> None:
        """End it, and every session."""
        if self._program is not None:
            self.cut_all()
            self._program.kill()
            self._program.wait(10)
            self._drain.join(10)
        self._program = None

    def _config(self) -> str:
        return "\n".join(
            (
                f"Port {self.port}",
                "ListenAddress 127.0.0.1",
                f"HostKey {self.host_key_file}",
                f"AuthorizedKeysFile {self.folder / 'authorized'}",
                f"PidFile {self.folder / 'pid'}",
                "StrictModes no",
                "UsePAM no" if os.geteuid() else "UsePAM no\nPermitRootLogin prohibit-password",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "MaxStartups 100:30:200",
                "Subsystem sftp internal-sftp",
                "",
            )
        )


def _drain(program: subprocess.Popen[str]) -> None:
    """Read what it says: nobody could log in any more once the pipe is full."""
    if program.stderr is not None:
        with program.stderr:
            for _ in program.stderr:
                pass


@contextlib.contextmanager
def sshd_at(folder: Path) -> Iterator[Sshd]:
    """Have a server of ssh that keeps its files in a folder."""
    server = Sshd(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One server of ssh for all tests of a worker, which leave it as it is."""
    with sshd_at(tmp_path_factory.mktemp("sshd")) as server:
        yield server


class SomeDestinations:
    """Destinations as an admin would have made them, with their secrets in files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Destination] = {}

    def add(self, destination_id: str, kind: str, settings: dict[str, object], **secrets: str) -> Destination:
        """Make one."""
        folder = self._folder / "secrets" / destination_id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in secrets.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        self._made[destination_id] = Destination(
            id=destination_id,
            name=destination_id,
            type=kind,  # type: ignore[arg-type] # a word of the test
            settings=settings,
            secrets=tuple(secrets),
            created_at=WHEN,
            updated_at=WHEN,
        )
        return self._made[destination_id]

    def find(self, destination_id: str) -> Destination | None:
        return self._made.get(destination_id)

    def secret(self, destination_id: str, name: str) -> Path:
        path = self._folder / "secrets" / destination_id / name
        if not path.is_file():
            raise FileNotFoundError(destination_id, name)
        return path


# Repositories of restic

REPOSITORY_PASSWORD = "pw"
EMPTY_REPOSITORY = Path(__file__).with_name("empty_repository")
"""A repository as `restic init` makes it, whose key takes a moment and not half a second to open."""


def a_repository(folder: Path) -> Path:
    """Return a repository with nothing in it yet, which opens with `REPOSITORY_PASSWORD`."""
    shutil.copytree(EMPTY_REPOSITORY, folder)
    for name in ("data", "index", "locks", "snapshots"):
        (folder / name).mkdir(exist_ok=True)
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


class RepositoryServer:
    """A REST server of repositories below a folder, for one user with a password."""

    user = "keeper"
    password = "p w@/word"  # whatever stands in an address must be written otherwise there

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = a_free_port()
        self._program: subprocess.Popen[bytes] | None = None

    @property
    def repository(self) -> str:
        """Return where its one repository is."""
        return f"rest:http://127.0.0.1:{self.port}/mine/"

    def start(self) -> None:
        """Let it answer."""
        argv = ["rclone", "serve", "restic", "--config", "/dev/null", "--addr", f"127.0.0.1:{self.port}"]
        secret = {"RCLONE_USER": self.user, "RCLONE_PASS": self.password}
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **secret}
        self._program = subprocess.Popen(
            [*argv, str(self.folder)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(1_000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.1):
                return
            if self._program.poll() is not None:
                break
            threading.Event().wait(0.02)
        message = "the server of repositories did not start"
        raise RuntimeError(message)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it is doing."""
        if self._program is not None:
            self._program.kill()
            self._program.wait(10)
        self._program = None


@contextlib.contextmanager
def repositories_at(folder: Path) -> Iterator[RepositoryServer]:
    """Have a server of repositories, with an empty one at it."""
    a_repository(folder / "mine")
    server = RepositoryServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
