"""What the commands about destinations ask, wherever the answer comes from; answers are as the API gives them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from core.acting import acting_as
from core.service import Service
from fastapi_app.cli.house import COMMAND_LINE, settings_for

if TYPE_CHECKING:
    from fastapi_app.cli.door import Door

Row = dict[str, Any]

PATIENCE: Final = 90.0
"""Seconds that a server has to look at a destination, or to make it ready."""


class Desk(ABC):
    """The destinations of one Holdfast."""

    @abstractmethod
    def every(self) -> list[Row]:
        """Return every destination."""

    @abstractmethod
    def show(self, destination_id: str) -> Row:
        """Return a destination with who uses it."""

    @abstractmethod
    def add(self, entry: Mapping[str, Any]) -> Row:
        """Make a destination."""

    @abstractmethod
    def edit(self, destination_id: str, change: Mapping[str, Any]) -> Row:
        """Change a destination."""

    @abstractmethod
    def remove(self, destination_id: str) -> None:
        """Remove a destination."""

    @abstractmethod
    def test(self, destination_id: str) -> Row:
        """Look at a destination."""

    @abstractmethod
    def prepare(self, destination_id: str, entry: Mapping[str, Any]) -> Row:
        """Make a destination ready."""

    @abstractmethod
    def unlock(self, destination_id: str) -> Row:
        """Have locks removed that nobody holds any more."""


class RemoteDesk(Desk):
    """The Holdfast that is running, asked over HTTP."""

    def __init__(self, door: "Door") -> None:
        self._door = door

    def _ask(self, method: str, destination_id: str, verb: str = "", **request: Any) -> Any:  # noqa: ANN401 - JSON
        place = f"/destinations/{quote(destination_id, safe='')}{verb}"
        return self._door.ask(method, place, timeout=PATIENCE, **request)

    def every(self) -> list[Row]:
        """Return every destination."""
        found: list[Row] = self._door.ask("GET", "/destinations")["items"]
        return found

    def show(self, destination_id: str) -> Row:
        """Return a destination with who uses it."""
        found: Row = self._ask("GET", destination_id)
        return found

    def add(self, entry: Mapping[str, Any]) -> Row:
        """Make a destination."""
        made: Row = self._door.ask("POST", "/destinations", json=dict(entry))
        return made

    def edit(self, destination_id: str, change: Mapping[str, Any]) -> Row:
        """Change a destination."""
        changed: Row = self._ask("PATCH", destination_id, json=dict(change))
        return changed

    def remove(self, destination_id: str) -> None:
        """Remove a destination."""
        self._ask("DELETE", destination_id)

    def test(self, destination_id: str) -> Row:
        """Look at a destination."""
        state: Row = self._ask("POST", destination_id, "/test")
        return state

    def prepare(self, destination_id: str, entry: Mapping[str, Any]) -> Row:
        """Make a destination ready."""
        prepared: Row = self._ask("POST", destination_id, "/prepare", json=dict(entry))
        return prepared

    def unlock(self, destination_id: str) -> Row:
        """Have locks removed that nobody holds any more."""
        unlocked: Row = self._ask("POST", destination_id, "/unlock")
        return unlocked


class OwnDesk(Desk):
    """A Holdfast opened by this command."""

    def __init__(self, service: Service) -> None:
        from fastapi_app.api import destinations  # noqa: PLC0415 - only where no server answers

        self._api = destinations
        self._service = service
        self._book = service.destinations

    def every(self) -> list[Row]:
        """Return every destination."""
        return [self._told(each.id) for each in self._book.list()]

    def show(self, destination_id: str) -> Row:
        """Return a destination with who uses it."""
        return {**self._told(destination_id), "used_by": list(self._book.users(destination_id))}

    def _told(self, destination_id: str) -> Row:
        destination, state = self._book.destination(destination_id), self._book.state(destination_id)
        now = self._service.clock.now()
        return self._api.DestinationOut.of(destination, state, now, whole=True).model_dump(mode="json")

    def add(self, entry: Mapping[str, Any]) -> Row:
        """Make a destination."""
        return self._told(self._book.create(self._api.DestinationEntry(**entry).draft()).id)

    def edit(self, destination_id: str, change: Mapping[str, Any]) -> Row:
        """Change a destination."""
        said = self._api.DestinationChange(**change)
        self._book.edit(destination_id, said.version, said.patch())
        return self._told(destination_id)

    def remove(self, destination_id: str) -> None:
        """Remove a destination."""
        self._book.remove(destination_id)

    def test(self, destination_id: str) -> Row:
        """Look at a destination."""
        state = self._service.probes.test(destination_id, why=f"tested destination {destination_id[:80]}")
        return self._api.StateOut.of(state, whole=True).model_dump(mode="json")

    def prepare(self, destination_id: str, entry: Mapping[str, Any]) -> Row:
        """Make a destination ready."""
        prepared = self._service.probes.prepare(destination_id, **entry)
        state = self._api.StateOut.of(prepared.state, whole=True).model_dump(mode="json")
        return {"state": state, "password": prepared.password or None}

    def unlock(self, destination_id: str) -> Row:
        """Have locks removed that nobody holds any more."""
        unlocked = self._service.probes.unlock(destination_id)
        state = self._api.StateOut.of(unlocked.state, whole=True).model_dump(mode="json")
        return {"state": state, "sentence": unlocked.sentence}


@contextmanager
def the_desk(data: Path | None) -> Iterator[Desk]:
    """Enter the Holdfast on this data folder."""
    from fastapi_app.cli.door import open_door  # noqa: PLC0415 - only where a server runs

    settings = settings_for(data)
    door = open_door(settings.data)
    if door is not None:
        with door:
            yield RemoteDesk(door)
        return
    with Service(settings).opened(at_work=False) as service, acting_as(COMMAND_LINE):
        yield OwnDesk(service)
