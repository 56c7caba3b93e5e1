"""The way into a Holdfast that is running: its own HTTP interface, on this machine.

A server leaves the address and a key in `locks/door.json`, readable by its own user alone.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import filelock
import httpx
import msgspec

from core.dead_letters import LetterQuery
from core.drafts import JobDraft, JobPatch
from core.errors import HoldfastError, InvalidYaml
from core.listing import MOST, JobPage, JobQuery
from core.log_files import LogPage
from core.models import NOTHING, Job, JobOverview, Priority, Run, Value, frozen
from core.states import RunState
from core.storage import yaml_text
from core.timetable import Scheduled
from core.work import Question
from fastapi_app.cli.house import HURRIED, House
from fastapi_app.cli.letter_rows import GroupRow, LetterRow, RequeuedRows

LOOK_EVERY: Final = 0.25
"""Seconds between two looks at a run that is followed."""

PATIENCE: Final = 30.0
ANSWER_WITHIN: Final = 5.0
"""Seconds that a server has to say that it is there."""

T = TypeVar("T", bound=Value)


class RemoteError(HoldfastError):
    """The running Holdfast refused; it says why in its own words."""

    code = "refused-by-server"

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
    """An open way to the running Holdfast, over its restarts too for whoever only looks."""

    def __init__(self, client: httpx.Client, data: Path, token: str) -> None:
        self._client = client
        self._data = data
        self._show(token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - the JSON answer
        """Return the answer; raises RemoteError with the server's own words, or ServerGone."""
        looks_only = method == "GET"
        try:
            answer = self._answer(method, path, once_more=looks_only, **request)
            if answer.is_error and looks_only and self._has_begun_anew():
                answer = self._answer(method, path, **request)
        except httpx.HTTPError as error:
            raise ServerGone(f"The running Holdfast does not answer: {error}.") from error
        if answer.is_error:
            raise RemoteError(_problem(answer), answer.status_code)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise ServerGone("What answers there is no Holdfast.") from error

    def _answer(self, method: str, path: str, *, once_more: bool = False, **request: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Return the answer; a server that restarts hangs up, and answers whoever asks again."""
        try:
            return self._client.request(method, f"/api/v1{path}", **request)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            if not once_more:
                raise
            return self._client.request(method, f"/api/v1{path}", **request)

    def _has_begun_anew(self) -> bool:
        """Tell whether the server has left another key since, and show that one from now on."""
        left = door_left_in(self._data)
        if left is None or left.token == self._token:
            return False
        self._client.base_url = httpx.URL(left.address)
        self._show(left.token)
        return True

    def _show(self, token: str) -> None:
        self._token = token
        self._client.headers["Authorization"] = f"Bearer {token}"


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def open_door(data: Path) -> Door | None:
    """Return the way into the server that runs on this folder; None when there is none."""
    door = door_left_in(data)
    if door is None or not _is_held(data):
        return None
    try:
        client = httpx.Client(base_url=door.address, timeout=PATIENCE, trust_env=False)
    except (httpx.InvalidURL, UnicodeError):
        return None
    try:
        client.get("/livez", timeout=ANSWER_WITHIN).raise_for_status()
    except httpx.ConnectError:  # a command holds the folder, and this was left by a server before it
        client.close()
        return None
    except httpx.HTTPError as error:
        client.close()
        raise ServerGone(f"Holdfast runs as process {door.pid}, but does not answer.") from error
    return Door(client, data, door.token)


def door_left_in(data: Path) -> DoorFile | None:
    """Return what the server that holds the folder left; None for a file of one before it."""
    try:
        door = msgspec.json.decode((data / "locks" / "door.json").read_bytes(), type=DoorFile)
        holder = yaml_text.read((data / "locks" / "server.yaml").read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeError, InvalidYaml):
        return None
    same = isinstance(holder, dict) and holder.get("pid") == door.pid
    return door if same and door.token.isascii() else None


def _is_held(data: Path) -> bool:
    """Tell whether any process holds the folder; the kernel knows, whatever files say."""
    lock = filelock.FileLock(data / "locks" / "server.lock", blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


class RemoteHouse(House):
    """The Holdfast that is running, asked over HTTP."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def ask(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - the JSON answer
        """Return an answer to what is not asked of every house."""
        return self._door.ask(method, path, **request)

    def list_jobs(self, query: JobQuery) -> JobPage:
        """Return the jobs that match, asked for page by page."""
        items = tuple(_overview(item) for item in self._pages("/jobs", _params(query)))[: query.limit]
        return JobPage(items=items, next=None, total=len(items), counts=NOTHING)

    def _pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            page = self._door.ask("GET", path, params={**params, **cursor})
            yield from page["items"]
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    def job(self, job_id: str) -> JobOverview:
        """Return the job with its latest run."""
        return _overview(self._door.ask("GET", f"/jobs/{quote(job_id, safe='')}"))

    def create(self, draft: JobDraft, *, key: str = "") -> Job:
        """Keep a new job; the same key again answers with the job that it made."""
        body = msgspec.to_builtins(draft, enc_hook=dict)
        return _job(self._door.ask("POST", "/jobs", json=body, headers=_named(key)))

    def edit(self, job_id: str, patch: JobPatch, *, version: int) -> Job:
        """Change a job that is at this version."""
        body = {**msgspec.to_builtins(patch, enc_hook=dict), "version": version}
        return _job(self._door.ask("PATCH", f"/jobs/{quote(job_id, safe='')}", json=body))

    def start(self, job_id: str, *, key: str = "") -> Run:
        """Ask for a run of the job, or go on with the one that is not over."""
        latest = self.job(job_id).latest_run
        if not key and latest is not None and not latest.over and latest.state not in HURRIED:
            return self.act(latest.id, "resume") if latest.state == RunState.PAUSED else latest
        return _run(self._door.ask("POST", f"/jobs/{quote(job_id, safe='')}/runs", headers=_named(key)))

    def delete(self, job_id: str) -> None:
        """Delete the job and its runs."""
        self._door.ask("DELETE", f"/jobs/{quote(job_id, safe='')}")

    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return the job's runs, the newest first."""
        return tuple(
            _run(item) for item in self._pages(f"/jobs/{quote(job_id, safe='')}/runs", {"limit": MOST})
        )

    def run(self, run_id: str) -> Run:
        """Return the run."""
        return _run(self._door.ask("GET", f"/runs/{quote(run_id, safe='')}"))

    def act(self, run_id: str, verb: str) -> Run:
        """Cancel, pause, resume or requeue a run."""
        return _run(self._door.ask("POST", f"/runs/{quote(run_id, safe='')}/{verb}"))

    def question(self, run_id: str) -> Question | None:
        """Return what a run asks a person; None where it asks nothing."""
        asked = self._door.ask("GET", f"/runs/{quote(run_id, safe='')}").get("question")
        return _as(Question, asked) if asked else None

    def answer(self, run_id: str, question: str, answer: str, typed: str) -> Run:
        """Answer what a run asks, and let it go on."""
        body = {"question": question, "answer": answer, "typed": typed}
        return _run(self._door.ask("POST", f"/runs/{quote(run_id, safe='')}/answer", json=body))

    def prioritise(self, run_id: str, priority: Priority) -> Run:
        """Give a run that waits another priority."""
        return _run(self._door.ask("PATCH", f"/runs/{quote(run_id, safe='')}", json={"priority": priority}))

    def waiting(self, run: Run) -> Mapping[str, Any] | None:
        """Return why a run is not running, as the API says it; None for one that is at work or over."""
        why: Mapping[str, Any] | None = self._door.ask("GET", f"/runs/{quote(run.id, safe='')}").get(
            "waiting"
        )
        return why

    def queue(self) -> Mapping[str, Any]:
        """Return how the queue is, as the API says it."""
        shown: Mapping[str, Any] = self._door.ask("GET", "/queue")
        return shown

    def workers(self) -> Mapping[str, Any]:
        """Return who carries runs out, as the API says it."""
        shown: Mapping[str, Any] = self._door.ask("GET", "/workers")
        return shown

    def tell_queue(self, verb: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Pause, resume or limit (`limits`) what the body names; return how the queue is then."""
        shown: Mapping[str, Any] = self._door.ask("POST", f"/queue/{verb}", json=body)
        return shown

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

    def log(self, run_id: str, after: int, level: str | None = None) -> LogPage:
        """Return the run's log lines after that number, of a level or worse."""
        params = {"after": after} | ({"level": level} if level else {})
        return _as(LogPage, self._door.ask("GET", f"/runs/{quote(run_id, safe='')}/log", params=params))

    def schedules(self) -> tuple[Scheduled, ...]:
        """Return when each job that has a schedule is due next, the first of them first."""
        answer = self._door.ask("GET", "/schedules", params={"limit": MOST})
        return tuple(_as(Scheduled, item) for item in answer["items"])

    def dead_letters(self, query: LetterQuery) -> tuple[LetterRow, ...]:
        """Return the failed runs that wait for somebody and match, the newest first."""
        found: list[LetterRow] = []
        while True:
            params = {**_filter(query), "limit": MOST, "offset": len(found)}
            page = self._door.ask("GET", "/dead-letters", params=params)
            found += [_as(LetterRow, item) for item in page["items"]]
            if not page["items"] or len(found) >= page["total"]:
                return tuple(found)

    def failure_groups(self) -> tuple[GroupRow, ...]:
        """Return them with those of the same error together, the largest group first."""
        answer = self._door.ask("GET", "/dead-letters/groups", params={"limit": MOST})
        return tuple(_as(GroupRow, item) for item in answer["items"])

    def requeue_letters(self, run_ids: tuple[str, ...]) -> RequeuedRows:
        """Ask for a new run of each job that is meant."""
        answer = self._door.ask("POST", "/dead-letters/requeue", json={"run_ids": run_ids})
        return _as(RequeuedRows, {**answer, "made": [run["id"] for run in answer["made"]]})

    def discard_letters(self, run_ids: tuple[str, ...], reason: str) -> tuple[str, ...]:
        """Give failed runs up; return the ids of those that were among the dead letters."""
        body = {"run_ids": run_ids, "reason": reason}
        return tuple(self._door.ask("POST", "/dead-letters/discard", json=body)["gone"])

    def note_failure(self, group: str, text: str) -> None:
        """Note something about an error; an empty text takes the note away."""
        self._door.ask("POST", f"/dead-letters/groups/{quote(group, safe='')}/note", json={"text": text})


def _filter(query: LetterQuery) -> dict[str, Any]:
    asked = {"q": query.text, "job": query.job_id, "kind": query.kind, "tag": query.tag, "group": query.group}
    succeeded = {} if query.succeeded is None else {"succeeded": query.succeeded}
    return asked | succeeded


def _params(query: JobQuery) -> dict[str, Any]:
    return {
        "q": query.text,
        "state": list(query.states),
        "kind": list(query.kinds),
        "tag": list(query.tags),
        "sort": query.sort,
        "limit": min(query.limit or MOST, MOST),
    }


def _as(kind: type[T], answer: Mapping[str, Any]) -> T:
    """Return the part of the answer that we know; a newer server may say more."""
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    said = {name: value for name, value in answer.items() if name in known and value is not None}
    return msgspec.convert(said, kind, strict=False)


def _named(key: str) -> dict[str, str]:
    """Return the header that makes asking twice make one; none without a key."""
    return {"Idempotency-Key": key} if key else {}


def _job(answer: Mapping[str, Any]) -> Job:
    job = _as(Job, answer)
    return msgspec.structs.replace(job, options=frozen(job.options))


def _run(answer: Mapping[str, Any]) -> Run:
    run = _as(Run, answer)
    return msgspec.structs.replace(run, result=frozen(run.result), options=frozen(run.options))


def _overview(answer: Mapping[str, Any]) -> JobOverview:
    latest = answer.get("latest_run")
    return JobOverview(job=_job(answer), latest_run=_run(latest) if latest else None)
