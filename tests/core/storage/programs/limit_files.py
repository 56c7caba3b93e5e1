"""Save a job larger than this process may write, and tell what happened."""

import json
import resource
import sys
from pathlib import Path

from core.errors import StorageFailed
from core.storage.rows import Changes
from tests.builders import a_kept_job
from tests.doubles import FileStore

ONE = "3f2a1b4c-0000-4000-8000-000000000001"

folder = Path(sys.argv[1])
store = FileStore(folder)
store.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192))
told: dict[str, object] = {"refused": None}
try:
    store.commit(Changes(jobs=(a_kept_job(ONE, name="after", options={"padding": "x" * 20_000}),)))
except StorageFailed as error:
    told["refused"] = error.code
told["leftovers"] = [str(path) for path in folder.rglob("*.tmp")]
store.close()
json.dump(told, sys.stdout)
