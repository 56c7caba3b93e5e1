"""Pages that move by themselves: real sockets on loopback."""

import asyncio
import json
import socket
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from core.errors import StorageFull
from core.work import Outcome
from fastapi_app.hub import Flush
from tests.fastapi_app.conftest import Browser

PATIENCE = 20
NOBODY = "3f0c8f9e-0000-4000-8000-000000000000"


def opened(served: Any, headers: dict[str, str], **rest: Any) -> AbstractContextManager[ClientConnection]:
    """Open a socket; enter it to have it."""
    address = served.origin.replace("http:", "ws:") + "/ws"
    return connect(
        address, additional_headers=headers, proxy=None, compression=None, open_timeout=PATIENCE, ping_interval=None,
        **rest,
    )  # fmt: skip


def status_of_opening(served: Any, headers: dict[str, str]) -> int:
    try:
        with opened(served, headers):
            return 101
    except InvalidStatus as refused:
        return 0 if refused.response.body else refused.response.status_code


def subscribe(line: ClientConnection, served: Any, *ids: str, **rest: Any) -> None:
    epoch, seq = served.house.position
    line.send(json.dumps({"t": "sub", "e": epoch, "s": seq, "j": list(ids)} | rest))


def heard(line: ClientConnection) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(line.recv(timeout=PATIENCE))
    return said


def code_of_closing(line: ClientConnection) -> int | None:
    """Read until the line closes; return the code that says why."""
    try:
        while True:
            line.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def is_subscribed(served: Any, *lines: ClientConnection) -> None:
    """Wait until what these lines said was taken in: their next message is answered with a reset."""
    for line in lines:
        line.send(json.dumps({"t": "sub", "e": "another", "s": 0}))
        while heard(line)["t"] != "reset":
            pass


@pytest.fixture
def ada(served):
    return served.signed_in()


def test_sockets_open_to_pages_of_this_origin_only(served, ada):
    port = served.origin.rpartition(":")[2]
    own = served.headers(ada)
    table = {
        served.origin: 101,
        f"http://127.0.0.1:{int(port) % 65_000 + 1}": 403,
        f"http://localhost:{port}": 403,
        f"https://127.0.0.1:{port}": 403,
        "http://evil.example": 403,
        f"http://127.0.0.1:{port}.evil.example": 403,
        "null": 403,
        "": 403,
    }

    found = {origin: status_of_opening(served, own | {"Origin": origin}) for origin in table}
    without = status_of_opening(served, {"Cookie": own["Cookie"]})
    from_elsewhere = status_of_opening(served, own | {"Sec-Fetch-Site": "cross-site"})

    assert found == table
    assert (without, from_elsewhere) == (403, 403)


def test_a_socket_without_a_session_is_refused(served, ada):
    stranger = {"Origin": served.origin}

    assert status_of_opening(served, stranger) == 403
    assert status_of_opening(served, stranger | {"Cookie": "holdfast_session=nonsense"}) == 403
    assert status_of_opening(served, stranger | {"Authorization": "Bearer holdfast_nonsense"}) == 403
    assert status_of_opening(served, served.bearer()) == 101


def test_no_credential_in_an_address_opens_a_socket(served, ada):
    token = served.bearer()["Authorization"].removeprefix("Bearer ")
    address = f"{served.origin.replace('http:', 'ws:')}/ws?token={token}&access_token={token}"

    with pytest.raises(InvalidStatus), connect(address, origin=served.origin, proxy=None):
        pass


def test_a_change_comes_to_the_page_that_shows_it(served, ada):
    job, run_of = served.a_job(), served.a_running_run
    with opened(served, served.headers(ada)) as line:
        subscribe(line, served, job.id, k=["counts"])
        run = run_of(job)
        served.report(run, 64)

        rows, counts, seqs = {}, {}, []
        while rows.get(job.id, {}).get("p") != 64 or not counts:
            said = heard(line)
            rows |= dict(said.get("j", []))
            counts |= said.get("c", {})
            seqs.append(said["s"])

    assert rows[job.id]["r"]
    assert counts["running"] == 1
    assert seqs == sorted(set(seqs))


def test_a_page_that_reconnects_has_lost_nothing(served, ada):
    job = served.a_job()
    position = served.house.position
    run = served.a_running_run(job)
    served.report(run, 10)
    with opened(served, served.headers(ada)) as line:
        line.send(json.dumps({"t": "sub", "e": position[0], "s": position[1], "j": [job.id]}))
        while dict((said := heard(line)).get("j", [])).get(job.id, {}).get("p") != 10:
            pass
    for percent in range(11, 90):
        served.report(run, percent)
    served.call(served.house.hub.publish(Flush(jobs={job.id: False})))

    with opened(served, served.headers(ada)) as line:
        line.send(json.dumps({"t": "sub", "e": position[0], "s": said["s"], "j": [job.id]}))
        again = heard(line)

    assert dict(again["j"])[job.id]["p"] == 89
    assert again["s"] > said["s"]


def test_logout_closes_the_open_sockets_of_the_session(served, ada):
    other = served.signed_in()
    with opened(served, served.headers(ada)) as line, opened(served, served.headers(other)) as others:
        served.client.post("/logout", headers=served.headers(ada) | {"X-CSRF-Token": ada.csrf})

        assert code_of_closing(line) == 4401
        is_subscribed(served, others)


def test_more_sockets_than_one_person_may_have_are_refused(served, ada):
    with ExitStack() as stack:
        lines = [stack.enter_context(opened(served, served.headers(ada))) for _ in range(20)]

        refused = status_of_opening(served, served.headers(ada))

        assert refused == 503
        is_subscribed(served, *lines)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("nonsense", 1008),
        ('{"t":"delete"}', 1008),
        ('{"t":"sub","j":[1,2]}', 1008),
        ('{"t":"sub","s":"1"}', 1008),
        ('{"t":"sub","s":1e400}', 1008),
        ("[" * 4_000, 1008),
        ("", 1008),
        (b'{"t":"pong"}', 1008),
        ('{"t":"pong"}' + " " * 5_000, 1009),
    ],
)
def test_a_page_that_talks_nonsense_is_disconnected(served, ada, said, code):
    with opened(served, served.headers(ada)) as line:
        line.send(said)

        assert code_of_closing(line) == code
    assert status_of_opening(served, served.headers(ada)) == 101


def test_a_page_that_talks_too_much_is_disconnected(served, ada):
    with opened(served, served.headers(ada)) as line:
        for _ in range(21):
            line.send('{"t":"pong"}')

        assert code_of_closing(line) == 1008


def stalled(served: Any, ada: Browser) -> AbstractContextManager[ClientConnection]:
    """Open a line whose machine takes in next to nothing until it is read."""
    host, _, port = served.origin.removeprefix("http://").rpartition(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.connect((host, int(port)))
    return opened(served, served.headers(ada), sock=sock, max_queue=1)


def test_a_page_that_does_not_read_delays_nobody(served, ada):
    jobs = [served.a_job("x" * 150 + str(number)) for number in range(60)]
    ids = [job.id for job in jobs]
    hub = served.house.hub
    with ExitStack() as stack:
        lines = [stack.enter_context(opened(served, served.headers(ada))) for _ in range(4)]
        dead = stack.enter_context(stalled(served, ada))
        for line in (*lines, dead):
            subscribe(line, served, *ids)
        served.call(settled(hub, 5))

        for _ in range(150):
            served.call(hub.publish(Flush(jobs=dict.fromkeys(ids, True))))
            for line in lines:
                while heard(line)["s"] < hub.seq:
                    pass

        slow = [viewer for viewer in hub._viewers if viewer.pending]
        assert len(slow) == 1
        assert len(slow[0].pending.rows) == 60
        assert slow[0].pending_seq == hub.seq
        dead.close_socket()


async def settled(hub: Any, count: int) -> None:
    """Wait until so many pages have said what they show."""
    while sum(viewer.looks for viewer in hub._viewers) < count:  # noqa: ASYNC110 - the hub tells nobody of it
        await asyncio.sleep(0)


def test_a_page_that_does_not_read_is_told_to_poll(served, ada):
    jobs = [served.a_job("x" * 150 + str(number)) for number in range(60)]
    ids, hub = [job.id for job in jobs], served.house.hub
    hub.patience = 0.2
    with stalled(served, ada) as dead:
        subscribe(dead, served, *ids)
        served.call(settled(hub, 1))

        while hub.connected:
            served.call(hub.publish(Flush(jobs=dict.fromkeys(ids, True))))

        assert code_of_closing(dead) == 4408


def test_polling_gets_the_same_frame_as_the_socket(world, browser):
    job, other = world.a_job(), world.a_job("other")
    run = world.a_running_run(job)
    epoch, seq = world.house.position
    wanted = {"e": epoch, "s": 0, "j": f"{job.id},{other.id}", "k": "counts", "log": f"{run.id}:0"}
    world.house.service.logs.write(run.id, "info", "hello")
    world.house.service.logs.close(run.id)

    first = browser.get("/live", params=wanted)
    while "h" not in first.json():  # the monitor is about to take note of the new run
        first = browser.get("/live", params=wanted)
    for _ in range(3):  # and perhaps of its job, which was made just before
        again = browser.get("/live", params=wanted, headers={"If-None-Match": first.headers["etag"]})
        if again.status_code == HTTPStatus.NOT_MODIFIED:
            break
        first = again
    strange = browser.get("/live", params=wanted | {"e": "another"})

    said = first.json()
    assert (said["t"], said["e"]) == ("p", epoch)
    assert job.id in dict(said["j"])
    assert said["h"]
    assert said["c"]["running"] == 1
    assert said["l"]["rows"][0].endswith("info hello")
    assert (again.status_code, again.content) == (304, b"")
    assert strange.json() == {"t": "reset", "e": epoch}
    assert said["s"] >= seq


def counted(line, name):
    """Read frames until one counts that; return it."""
    while name not in (counts := heard(line).get("c", {})):
        pass
    return counts[name]


def test_an_open_page_learns_that_changes_cannot_be_kept(served, ada):
    job = served.a_job()
    with opened(served, served.headers(ada)) as line:
        subscribe(line, served, k=["counts"])
        is_subscribed(served, line)
        subscribe(line, served, k=["counts"])
        served.house.disk.noted(StorageFull("The change could not be kept: there is no room left."))
        said = counted(line, "trouble")
        served.clock.pass_by(timedelta(seconds=5))
        served.house.disk.look_again()
        later = counted(line, "trouble")

    assert said == "Changes cannot be kept: the disk is full. Reading works."
    assert later == ""
    assert served.house.service.manager.job(job.id).job == job


@pytest.mark.parametrize(
    "params",
    [{"s": -1}, {"s": "x"}, {"s": 10**30}, {"j": "x" * 20_000}, {"k": "y" * 200}, {"log": "z" * 200}],
)
def test_odd_polls_are_refused(browser, params):
    assert browser.get("/live", params=params).status_code == 422


@pytest.mark.parametrize(
    "log", ["", "x", f"{NOBODY}", f"{NOBODY}:-1", f"{NOBODY}:{9**50}", "../../etc:0", ":::"]
)
def test_odd_logs_of_a_poll_are_empty(world, browser, log):
    epoch, seq = world.house.position

    answer = browser.get("/live", params={"e": epoch, "s": seq, "log": log})

    assert answer.status_code == 200
    assert "l" not in answer.json()


def test_strangers_do_not_poll(world):
    assert world.client.get("/live").status_code == 401


def test_thirty_running_jobs_come_in_batches(served, ada):
    jobs = [served.a_job(f"job {number}") for number in range(30)]
    runs = [served.a_running_run(job) for job in jobs]
    hub = served.house.hub
    with opened(served, served.headers(ada)) as line:
        subscribe(line, served, *(job.id for job in jobs), k=["counts"])
        served.call(settled(hub, 1))
        for percent in range(1, 100):
            for run in runs:
                served.report(run, percent)
        rows, messages = {}, 0
        while {fields.get("p") for fields in rows.values()} != {99} or len(rows) < 30:
            said = heard(line)
            messages += 1
            for job_id, fields in said.get("j", []):
                rows[job_id] = rows.get(job_id, {}) | fields

    assert messages < 99
    assert set(rows) == {job.id for job in jobs}


def test_a_short_run_reaches_every_viewer_start_and_end(served, ada):
    job, manager = served.a_job(), served.house.service.manager
    with ExitStack() as stack:
        lines = [stack.enter_context(opened(served, served.headers(ada))) for _ in range(5)]
        for line in lines:
            subscribe(line, served, job.id, k=["counts"])
        served.call(settled(served.house.hub, 5))

        run = served.a_running_run(job)
        began = [marks_of(line, job, "running") for line in lines]
        manager.complete(run.id, run.attempt, Outcome())
        ended = [marks_of(line, job, "ok", "unproved") for line in lines]

    assert all(began)
    assert all(ended)


def marks_of(line: ClientConnection, job: Any, *marks: str) -> str:
    """Read until the job's row has one of these marks; return it."""
    while True:
        row = dict(heard(line).get("h", [])).get(f"row-{job.id}", "")
        for mark in marks:
            if f'data-st="{mark}"' in row:
                return mark


def test_live_parts_come_over_the_socket(served, ada):
    with opened(served, served.headers(ada)) as line:
        subscribe(line, served, k=["counts", "board"])
        served.call(settled(served.house.hub, 1))

        served.a_running_run(served.a_job("seen at once"))

        pieces: dict[str, str] = {}
        while "seen at once" not in pieces.get("board-running", ""):
            pieces |= dict(heard(line).get("h", []))

    assert pieces["board-running"].lstrip().startswith("<section")


def test_lines_that_are_opened_and_cut_leave_nothing(served, ada):
    job, hub = served.a_job(), served.house.hub
    before = served.call(counted_tasks())
    for _ in range(5):
        with ExitStack() as stack:
            lines = [stack.enter_context(opened(served, served.headers(ada))) for _ in range(20)]
            for line in lines:
                subscribe(line, served, job.id, k=["counts", "board"], log={"run": NOBODY, "from": 0})
            served.call(settled(hub, 20))
            for line in lines:
                line.close_socket()
            served.call(gone(hub))

    assert served.call(counted_tasks()) == before
    assert served.house.parts.watched == frozenset()
    assert not hub._audience._followers


async def counted_tasks() -> int:
    """Return how many tasks there are, when those that are ending have."""
    for _ in range(50):
        await asyncio.sleep(0)
    return len(asyncio.all_tasks())


async def gone(hub: Any) -> None:
    """Wait until nobody is connected."""
    while hub.connected:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
