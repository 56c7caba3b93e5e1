"""Whether a destination with other settings is another place: a secret that was entered for one is not sent to another."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from core.destinations.known import DestinationType

ADDRESSES: Final = frozenset(
    {"url", "host", "port", "endpoint", "auth", "storage_url", "tls", "explicit_tls", "provider"}
)
"""Options of rclone's backends that say where it goes, and whether it goes there in the clear."""

STAYING: Final[Mapping[DestinationType, frozenset[str]]] = {
    "folder": frozenset(),
    "ssh": frozenset({"key"}),
    "rclone": frozenset({"crypt_password", "crypt_password2", "key_pem", "key_file_pass"}),
    "restic": frozenset({"password", "key"}),
}
"""Secrets that never leave this machine as they are: no other place learns them."""

AGAIN: Final = "This is for another address now: enter it again."


def problems_of_move(
    kind: DestinationType, before: Mapping[str, Any], after: Mapping[str, Any], staying: Collection[str]
) -> dict[str, str]:
    """Return which secrets, of those that stay as they are, would be sent to another place than they were entered for."""
    if _address(kind, before) == _address(kind, after):
        return {}
    return {f"secrets.{name}": AGAIN for name in sorted({*staying} - STAYING[kind])}


def _address(kind: DestinationType, settings: Mapping[str, Any]) -> object:
    if kind == "rclone":
        options = settings.get("options") or {}
        return settings.get("backend"), {name: options.get(name) for name in ADDRESSES if options.get(name)}
    return [settings.get(name) for name in ("host", "port", "repository", "auth_url", "ca_certificate")]
