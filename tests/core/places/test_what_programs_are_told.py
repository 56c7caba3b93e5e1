"""What every process is told while destinations are made, looked at and copied to: watched in a whole Holdfast."""

import secrets
import threading
import time
from pathlib import Path
from typing import Self

import psutil
import pytest

from core.acting import Actor, acting_as
from core.drafts import JobDraft
from core.places.drafts import DestinationDraft, DestinationPatch
from core.service import Service
from core.settings import Settings
from core.states import RunState, is_final
from tests.rclone_servers import ScriptedDav
from tests.servers import RepositoryServer

PATIENCE = 60.0
PROGRAMS = {"rsync", "ssh", "rclone", "restic"}
KEPT_APART = {"secrets", "backups"}
"""Where secrets may be on the disk: for our user alone."""


class Watch:
    """Reads what each process that begins meanwhile was told: its arguments and its environment."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        self._before = set(processes())
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(10)

    def _look(self) -> None:
        while not self._ending.wait(0.005):
            for process in set(processes()) - self._before:
                for name in ("cmdline", "environ"):
                    self._read(process, name)

    def _read(self, process: str, name: str) -> None:
        try:
            text = Path("/proc", process, name).read_bytes().decode(errors="replace")
        except OSError:
            return
        if text not in (known := self.told.get(f"{process} {name}", "")):
            self.told[f"{process} {name}"] = f"{known}\n{text}"

    @property
    def programs(self) -> set[str]:
        """Return the names of the programs that were seen."""
        words = (
            text.split("\0")[0] for told in self.told.values() for text in told.splitlines() if "\0" in text
        )
        return {Path(word).name for word in words}


def processes():
    return map(str, psutil.pids())


def a_secret():
    return f"{secrets.token_hex(8)} {secrets.token_hex(4)}"


@pytest.fixture
def service(tmp_path):
    service = Service(Settings(data=tmp_path / "data", own_backup="off", grace=0))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def words(sshd):
    """Secrets that are nowhere else on this machine."""
    key = "".join(sshd.key.read_text().splitlines()[2:-1])[:60]
    names = ("token", "pass", "crypt", "repository", "rest", "typed")
    return {"key": key, **{name: a_secret() for name in names}}


@pytest.fixture
def cloud(tmp_path, words):
    token = words["token"].replace(" ", "-")
    words["token"] = token
    with ScriptedDav(tmp_path / "dav", token, lambda *_: 0) as server:
        yield server


@pytest.fixture
def repositories(tmp_path, words):
    (tmp_path / "repositories").mkdir()
    server = RepositoryServer(tmp_path / "repositories")
    server.password = words["rest"]
    server.start()
    yield server
    server.kill()


def drafts(sshd, cloud, repositories, words, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    options = {"url": f"http://127.0.0.1:{cloud.port}", "vendor": "other"}
    dav = {"backend": "webdav", "options": options}
    login = {"rest_user": repositories.user, "rest_password": words["rest"]}
    hidden = {"backend": "webdav", "options": {**options, "user": "ana"}, "encrypt": "standard"}
    return (
        DestinationDraft(
            name="host", type="ssh", settings=sshd.settings(there), secrets={"key": sshd.key.read_text()}
        ),
        DestinationDraft(
            name="cloud",
            type="rclone",
            settings={**dav, "path": "copies"},
            secrets={"bearer_token": words["token"]},
        ),
        DestinationDraft(
            name="hidden",
            type="rclone",
            settings=hidden,
            secrets={"pass": words["pass"], "crypt_password": words["crypt"]},
        ),
        DestinationDraft(
            name="safe", type="restic", settings={"repository": repositories.repository}, secrets=login
        ),
    )


def made_and_prepared(service, every, words):
    for draft in every:
        service.probes.try_out(draft)
        made = service.destinations.create(draft)
        service.probes.test(made.id)
        if draft.name == "hidden":
            continue  # its server knows no user
        service.probes.prepare(made.id, password=words["repository"] if draft.type == "restic" else "")
    wrong = DestinationPatch(secrets={"bearer_token": words["typed"].replace(" ", "-")})
    service.destinations.edit("cloud", 1, wrong)
    service.probes.test("cloud")
    service.destinations.edit("cloud", 2, DestinationPatch(secrets={"bearer_token": words["token"]}))


def run_of(service, **fields):
    job = service.manager.create(JobDraft(**fields), asked_by="ana")
    run_id = service.manager.start(job.id, asked_by="ana").id
    pause, until = threading.Event(), time.monotonic() + PATIENCE
    while not is_final((run := service.manager.run(run_id)).state):
        assert time.monotonic() < until
        pause.wait(0.02)
    return run


def holding(folder, wanted):
    """Return which files below a folder have any of the words in them, but those kept apart."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    ours = (path for path in files if path.relative_to(folder).parts[0] not in KEPT_APART)
    return {
        str(path.relative_to(folder)) for path in ours if any(each in path.read_bytes() for each in wanted)
    }


def test_no_process_is_told_a_secret_while_destinations_are_looked_at_and_copied_to(
    service, sshd, cloud, repositories, words, tmp_path
):
    source = tmp_path / "source"
    source.mkdir()
    (source / "one.txt").write_text("one")
    every = drafts(sshd, cloud, repositories, words, tmp_path)

    with Watch() as watch, acting_as(Actor(name="ana", admin=True)):
        made_and_prepared(service, every, words)
        runs = [
            run_of(service, name=kind, kind=kind, options={"source": str(source), "destination": place})
            for kind, place in (("rsync", "host"), ("rclone", "cloud"), ("restic", "safe"))
        ]

    found = {
        where: name for where, text in watch.told.items() for name, word in words.items() if word in text
    }
    assert found == {}
    assert watch.programs >= PROGRAMS
    assert [(run.kind, run.state, run.result["verified"]) for run in runs] == [
        (kind, RunState.COMPLETED, True) for kind in ("rsync", "rclone", "restic")
    ]
    assert holding(tmp_path / "data", [word.encode() for word in words.values()]) == set()
