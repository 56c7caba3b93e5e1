"""Where people, sessions and tokens are kept: one small file of each, for this user alone."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from core.errors import InvalidYaml, StoreUnreadable
from core.models import Value
from core.storage import atomic, yaml_text
from core.storage.documents import placed
from core.storage.reading import content_of, unreadable

log = logging.getLogger(__name__)

T = TypeVar("T", bound=Value)

FILES: Final = ("users", "sessions", "tokens")


class AuthFiles:
    """The folder of accounts. It is made when there is something to keep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def any_there(self) -> bool:
        """Tell whether anything was ever kept here, readable or not."""
        return any(os.path.lexists(self._path(name)) for name in FILES)

    def read_people(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """Return who is kept in a file; raises StoreUnreadable.

        Nobody only where nothing at all is kept yet: whoever takes a list that was lost or emptied
        for a new house hands the house to the next who asks.
        """
        people = self.read(name, kind)
        if people or not self.any_there:
            return people
        path = self._path(name)
        found = "cannot be used: it names nobody" if os.path.lexists(path) else "is gone"
        raise StoreUnreadable(
            f"The file {path} {found}, though accounts were kept here.",
            hint="Put it back from a copy. Only to begin anew, without any account, remove the folder it is in.",
        )

    def read(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """Return what a file holds, nothing if it is not there; raises StoreUnreadable."""
        path = self._path(name)
        try:
            return _values(content_of(path), kind) if _is_there(path) else ()
        except InvalidYaml as error:
            place = f" (line {error.line})" if error.line else ""
            raise StoreUnreadable(
                f"The file {path} cannot be used{place}: {error}",
                hint="Correct it or put back an older copy. It was not touched.",
            ) from error

    def read_or_forget(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """Return what a file holds; one that cannot be read is set aside and holds nothing."""
        try:
            return self.read(name, kind)
        except StoreUnreadable as error:
            self._set_aside(name, error)
            return ()

    def _set_aside(self, name: str, error: StoreUnreadable) -> None:
        aside = self._folder / f"{name}.unreadable.yaml"
        try:
            self._path(name).replace(aside)
        except OSError as trouble:
            log.warning("%s It could not be set aside: %s", error, trouble)
        else:
            log.warning("%s It is kept as %s.", error, aside.name)

    def write(self, name: str, values: Iterable[Value]) -> None:
        """Keep exactly these values; raises StorageFailed."""
        content = yaml_text.write([msgspec.to_builtins(value) for value in values])
        with atomic.storage_errors(f"The {name} could not be kept"):
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic.make_folder(self._folder)
            atomic.sweep(self._folder)
            atomic.write_whole(self._path(name), content)

    def remove(self, name: str) -> None:
        """Keep nothing under a name, which takes no room; raises StorageFailed."""
        with atomic.storage_errors(f"The {name} could not be removed"):
            path = self._path(name)
            path.unlink(missing_ok=True)
            if self._folder.is_dir():
                atomic.sync_folder(self._folder)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.yaml"


def _is_there(path: Path) -> bool:
    """Tell whether there is anything of that name; raises InvalidYaml where that cannot be told."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unreadable(error) from error
    return True


def _values(text: bytes, kind: type[T]) -> tuple[T, ...]:
    try:
        return msgspec.convert(yaml_text.read(text), tuple[kind, ...])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise placed(text, str(error)) from None
