"""Save one version after another of a job and its run, and tell each that was acknowledged."""

import itertools
import sys
from pathlib import Path

from core.storage.rows import Changes
from tests.builders import a_kept_job, a_kept_run
from tests.doubles import FileStore

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
RUN = "91bb0000-0000-4000-8000-000000000003"

store = FileStore(Path(sys.argv[1]))
store.open()
for version in itertools.count(1):
    job = a_kept_job(ONE, name=f"job {version}", version=version, options={"padding": "x" * (version * 100)})
    store.commit(Changes(jobs=(job,), runs=(a_kept_run(RUN, ONE, version=version),)))
    sys.stdout.write(f"{version}\n")
    sys.stdout.flush()
