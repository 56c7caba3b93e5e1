"""A store that forgets when the process ends; for tests and for trying things out."""

import threading
from collections import deque
from collections.abc import Callable

import msgspec

from core.errors import HoldfastError, InvalidOptions, StorageFailed, StoreInUse
from core.models import Job, Run, frozen
from core.storage.base import Changes, Contents, JobStore
from core.storage.documents import builtin

to_bytes = msgspec.json.Encoder(enc_hook=builtin).encode
job_of: Callable[[bytes], Job] = msgspec.json.Decoder(Job).decode
run_of: Callable[[bytes], Run] = msgspec.json.Decoder(Run).decode


class MemoryStore(JobStore):
    """Keeps bytes, as a disk does, so that nothing it was given can change in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = False
        self._jobs: dict[str, bytes] = {}
        self._runs: dict[str, bytes] = {}
        self._failures: deque[HoldfastError] = deque()

    def fail_next(self, error: HoldfastError, *, times: int = 1) -> None:
        """Refuse the next commits with this error, as a disk in trouble would."""
        self._failures.extend([error] * times)

    def open(self) -> Contents:
        """Take hold of the store and read all of it."""
        with self._lock:
            if self._held:
                raise StoreInUse("The store is in use by this process.")
            self._held = True
            jobs = (job_of(kept) for kept in self._jobs.values())
            runs = (run_of(kept) for kept in self._runs.values())
            return Contents(
                jobs=tuple(msgspec.structs.replace(job, options=frozen(job.options)) for job in jobs),
                runs=tuple(
                    msgspec.structs.replace(
                        run,
                        options=frozen(run.options),
                        checkpoint=frozen(run.checkpoint),
                        result=frozen(run.result),
                    )
                    for run in runs
                ),
            )

    def commit(self, changes: Changes, *, durable: bool = True) -> None:  # noqa: ARG002 - the same here
        """Keep the changes, all or none."""
        jobs = {job.id: _encoded(job) for job in changes.jobs}
        runs = {run.id: _encoded(run) for run in changes.runs}
        with self._lock:
            self._refuse_closed()
            if self._failures:
                raise self._failures.popleft()
            self._jobs.update(jobs)
            self._runs.update(runs)
            for job_id in changes.gone_jobs:
                self._jobs.pop(job_id, None)
            for run_id in changes.gone_runs:
                self._runs.pop(run_id, None)

    def check_writable(self) -> None:
        """Raise what the next commit would."""
        with self._lock:
            self._refuse_closed()
            if self._failures:
                raise self._failures[0]

    def close(self) -> None:
        """Let go of the store; what it keeps stays for the next `open`."""
        with self._lock:
            self._held = False

    def _refuse_closed(self) -> None:
        if not self._held:
            raise StorageFailed("The store is closed.")


def _encoded(value: Job | Run) -> bytes:
    try:
        return to_bytes(value)
    except UnicodeEncodeError:
        raise InvalidOptions({"options": "A text holds half a character."}) from None
    except RecursionError:
        raise InvalidOptions({"options": "They are nested too deep."}) from None
