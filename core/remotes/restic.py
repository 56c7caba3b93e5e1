"""How restic is told where a repository is and by which secrets, and what destinations ask of it.

Repositories with passwords in their addresses, and whatever else is a secret, go through files that only we can read.
What restic takes from its environment alone is put there by the process that becomes restic, from a file too: no
command line, no environment of ours and no note on the disk has it.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from msgspec.structs import replace

from core.destinations.known import Destination, Destinations
from core.errors import EngineFailed
from core.remotes import ssh
from core.remotes.calls import Call
from core.remotes.restic_places import Place, place_in, settings_problems, ssh_settings
from core.remotes.restic_troubles import trouble
from core.storage import atomic

__all__ = ["call", "settings_problems", "trouble"]

STARTING: Final = Path(__file__).with_name("restic_starting.py")
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType(
    {"PATH": PATH, "HOME": "/nonexistent", "LANG": "C.UTF-8", "RESTIC_PROGRESS_FPS": "8"}
)
"""All that restic gets: nothing of ours, no settings of a user, and it tells how far it is eight times a second."""

FROM_FILES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "b2": {"B2_ACCOUNT_ID": "account_id", "B2_ACCOUNT_KEY": "account_key"},
        "azure": {"AZURE_ACCOUNT_KEY": "account_key", "AZURE_ACCOUNT_SAS": "sas_token"},
        "swift": {"OS_PASSWORD": "swift_password"},
    }
)
"""Which variables restic wants for what it reads from no file, and the secret that each is."""

FROM_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account_name": "AZURE_ACCOUNT_NAME",
        "project_id": "GOOGLE_PROJECT_ID",
        "auth_url": "OS_AUTH_URL",
        "user_name": "OS_USERNAME",
        "user_domain": "OS_USER_DOMAIN_NAME",
        "project_name": "OS_PROJECT_NAME",
        "project_domain": "OS_PROJECT_DOMAIN_NAME",
    }
)


def call(destination: Destination, destinations: Destinations, below: str = "") -> Call:
    """Return how restic is called to reach the repository of a destination; raises EngineFailed where that cannot be."""
    problems = settings_problems(destination.settings)
    if below:
        problems["below"] = "A repository has no folders to copy into; name it without a path."
    if problems:
        message = f"The destination {destination.name} cannot be used: {' '.join(problems.values())}"
        raise EngineFailed(message, hint="Correct the destination.")
    place = place_in(destination.settings["repository"])
    safe = _Safe(destination, destinations)
    options = (*_repository(place, safe), "--password-file", str(safe.file("password")))
    return Call(
        argv=(*_starting(place, safe), "restic", *options, *_options(place, destination.settings, safe)),
        environment=_environment(place, destination.settings, safe),
        place=place.text,
    )


def call_of_folder(repository: Path, password_file: Path) -> Call:
    """Return how restic is called for a repository in a folder that is no destination, with the password in a file."""
    place = place_in(str(repository))
    options = ("--repo", place.text, "--password-file", str(password_file))
    return Call(argv=("restic", *options), environment=dict(ENVIRONMENT), place=place.text)


def noted(call: Call, note: Path) -> Call:
    """Return the call so that the process it becomes is noted in a file, see `core.remotes.restic_locks`."""
    if call.argv[0] == "restic":
        return replace(call, argv=(*_python(str(note)), "--", *call.argv))
    return replace(call, argv=(*_python(str(note)), *call.argv[len(_python("-")) :]))


def plain_argv(call: Call) -> tuple[str, ...]:
    """Return what a person would type, without the process of ours that becomes restic."""
    return call.argv[call.argv.index("restic") :]


# What destinations ask


def init(call: Call) -> tuple[str, ...]:
    """Return the command that makes the repository."""
    return (*call.argv, "--no-cache", "init")


def unlock(call: Call) -> tuple[str, ...]:
    """Return the command that removes the locks of processes that restic knows are gone; never all of them."""
    return (*call.argv, "--no-cache", "unlock")


def list_locks(call: Call) -> tuple[str, ...]:
    """Return the command that lists the names of the locks, one a line."""
    return (*call.argv, "--no-cache", "--no-lock", "list", "locks")


def cat_lock(call: Call, lock_id: str) -> tuple[str, ...]:
    """Return the command that shows one lock as JSON."""
    return (*call.argv, "--no-cache", "--no-lock", "cat", "lock", "--", lock_id)


def snapshots(call: Call, *tags: str) -> tuple[str, ...]:
    """Return the command that lists the snapshots with all of these tags as JSON."""
    wanted = ("--tag", ",".join(tags)) if tags else ()
    return (*call.argv, "--no-cache", "--no-lock", "--json", "snapshots", *wanted)


def check(call: Call, subset: str = "") -> tuple[str, ...]:
    """Return the command that checks the repository's structure, and reads a subset of its data ("4/30"; "all")."""
    read = {"": (), "all": ("--read-data",)}.get(subset, (f"--read-data-subset={subset}",))
    return (*call.argv, "check", *read)


def stats(call: Call) -> tuple[str, ...]:
    """Return the command that tells how many bytes the repository holds, as JSON."""
    return (*call.argv, "--no-cache", "--no-lock", "--json", "stats", "--mode", "raw-data")


# How it is all told


class _Safe:
    """The secrets of one destination, and files made from them beside them."""

    def __init__(self, destination: Destination, destinations: Destinations) -> None:
        self._destination = destination
        self._destinations = destinations

    def has(self, name: str) -> bool:
        return name in self._destination.secrets

    def file(self, name: str) -> Path:
        """Return the file of a secret; raises EngineFailed where it is gone."""
        if self.has(name):
            try:
                return self._destinations.secret(self._destination.id, name)
            except FileNotFoundError:
                pass
        message = f"{self._destination.name} lacks its {name.replace('_', ' ')}."
        raise EngineFailed(message, hint="Enter it at the destination.", code="login-refused")

    def text(self, name: str) -> str:
        try:
            return self.file(name).read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError):
            message = f"The {name.replace('_', ' ')} of {self._destination.name} cannot be read."
            raise EngineFailed(message, hint="Enter it again at the destination.") from None

    def made(self, name: str, text: str) -> Path:
        """Return a file beside the secrets with this text in it; a new text makes a new file, so none is ever half one."""
        stamp = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = self.file("password").parent / f".{name}.{stamp}"
        if not path.is_file():
            with atomic.storage_errors("What restic is to read could not be kept"):
                atomic.write_whole(path, text.encode())
                _remove_older(path, name)
        return path


def _remove_older(path: Path, name: str) -> None:
    for other in path.parent.glob(f".{name}.*"):
        if other.name != path.name and len(other.name) == len(path.name):
            other.unlink(missing_ok=True)


def _python(note: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", str(STARTING), note)


def _starting(place: Place, safe: _Safe) -> tuple[str, ...]:
    wanted = FROM_FILES.get(place.backend, {})
    pairs = tuple(f"{variable}={safe.file(name)}" for variable, name in wanted.items() if safe.has(name))
    return (*_python("-"), *pairs, "--") if pairs else ()


def _repository(place: Place, safe: _Safe) -> tuple[str, ...]:
    if place.backend != "rest" or not safe.has("rest_password"):
        return ("--repo", place.text)
    scheme, _, address = place.text.removeprefix("rest:").partition("://")
    user = quote(safe.text("rest_user"), safe="")
    whole = f"rest:{scheme}://{user}:{quote(safe.text('rest_password'), safe='')}@{address}"
    return ("--repository-file", str(safe.made("repository", whole)))


def _options(place: Place, settings: Mapping[str, Any], safe: _Safe) -> tuple[str, ...]:
    options: list[str] = []
    if settings.get("ca_certificate"):
        options += ["--cacert", settings["ca_certificate"]]
    if place.backend == "s3":
        if settings.get("region"):
            options += ["-o", f"s3.region={settings['region']}"]
        if settings.get("bucket_lookup"):
            options += ["-o", f"s3.bucket-lookup={settings['bucket_lookup']}"]
    if place.backend == "sftp":
        options += ["-o", f"sftp.command={_ssh_command(place, settings, safe)}"]
    return tuple(options)


def _ssh_command(place: Place, settings: Mapping[str, Any], safe: _Safe) -> str:
    """Return the command of ssh in one line, as restic takes it apart; each part is ours or was checked."""
    wanted = ssh_settings(place, settings)
    if not wanted["host_key"]:
        message = f"The key of the host {place.host} was never confirmed."
        raise EngineFailed(message, hint="Test the destination and compare the fingerprint.", code="host-key")
    known_hosts = safe.made("known-hosts", ssh.known_hosts_text(wanted["host_key"]))
    who = f"{place.user}@{wanted['host']}" if place.user else wanted["host"]
    words = (*ssh.shell_for(wanted, safe.file("key"), known_hosts), "-s", "--", who, "sftp")
    if any("'" in word or "\\" in word for word in words):
        message = "restic cannot be told of files with ' or \\ in their paths."
        raise EngineFailed(message, hint="Keep Holdfast's data in a folder without them.")
    return " ".join(f"'{word}'" if " " in word or '"' in word else word for word in words)


def _environment(place: Place, settings: Mapping[str, Any], safe: _Safe) -> dict[str, str]:
    found = dict(ENVIRONMENT)
    for field, variable in FROM_SETTINGS.items():
        if settings.get(field):
            found[variable] = settings[field]
    if place.backend == "swift" and settings.get("region"):
        found["OS_REGION_NAME"] = settings["region"]
    if place.backend == "s3" and safe.has("key_id"):
        text = f"[default]\naws_access_key_id = {safe.text('key_id')}\naws_secret_access_key = {safe.text('key_secret')}\n"
        found["AWS_SHARED_CREDENTIALS_FILE"] = str(safe.made("aws-credentials", text))
    if place.backend == "gs" and safe.has("credentials"):
        found["GOOGLE_APPLICATION_CREDENTIALS"] = str(safe.file("credentials"))
    return found
