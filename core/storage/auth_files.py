"""Where people, sessions and tokens are kept: one small file of each, for this user alone."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from core.errors import InvalidYaml, StoreUnreadable
from core.models import Value
from core.storage import atomic, yaml_text

log = logging.getLogger(__name__)

T = TypeVar("T", bound=Value)


class AuthFiles:
    """The folder of accounts. It is made when there is something to keep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """Return what a file holds, nothing if it is not there; raises StoreUnreadable."""
        path = self._folder / f"{name}.yaml"
        try:
            return msgspec.convert(yaml_text.read(path.read_bytes()), tuple[kind, ...])  # type: ignore[valid-type]
        except FileNotFoundError:
            return ()
        except (OSError, InvalidYaml, msgspec.ValidationError) as error:
            raise StoreUnreadable(
                f"The file {path} cannot be read: {error}",
                hint="Correct it or put back an older copy. It was not touched.",
            ) from error

    def read_or_forget(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """Return what a file holds; one that cannot be read is set aside and holds nothing."""
        try:
            return self.read(name, kind)
        except StoreUnreadable as error:
            aside = self._folder / f"{name}.unreadable.yaml"
            log.warning("%s It is kept as %s.", error, aside.name)
            (self._folder / f"{name}.yaml").replace(aside)
            return ()

    def write(self, name: str, values: Iterable[Value]) -> None:
        """Keep exactly these values; raises StorageFailed."""
        content = yaml_text.write([msgspec.to_builtins(value) for value in values])
        with atomic.storage_errors(f"The {name} could not be kept"):
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic.make_folder(self._folder)
            atomic.write_whole(self._folder / f"{name}.yaml", content)
