"""The way into a Holdfast that is running: its own HTTP interface, on this machine.

A server leaves the address and a key in `locks/door.json`, readable by its own user alone.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Self, TypeVar

import httpx
import msgspec

from core.drafts import JobDraft
from core.errors import HoldfastError
from core.listing import MOST, JobPage, JobQuery
from core.log_files import LogPage
from core.models import NOTHING, Job, JobOverview, Run, Value, frozen
from core.states import RunState
from fastapi_app.cli.house import House

LOOK_EVERY: Final = 0.25
"""Seconds between two looks at a run that is followed."""

PATIENCE: Final = 30.0

T = TypeVar("T", bound=Value)


class RemoteError(HoldfastError):
    """The running Holdfast refused; it says why in its own words."""

    code: ClassVar[str] = "refused-by-server"

    def __init__(self, problem: Mapping[str, Any], status: int) -> None:
        detail = problem.get("detail") or f"The running Holdfast answered {status}."
        super().__init__(str(detail), hint=str(problem.get("hint") or ""))
        self.problem_code = problem.get("code")


class ServerGone(HoldfastError):
    """The running Holdfast does not answer any more."""

    code = "server-gone"
    hint = "The run goes on when it starts again. Look there, or run the command again."


class DoorFile(msgspec.Struct, frozen=True):
    """What a server leaves for commands on its machine."""

    address: str
    token: str
    pid: int


class Door:
    """An open way to the running Holdfast."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - the JSON answer
        """Return the answer; raises RemoteError with the server's own words, or ServerGone."""
        try:
            answer = self._client.request(method, f"/api/v1{path}", **request)
        except httpx.HTTPError as error:
            raise ServerGone(f"The running Holdfast does not answer: {error}.") from error
        if answer.is_error:
            raise RemoteError(_problem(answer), answer.status_code)
        return answer.json() if answer.content else None


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def open_door(data: Path) -> Door | None:
    """Return the way into the server that runs on this folder; None when there is none."""
    try:
        door = msgspec.json.decode((data / "locks" / "door.json").read_bytes(), type=DoorFile)
    except (OSError, msgspec.MsgspecError):
        return None
    client = httpx.Client(
        base_url=door.address,
        headers={"Authorization": f"Bearer {door.token}"},
        timeout=PATIENCE,
        trust_env=False,
    )
    try:
        client.get("/livez").raise_for_status()
    except httpx.HTTPError:  # left behind by a server that was killed
        client.close()
        return None
    return Door(client)


class RemoteHouse(House):
    """The Holdfast that is running, asked over HTTP."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def list_jobs(self, query: JobQuery) -> JobPage:
        """Return a page of jobs; without a limit, all of them, page by page."""
        items: list[JobOverview] = []
        cursor = query.cursor
        while True:
            page = self._door.ask("GET", "/jobs", params=_params(query, cursor))
            items += map(_overview, page["items"])
            cursor = page["next"]
            if cursor is None or query.limit is not None:
                return JobPage(items=tuple(items), next=cursor, total=page["total"], counts=NOTHING)

    def job(self, job_id: str) -> JobOverview:
        """Return the job with its latest run."""
        return _overview(self._door.ask("GET", f"/jobs/{job_id}"))

    def create(self, draft: JobDraft) -> Job:
        """Keep a new job."""
        body = msgspec.to_builtins(draft, enc_hook=dict)
        return _job(self._door.ask("POST", "/jobs", json=body))

    def start(self, job_id: str) -> Run:
        """Ask for a run of the job, or go on with one that is paused."""
        latest = self.job(job_id).latest_run
        if latest is not None and latest.state == RunState.PAUSED:
            return self.act(latest.id, "resume")
        return _run(self._door.ask("POST", f"/jobs/{job_id}/runs"))

    def delete(self, job_id: str) -> None:
        """Delete the job and its runs."""
        self._door.ask("DELETE", f"/jobs/{job_id}")

    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return the job's runs, the newest first."""
        return tuple(_run(item) for item in self._door.ask("GET", f"/jobs/{job_id}/runs")["items"])

    def run(self, run_id: str) -> Run:
        """Return the run."""
        return _run(self._door.ask("GET", f"/runs/{run_id}"))

    def act(self, run_id: str, verb: str) -> Run:
        """Cancel, pause, resume or requeue a run."""
        return _run(self._door.ask("POST", f"/runs/{run_id}/{verb}"))

    def follow(self, run_id: str) -> Iterator[Run]:
        """Yield the run each time it changed, at least once, until it is over or paused."""
        last = None
        while True:
            run = self.run(run_id)
            if run != last:
                yield run
            if run.over or run.state == RunState.PAUSED:
                return
            last = run
            time.sleep(LOOK_EVERY)

    def log(self, run_id: str, after: int) -> LogPage:
        """Return the run's log lines after that number."""
        return _as(LogPage, self._door.ask("GET", f"/runs/{run_id}/log", params={"after": after}))


def _params(query: JobQuery, cursor: str | None) -> dict[str, Any]:
    return {
        "q": query.text,
        "state": list(query.states),
        "kind": list(query.kinds),
        "tag": list(query.tags),
        "sort": query.sort,
        "limit": query.limit or MOST,
        **({"cursor": cursor} if cursor else {}),
    }


def _as(kind: type[T], answer: Mapping[str, Any]) -> T:
    """Return the part of the answer that we know; a newer server may say more."""
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    said = {name: value for name, value in answer.items() if name in known and value is not None}
    return msgspec.convert(said, kind, strict=False)


def _job(answer: Mapping[str, Any]) -> Job:
    job = _as(Job, answer)
    return msgspec.structs.replace(job, options=frozen(job.options))


def _run(answer: Mapping[str, Any]) -> Run:
    run = _as(Run, answer)
    return msgspec.structs.replace(run, result=frozen(run.result), checkpoint=frozen(run.checkpoint))


def _overview(answer: Mapping[str, Any]) -> JobOverview:
    latest = answer.get("latest_run")
    return JobOverview(job=_job(answer), latest_run=_run(latest) if latest else None)
