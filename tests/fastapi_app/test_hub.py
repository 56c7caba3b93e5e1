"""What a page is told, and what that costs: the hub, heard without sockets."""

import asyncio
import json
from collections.abc import Mapping

import msgspec
import pytest

from core.people import Role
from fastapi_app.auth import Person
from fastapi_app.frames import Batch, frame
from fastapi_app.hub import Flush, Hub
from fastapi_app.scribe import Scribe
from fastapi_app.viewers import MOST_SHOWN, LogTail, Shown, Viewer
from tests.builders import some_progress

ADA = Person(name="ada", role=Role.ADMIN, session="key")

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class CountingScribe(Scribe):
    """Counts how often it draws a job."""

    drawn = 0
    unseen: Mapping[str, int] = {}

    def unread(self, person):
        return self.unseen.get(person, 0)

    def job(self, job_id, *, whole):
        self.drawn += 1
        return super().job(job_id, whole=whole)


@pytest.fixture
def scribe(world):
    return CountingScribe(world.house.service, world.house.disk, world.house.rows)


@pytest.fixture
def hub(scribe):
    return Hub(scribe, lambda: 1763710927.5)


@pytest.fixture
def jobs(world):
    return [world.a_job(f"job {number}") for number in range(3)]


def joined(hub: Hub, *ids: str, topics: tuple[str, ...] = (), seen: int | None = None, log=None) -> Viewer:
    """Return a page that shows these jobs."""
    viewer = hub.admit(ADA, lambda: True)
    assert viewer is not None
    shown = Shown.of(list(ids), list(topics))
    hub.subscribe(viewer, hub.epoch, hub.seq if seen is None else seen, shown, log)
    return viewer


async def told(hub: Hub, viewer: Viewer):
    """Return the frame that waits for the page, None without one."""
    text = await hub.next_frame(viewer)
    return None if text is None else json.loads(text)


def changed(*jobs, whole=False, **rest) -> Flush:
    return Flush(jobs={job.id: whole for job in jobs}, **rest)


async def test_a_page_is_told_what_changes_among_what_it_shows(world, hub, jobs):
    shown, other, _ = jobs
    run = world.a_running_run(shown)
    viewer = joined(hub, shown.id)
    before = hub.seq
    world.report(run, 64)

    await hub.publish(changed(shown, other))

    said = await told(hub, viewer)
    assert {name: said[name] for name in ("t", "e", "s", "at")} == {
        "t": "p", "e": hub.epoch, "s": before + 1, "at": 1763710927,
    }  # fmt: skip
    assert [job_id for job_id, _ in said["j"]] == [shown.id]
    assert said["j"][0][1]["p"] == 64
    assert "h" not in said
    assert await told(hub, viewer) is None


async def test_a_page_that_comes_back_gets_the_present_state_of_what_changed(world, hub, jobs):
    first, second, third = jobs
    runs = [world.a_running_run(job) for job in jobs]
    await hub.publish(changed(third))
    seen = hub.seq
    for percent in range(1, 60):
        world.report(runs[0], percent)
        await hub.publish(changed(first, second))

    viewer = joined(hub, *(job.id for job in jobs), seen=seen)

    said = await told(hub, viewer)
    assert {job_id for job_id, _ in said["j"]} == {first.id, second.id}
    assert len(said["j"]) == 2
    assert dict(said["j"])[first.id]["p"] == 59
    assert said["s"] == hub.seq
    assert await told(hub, joined(hub, first.id)) is None


async def test_a_page_of_an_earlier_start_is_asked_to_fetch_anew(hub, jobs):
    viewer = hub.admit(ADA, lambda: True)

    hub.subscribe(viewer, "an-earlier", 1, Shown.of([jobs[0].id], []), None)
    await hub.publish(changed(jobs[0]))

    assert await told(hub, viewer) == {"t": "reset", "e": hub.epoch}
    assert await told(hub, viewer) is None
    hub.subscribe(viewer, hub.epoch, hub.seq, Shown.of([jobs[0].id], []), None)
    await hub.publish(changed(jobs[0]))
    assert (await told(hub, viewer))["t"] == "p"


async def test_missed_events_begin_a_new_epoch(hub, jobs):
    viewer, old = joined(hub, jobs[0].id), hub.epoch

    hub.renew()

    assert await told(hub, viewer) == {"t": "reset", "e": hub.epoch}
    assert hub.epoch != old


async def test_a_change_of_state_brings_its_row_as_html(world, hub, jobs):
    viewer = joined(hub, jobs[0].id, jobs[1].id)
    run = world.a_running_run(jobs[0])
    world.house.service.manager.cancel(run.id)
    world.house.service.manager.stopped(run.id, run.attempt)

    await hub.publish(changed(jobs[0], whole=True, noticed=(jobs[0].id,)))

    said = await told(hub, viewer)
    assert [element for element, _ in said["h"]] == [f"row-{jobs[0].id}"]
    assert "Cancelled" in said["h"][0][1]
    assert said["n"] == [{"st": "cancelled", "id": jobs[0].id, "text": "job 0 was cancelled"}]


async def test_a_hostile_name_is_text_in_rows_and_notices(world, hub):
    job = world.a_job("<img src=x onerror=alert(1)>")
    viewer = joined(hub, job.id)

    await hub.publish(changed(job, whole=True))

    said = await told(hub, viewer)
    assert "<img" not in said["h"][0][1]
    assert "&lt;img" in said["h"][0][1]


async def test_counts_go_to_pages_that_ask_for_them(world, hub):
    counting, plain = joined(hub, topics=("counts", "nonsense")), joined(hub)
    world.a_job()

    await hub.publish(Flush(moved=1))

    with_counts, without = await told(hub, counting), await told(hub, plain)
    assert with_counts["c"]["jobs"] == 1
    assert "c" not in without
    assert (with_counts["x"], without["x"]) == (1, 1)


async def test_a_log_grows_in_the_page_that_follows_it(world, hub, jobs):
    run = world.a_running_run(jobs[0])
    logs = world.house.service.logs
    for number in range(1, 4):
        logs.write(run.id, "info", f"line {number}")
    viewer = joined(hub, log=LogTail(run.id, 1))

    first = await told(hub, viewer)
    for number in range(4, 3004):
        logs.write(run.id, "info", f"line {number} " + "x" * 200)
    hub.log_grew(run.id)
    second = await told(hub, viewer)

    assert first["l"] == {
        "run": run.id,
        "from": 2,
        "rows": ["2026-11-21T07:42:00.000Z info line 2", "2026-11-21T07:42:00.000Z info line 3"],
        "skip": 0,
    }
    rows = second["l"]["rows"]
    assert second["s"] > first["s"]
    assert second["l"]["from"] == 3003 - len(rows) + 1
    assert second["l"]["skip"] == second["l"]["from"] - 4 > 0
    assert rows[-1].startswith("2026-11-21T07:42:00.000Z info line 3003 ")
    assert 60_000 < len("".join(rows)) <= 64_000
    assert await told(hub, viewer) is None


async def test_pages_that_show_the_same_share_what_is_written(hub, scribe, jobs):
    viewers = [joined(hub, *(job.id for job in jobs)) for _ in range(20)]

    await hub.publish(changed(*jobs))

    waiting = {id(viewer.pending) for viewer in viewers}
    assert (len(waiting), scribe.drawn) == (1, 3)


async def test_nothing_is_drawn_that_nobody_shows(hub, scribe, jobs):
    joined(hub, jobs[0].id)

    await hub.publish(changed(*jobs, whole=True))

    assert scribe.drawn == 1


async def test_a_page_that_is_slow_has_one_entry_for_each_job_waiting(world, hub, jobs):
    run = world.a_running_run(jobs[0])
    viewer = joined(hub, *(job.id for job in jobs))

    for percent in range(50):
        world.report(run, percent)
        await hub.publish(changed(*jobs, moved=1))

    assert viewer.pending is not None
    assert len(viewer.pending.rows) == 3
    said = await told(hub, viewer)
    assert (len(said["j"]), said["x"], said["s"]) == (3, 50, hub.seq)
    assert dict(said["j"])[jobs[0].id]["p"] == 49


async def test_a_hidden_page_is_told_counts_only(world, hub, jobs):
    viewer = joined(hub, jobs[0].id, topics=("counts",))
    hub.hide(viewer)
    world.a_job()

    page_saw = hub.seq
    await hub.publish(changed(jobs[0], whole=True))
    meanwhile = await told(hub, viewer)
    viewer.sent_at -= 10
    hub.tick()
    counts = await told(hub, viewer)
    hub.show(viewer, counts.get("s", page_saw))
    afterwards = await told(hub, viewer)

    assert meanwhile is None
    assert counts["c"]["jobs"] == 4
    assert "j" not in counts
    assert "h" not in counts
    assert [job_id for job_id, _ in afterwards["j"]] == [jobs[0].id]


async def test_the_bell_counts_for_each_person(hub, scribe):
    ada, other = joined(hub, topics=("counts",)), joined(hub, topics=())
    hub.tick()
    before = await told(hub, ada)
    scribe.unseen = {"ada": 1, "vic": 3}

    hub.tick()
    hub.tick()

    assert before["c"] == {"unread": ""}
    assert (await told(hub, ada))["c"] == {"unread": 1}
    assert await told(hub, ada) is None
    assert await told(hub, other) is None


async def test_a_bell_that_rings_while_a_page_catches_up_is_heard_afterwards(hub, scribe, jobs):
    viewer = joined(hub, jobs[0].id, topics=("counts",))
    await hub.publish(changed(jobs[0]))
    await told(hub, viewer)
    scribe.unseen = {"ada": 2}
    hub.tick()
    hub.subscribe(viewer, hub.epoch, 1, viewer.shown, None)
    await told(hub, viewer)

    hub.tick()

    assert (await told(hub, viewer))["c"]["unread"] == 2


async def test_a_page_hidden_for_five_minutes_is_let_go(hub, jobs):
    viewer = joined(hub, jobs[0].id)
    hub.hide(viewer)
    viewer.hidden_since = asyncio.get_running_loop().time() - 300

    hub.tick()

    assert viewer.ended.result() == 1000


async def test_a_silent_line_beats(hub, jobs):
    viewer = joined(hub, jobs[0].id)
    viewer.sent_at -= 15

    hub.tick()

    assert await told(hub, viewer) == {"t": "b", "s": hub.seq}


async def test_rights_are_looked_at_again_every_minute(hub):
    allowed = True
    viewer = hub.admit(ADA, lambda: allowed)
    allowed = False

    hub.tick()
    before = viewer.ended.done()
    viewer.checked_at -= 60
    hub.tick()

    assert not before
    assert viewer.ended.result() == 4401


async def test_more_sockets_than_a_person_may_have_have_no_place(hub):
    viewers = [hub.admit(ADA, lambda: True) for _ in range(20)]
    other = Person(name="vic", role=Role.VIEWER, session="other")

    refused, others = hub.admit(ADA, lambda: True), hub.admit(other, lambda: True)

    assert all(viewers)
    assert refused is None
    assert others is not None
    hub.leave(viewers[0])
    assert hub.admit(ADA, lambda: True) is not None


async def test_a_page_shows_two_hundred_jobs_at_most():
    shown = Shown.of([str(number) for number in range(500)], ["counts", "more", "secrets"])

    assert len(shown.jobs) == MOST_SHOWN == 200
    assert shown.topics == {"counts", "more"}


async def test_a_frame_that_would_be_too_large_becomes_a_wish_to_fetch():
    batch = Batch(pieces={"row-1": json.dumps(["row-1", "x" * 300_000])})

    assert json.loads(frame("k3f9", 7, 1, batch.body)) == {"t": "reset", "e": "k3f9"}


async def test_a_page_is_told_only_the_fields_that_differ(world, hub, jobs):
    run, idle = world.a_running_run(jobs[0]), jobs[1]
    world.report(run, 64)
    viewer = joined(hub, jobs[0].id, idle.id, topics=("more",))
    await hub.publish(changed(jobs[0], idle))
    whole = dict((await told(hub, viewer))["j"])

    world.report(run, 65)
    await hub.publish(changed(jobs[0], idle))
    text = await hub.next_frame(viewer)
    await hub.publish(changed(jobs[0], idle))

    assert {"v", "p", "s", "d", "r", "e", "g"} == set(whole[jobs[0].id])
    assert set(whole[idle.id]) == {"v"}
    [[job_id, fields]] = json.loads(text)["j"]
    assert (job_id, fields["p"]) == (jobs[0].id, 65)
    assert {"v", "g", "r"}.isdisjoint(fields)
    assert await hub.next_frame(viewer) is None


async def test_a_changed_row_costs_few_bytes(world, hub, jobs):
    runs = [world.a_running_run(job) for job in jobs]
    viewer = joined(hub, *(job.id for job in jobs))
    text = ""
    for percent in (64.2, 64.8, 65.1):
        for run in runs:
            world.report(run, percent)
        await hub.publish(changed(*jobs))
        text = await hub.next_frame(viewer) or ""

    rows = json.loads(text)["j"]
    assert len(rows) == 3
    assert max(len(json.dumps(fields, separators=(",", ":"))) for _, fields in rows) <= 64
    assert len(text) <= 3 * 100 + 60


async def test_a_page_that_came_between_is_told_every_field_once(world, hub, jobs):
    run, first = world.a_running_run(jobs[0]), joined(hub, jobs[0].id)
    for percent in (10, 20):
        world.report(run, percent)
        await hub.publish(changed(jobs[0]))
    await told(hub, first)
    second = joined(hub, jobs[0].id)

    world.report(run, 30)
    await hub.publish(changed(jobs[0]))
    known, fresh = await told(hub, first), await told(hub, second)
    hub.subscribe(first, hub.epoch, hub.seq, Shown.of([jobs[0].id], []), None)
    await hub.publish(changed(jobs[0]))

    assert "v" not in known["j"][0][1]
    assert {"v", "p", "r", "e"} <= set(fresh["j"][0][1])
    assert {"v", "p", "r", "e"} <= set((await told(hub, first))["j"][0][1])


async def test_a_slow_page_loses_no_field_of_what_was_merged(world, hub, jobs):
    run, viewer = world.a_running_run(jobs[0]), joined(hub, jobs[0].id)
    world.report(run, 10)
    await hub.publish(changed(jobs[0]))

    world.report(run, 20)
    await hub.publish(changed(jobs[0]))

    fields = (await told(hub, viewer))["j"][0][1]
    assert fields["p"] == 20
    assert {"v", "r", "e"} <= set(fields)


async def test_what_happens_while_a_page_catches_up_comes_in_its_next_frame(world, hub, jobs):
    run = world.a_running_run(jobs[0])
    await hub.publish(changed(*jobs, whole=True))
    viewer = joined(hub, *(job.id for job in jobs), seen=0)

    catching_up = asyncio.ensure_future(hub.next_frame(viewer))
    await asyncio.sleep(0)
    world.report(run, 77)
    await hub.publish(changed(jobs[0]))
    first, second = json.loads(await catching_up), await told(hub, viewer)

    assert len(first["j"]) == len(first["h"]) == 3
    assert second["s"] > first["s"]
    assert second["j"][0][1]["p"] == 77
    assert {"v", "r", "e"} <= set(second["j"][0][1])


async def test_others_have_the_loop_between_two_rows_of_a_page_that_catches_up(hub, scribe, jobs):
    await hub.publish(changed(*jobs, whole=True))
    viewer, drawn_at = joined(hub, *(job.id for job in jobs), seen=0), []

    async def others():
        while scribe.drawn < len(jobs):
            drawn_at.append(scribe.drawn)
            await asyncio.sleep(0)

    await asyncio.gather(hub.next_frame(viewer), others())

    assert drawn_at == [1, 2]


async def test_two_frames_never_have_the_same_number(world, hub, jobs):
    viewer = joined(hub, jobs[0].id)
    await hub.publish(changed(jobs[0]))
    first = await told(hub, viewer)
    run = world.a_running_run(jobs[0])
    world.house.service.logs.write(run.id, "info", "hello")

    hub.subscribe(viewer, hub.epoch, first["s"], Shown.of([jobs[0].id], []), LogTail(run.id, 0))
    second = await told(hub, viewer)

    assert second["s"] > first["s"]
    assert second["l"]["rows"]


async def test_a_page_that_says_it_saw_more_than_there_was_goes_on(hub, jobs):
    viewer = joined(hub, jobs[0].id, seen=2**60)

    await hub.publish(changed(jobs[0]))

    assert (await told(hub, viewer))["s"] == hub.seq < 2**53


@pytest.mark.parametrize("claimed", [2**53 - 1, 2**53, 2**62])
async def test_a_number_that_was_never_given_out_moves_nobody(world, hub, jobs, claimed):
    run = world.a_running_run(jobs[0])
    world.house.service.logs.write(run.id, "info", "hello")
    shown, other, before = Shown.of([jobs[0].id], []), joined(hub, jobs[0].id), hub.seq

    polled = json.loads(await hub.frame_since(claimed, shown, LogTail(run.id, 0)))
    socket = joined(hub, jobs[0].id, seen=claimed, log=LogTail(run.id, 0))
    said = await told(hub, socket)
    hub.show(socket, claimed)
    await hub.publish(changed(jobs[0], whole=True))

    assert polled["l"]["rows"]
    assert before < polled["s"] < said["s"] == before + 2
    assert (await told(hub, other))["s"] == before + 3


async def test_a_page_is_told_that_a_job_it_shows_was_deleted(world, hub, jobs):
    showing, late = joined(hub, jobs[0].id), hub.seq
    world.house.service.manager.delete(jobs[0].id)

    await hub.publish(changed(jobs[0], whole=True, moved=1, noticed=(jobs[0].id,)))

    said, at_once = await told(hub, showing), [[jobs[0].id, {"v": "gone"}]]
    assert (said["x"], said["j"]) == (1, at_once)
    assert "h" not in said
    assert "n" not in said
    assert (await told(hub, joined(hub, jobs[0].id, seen=late)))["j"] == at_once
    polled = json.loads(await hub.frame_since(late, Shown.of([jobs[0].id], []), None))
    assert polled["j"] == at_once


async def test_only_pages_with_details_get_details(world, hub, jobs):
    run = world.a_running_run(jobs[0])
    listing, detailed = joined(hub, jobs[0].id), joined(hub, jobs[0].id, topics=("more",))

    world.report(run, 64)
    await hub.publish(changed(jobs[0]))

    brief, whole = dict((await told(hub, listing))["j"]), dict((await told(hub, detailed))["j"])
    brief, whole = brief[jobs[0].id], whole[jobs[0].id]
    assert set(whole) - set(brief) == {"s", "d", "g"}
    assert brief.items() <= whole.items()


def further(world, run, **fields) -> None:
    progress = some_progress(50)
    world.house.service.manager.report(run.id, run.attempt, msgspec.structs.replace(progress, **fields))


async def fields_after(world, hub, viewer, run, **fields):
    """Return what a page is told of the job when its run reports this."""
    further(world, run, **fields)
    await hub.publish(Flush(jobs={run.job_id: False}))
    said = await told(hub, viewer)
    return dict(said["j"])[run.job_id] if said else {}


async def test_a_rate_that_trembles_is_not_told_anew(world, hub, jobs):
    run, viewer = world.a_running_run(jobs[0]), joined(hub, jobs[0].id)
    first = await fields_after(world, hub, viewer, run, rate=10_000_000.0)

    trembling = await fields_after(world, hub, viewer, run, rate=10_100_000.0)
    faster = await fields_after(world, hub, viewer, run, rate=10_500_000.0)

    assert first["r"] == "10.0 MB/s"
    assert "r" not in trembling
    assert faster["r"] == "10.5 MB/s"


async def test_time_left_that_grows_a_little_is_not_told_anew(world, hub, jobs):
    run, viewer = world.a_running_run(jobs[0]), joined(hub, jobs[0].id)
    first = await fields_after(world, hub, viewer, run, eta_seconds=1_190.0)

    longer = await fields_after(world, hub, viewer, run, eta_seconds=1_250.0)
    shorter = await fields_after(world, hub, viewer, run, eta_seconds=1_100.0)

    assert first["e"] == "20 min left"
    assert "e" not in longer
    assert shorter["e"] == "19 min left"
