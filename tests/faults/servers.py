"""A real server with the kinds of `serving`, that is started, asked, hurt and started again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx

from core.processes.descent import bearers, everybody

ROOT: Final = Path(__file__).parents[2]
STARTS_WITHIN: Final = 60.0
LOOK_EVERY: Final = 0.05


class RealServer:
    """A server on a data folder; `with` sees that nothing of it is left."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self._environment = {"HOLDFAST_SLOTS": "20", "HOLDFAST_OWN_BACKUP": "off", **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        for mark in self.marks():
            for process in bearers(mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        for pid in self.supervisors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        until(lambda: not self.supervisors(), 20.0)

    @property
    def pid(self) -> int:
        """Return the number of the server's process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        """Start it and wait until it answers."""
        argv = [
            sys.executable,
            "-m",
            "tests.faults.serving",
            "serve",
            "--port",
            "0",
            "--data",
            str(self.data),
        ]
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                argv, cwd=ROOT, env={**environment, **self._environment}, stdout=log, stderr=log
            )
        return self.meet()

    def meet(self, known: str = "") -> Self:
        """Wait until it answers with another key than the one known."""
        self._close()
        ends_at = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < ends_at and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(FileNotFoundError, httpx.HTTPError, ValueError):
                door = self._door
                if door["pid"] == self.pid and door["token"] != known:
                    httpx.get(f"{door['address']}/livez", trust_env=False).raise_for_status()
                    key = {"Authorization": f"Bearer {door['token']}"}
                    self._client = httpx.Client(
                        base_url=f"{door['address']}/api/v1", headers=key, timeout=30, trust_env=False
                    )
                    return self
            time.sleep(LOOK_EVERY)
        words = f"The server did not come up: {self._last_words()}"
        raise TimeoutError(words)

    @property
    def token(self) -> str:
        """Return the key that lies at the door now."""
        return str(self._door["token"])

    @property
    def address(self) -> str:
        """Return where it answers."""
        return str(self._door["address"])

    @property
    def _door(self) -> dict[str, Any]:
        door: dict[str, Any] = json.loads((self.data / "locks" / "door.json").read_bytes())
        return door

    def log_of_server(self) -> str:
        """Return what the server itself has said so far."""
        return (self.data.parent / f"{self.data.name}.log").read_text()

    def _last_words(self) -> str:
        return self.log_of_server()[-300:]

    def signal(self, number: int) -> None:
        """Send the server a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it where it stands."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self.wait()

    def wait(self, seconds: float = 60.0) -> int | None:
        """Wait until it has ended; returns with what."""
        self._close()
        if self._process is None:
            return None
        code = self._process.wait(seconds)
        self._process = None
        return code

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """Return what it answers."""
        assert self._client is not None
        answer = self._client.request(method, path, **request)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def begin(self, kind: str, argv: list[str], **fields: Any) -> str:
        """Make a job and start it; returns the id of its run."""
        options = {"argv": argv, **fields.pop("options", {})}
        job = self.ask(
            "POST", "/jobs", json={"name": argv[-1][:40], "kind": kind, "options": options, **fields}
        )
        return str(self.ask("POST", f"/jobs/{job['id']}/runs")["id"])

    def run(self, run_id: str) -> Mapping[str, Any]:
        """Return a run."""
        found: Mapping[str, Any] = self.ask("GET", f"/runs/{run_id}")
        return found

    def log(self, run_id: str) -> list[str]:
        """Return the text of every line of a run's log."""
        page = self.ask("GET", f"/runs/{run_id}/log", params={"limit": 5_000})
        return [line["text"] for line in page["lines"]]

    def programs(self, run_id: str) -> list[Path]:
        """Return the folders of a run's programs that are not cleared away."""
        return sorted((self.data / "work" / run_id[:2] / run_id).glob("attempt-*/*"))

    def marks(self) -> list[bytes]:
        """Return the marks of everything that may have been started here."""
        attempts = (self.data / "work").glob("??/*/attempt-*")
        found = [(path.parent.name, path.name.removeprefix("attempt-")) for path in attempts]
        return [f"HOLDFAST_RUN={run_id}:{number}".encode() for run_id, number in found]

    def supervisors(self) -> list[int]:
        """Return the numbers of the supervisors at work for this data folder."""
        return [one.pid for one in everybody() if one.state != "Z" and str(self.data) in _words_of(one.pid)]


def _words_of(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    ours = any(word.endswith(b"processes/supervisor.py") for word in words)
    return " ".join(word.decode(errors="replace") for word in words) if ours else ""


def marked_with(text: str) -> list[int]:
    """Return every living process whose environment holds a mark with this text in it."""
    found = []
    for one in everybody():
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{one.pid}/environ").read_bytes().split(b"\0")
            marks = [entry for entry in environment if entry.startswith(b"HOLDFAST_RUN=")]
            if one.state != "Z" and any(text.encode() in mark for mark in marks):
                found.append(one.pid)
    return found


def until(holds: Callable[[], object], seconds: float) -> bool:
    """Wait until something holds; tell whether it did in time."""
    ends_at = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= ends_at:
            return False
        time.sleep(LOOK_EVERY)
    return True
