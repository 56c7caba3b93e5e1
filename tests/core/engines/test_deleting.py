"""Deletion of the source by every kind that reads its destination back by a program, end to end with the real programs."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.clearing.names import QUARANTINE
from core.engines import engine_for
from core.errors import EngineFailed, InvalidOptions
from core.work import Answer, Outcome, RunHeld
from tests.core.clearing.world import files_in
from tests.doubles import ScriptedContext
from tests.rclone_servers import PASSWORD, USER, add_remote, served, webdav_settings
from tests.servers import REPOSITORY_PASSWORD, SomeDestinations, a_repository

FILES = {"one": b"one", "deep/er/two": b"two" * 999, "a name; with $signs": b"", "three\u00e9": b"3"}


class Place:
    """A source, and the destination "far" that a kind reaches by a program only; `folder` is where that ends up."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind, self._folder = kind, folder
        self.source, self.data = folder / "source", folder / "data"
        self.data.mkdir()
        for name, content in FILES.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.known = SomeDestinations(self.data)
        self.attempt = 0

    def run(self, **options: object) -> Outcome:
        """Make a run that deletes, and agree to what it asks."""
        given = {
            "source": str(self.source),
            "destination": "far",
            "delete_source": True,
            "guard_changes": False,
        }
        engine = engine_for(self.kind, given | options)
        context = self._context()
        try:
            return engine.run(context)
        except RunHeld as held:
            context = self._context()
            context.answers[held.question.id] = Answer(
                question=held.question.id, answer="delete", by="ana", at=datetime.now(UTC)
            )
            return engine.run(context)

    def _context(self) -> ScriptedContext:
        self.attempt += 1
        workspace = self._folder / "work"
        workspace.mkdir(exist_ok=True)
        context = ScriptedContext(workspace, own_data=self.data)
        context.attempt = self.attempt
        context.surroundings = replace(context.surroundings, destinations=self.known)
        return context

    def left(self) -> dict[str, bytes]:
        """Return the files that are where they were."""
        return {os.fsdecode(path): content for path, content in files_in(self.source).items()}

    def aside(self) -> dict[str, bytes]:
        """Return the files that lie in quarantine."""
        found = {}
        for shelf in (self.source / os.fsdecode(QUARANTINE)).glob("*/attempt-*"):
            found |= {os.fsdecode(path): content for path, content in files_in(shelf).items()}
        return found


@pytest.fixture(params=["rsync", "rclone"])
def place_at(request, tmp_path, sshd, tmp_path_factory):
    """Make a place whose destination is a folder of this machine, reached by a server."""
    with served("webdav", tmp_path, tmp_path_factory.mktemp("room")) as server:

        def make(folder: Path) -> Place:
            place = Place(tmp_path, request.param)
            folder.mkdir(exist_ok=True)
            if request.param == "rsync":
                place.known.add("far", "ssh", sshd.settings(folder), key=sshd.key.read_text())
            else:
                below = str(folder.relative_to(tmp_path))
                settings = webdav_settings(server.port, path=below, user=USER)
                add_remote(place.known, "far", settings, **{"pass": PASSWORD})
            return place

        yield make


@pytest.mark.parametrize("days", [0, 7])
def test_what_a_program_carried_and_read_back_is_taken_away(place_at, tmp_path, days):
    place = place_at(tmp_path / "far")

    outcome = place.run(quarantine_days=days)

    assert (outcome.result["deletion"]["files"], outcome.warnings) == (len(FILES), ())
    assert place.left() == {}
    assert place.aside() == (FILES if days else {})
    assert {os.fsdecode(path): content for path, content in files_in(tmp_path / "far").items()} == FILES


def test_what_restic_carried_and_read_back_is_taken_away(tmp_path):
    place = Place(tmp_path, "restic")
    repository = str(a_repository(tmp_path / "repository"))
    place.known.add("far", "restic", {"repository": repository}, password=REPOSITORY_PASSWORD)

    outcome = place.run(reread_days=0, verify="full")

    assert (outcome.result["deletion"]["files"], outcome.warnings) == (len(FILES), ())
    assert (place.left(), place.aside()) == ({}, FILES)


@pytest.mark.parametrize("days", [0, 7])
def test_a_server_that_shows_the_very_source_loses_no_file(place_at, tmp_path, days):
    place = place_at(tmp_path / "source")

    with pytest.raises(EngineFailed, match="the same folder"):
        place.run(quarantine_days=days)

    assert place.left() == FILES
    assert not list(place.source.glob(".holdfast-apart*"))


def test_a_repository_that_a_server_keeps_in_the_source_is_not_taken_away(tmp_path, sshd):
    place = Place(tmp_path, "restic")
    inside = a_repository(place.source / "repository")
    settings = {"repository": f"sftp://{sshd.user}@127.0.0.1:{sshd.port}/{inside}", "host_key": sshd.host_key}
    key, password = sshd.key.read_text(), REPOSITORY_PASSWORD
    place.known.add("far", "restic", settings, key=key, password=password)

    with pytest.raises(EngineFailed, match="lies in the source"):
        place.run(reread_days=0, verify="full", quarantine_days=0, delete_mode="each")

    assert FILES.items() <= place.left().items()


@pytest.mark.parametrize("kind", ["rsync", "rclone"])
def test_a_mirror_into_a_folder_that_has_the_only_copies_of_files_is_refused(tmp_path, kind):
    place = Place(tmp_path, kind)
    where = str(tmp_path / "copy")
    place.run(destination=where)

    with pytest.raises(InvalidOptions) as refused:
        place.run(destination=where, delete_source=False, mirror=True)

    assert "would remove them" in refused.value.problems["options.mirror"]
    assert {os.fsdecode(path): content for path, content in files_in(tmp_path / "copy").items()} == FILES
