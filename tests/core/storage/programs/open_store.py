"""Open a store and tell what was in it, or the words with which it was refused."""

import json
import sys
from pathlib import Path

from core.errors import StoreUnreadable
from tests.doubles import FileStore

store = FileStore(Path(sys.argv[1]))
told: dict[str, object] = {}
try:
    contents = store.open()
    told = {"jobs": [job.id for job in contents.jobs], "problems": [each.path for each in contents.problems]}
except StoreUnreadable as error:
    told = {"refused": str(error), "hint": error.hint}
finally:
    store.close()
sys.stdout.write(json.dumps(told))
