"""A disk that takes its time holds up whoever asked for a change, and nobody else."""

import threading
from concurrent.futures import ThreadPoolExecutor

from core.storage.memory import MemoryStore

PATIENCE = 60.0


class StuckStore(MemoryStore):
    """A store whose disk does not come back from a write until it is let."""

    def __init__(self):
        super().__init__()
        self.stuck, self.free = threading.Event(), threading.Event()
        self.free.set()

    def commit(self):
        if not self.free.is_set():
            self.stuck.set()
            self.free.wait(PATIENCE)
        super().commit()


def test_a_disk_that_is_slow_keeps_no_page_from_being_answered(make_world):
    store = StuckStore()
    world = make_world(store=store)
    job = world.a_job()
    token = world.bearer()
    with ThreadPoolExecutor(2) as threads:
        store.free.clear()
        started = threads.submit(world.client.post, f"/api/v1/jobs/{job.id}/runs", headers=token)
        stuck = store.stuck.wait(PATIENCE)
        alive = threads.submit(world.client.get, "/livez")
        try:
            answered = alive.result(PATIENCE / 4).status_code
            waits = not started.done()
        finally:
            store.free.set()
        begun = started.result(PATIENCE).status_code

    assert (stuck, answered, waits, begun) == (True, 200, True, 202)
