"""Holdfast talks to nobody outside unless a job or a channel says so."""

import subprocess
import sys

SAID = """
import sys
asked = []
def hear(event, arguments):
    if event == "socket.getaddrinfo" or event in {"socket.connect", "socket.sendto"}:
        asked.append((event, arguments[-1] if event != "socket.getaddrinfo" else arguments[0]))
sys.addaudithook(hear)
from pathlib import Path
from threading import Event
from core.drafts import JobDraft
from core.events import RunMoved
from core.service import Service
from core.settings import Settings
root = Path(sys.argv[1])
service = Service(Settings(data=root / "data", own_backup="off"))
service.start()
over = Event()
service.events.subscribe("test", lambda event: over.set() if isinstance(event, RunMoved) and event.run.over else None)
options = {"source": str(root / "source"), "destination": str(root / "copy")}
job = service.manager.create(JobDraft(name="photos", kind="copy", options=options), asked_by="ada")
service.manager.start(job.id)
done = over.wait(60)
service.stop()
far = [one for one in asked if isinstance(one[1], tuple) or one[0] == "socket.getaddrinfo"]
sys.stdout.write(f"{done} {far}")
"""


def test_nothing_outside_is_asked_for_anything_while_a_job_runs(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "photo.jpg").write_bytes(b"a photo")

    ran = subprocess.run(
        [sys.executable, "-c", SAID, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )

    assert ran.stdout == "True []", ran.stderr
    assert (tmp_path / "copy" / "photo.jpg").exists()
