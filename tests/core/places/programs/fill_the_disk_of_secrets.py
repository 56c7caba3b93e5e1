"""Fill a small disk, change a destination's secret, make room, change it again, and tell what was kept."""

import errno
import json
import os
import sys
from pathlib import Path

from core.errors import StorageFailed
from core.places.drafts import DestinationDraft, DestinationPatch
from core.service import Service
from core.settings import Settings

data = Path(sys.argv[1]) / "data"
really_write = os.write


def no_room(descriptor: int, content: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def kept(service: Service) -> list[object]:
    path = service.destinations.secret("nas", "key")
    version = service.destinations.destination("nas").version
    return [version, path.read_text(), sorted(each.name for each in path.parent.iterdir())]


told: dict[str, object] = {}
with Service(Settings(data=data)).opened(at_work=True) as service:
    settings = {"host": "nas.example", "path": "x"}
    draft = DestinationDraft(name="NAS", type="ssh", settings=settings, secrets={"key": "the old one"})
    service.destinations.create(draft)
    change = DestinationPatch(secrets={"key": "the new one"})
    os.write = no_room
    try:
        service.destinations.edit("nas", 1, change)
        told["refused"] = "no"
    except StorageFailed as error:
        told["refused"] = error.code
    os.write = really_write
    told["kept while full"] = kept(service)
    service.destinations.edit("nas", 1, change)
    told["kept with room"] = kept(service)
sys.stdout.write(json.dumps(told))
