"""Destinations that rclone reaches: what may be set, how its configuration is written, how it is called.

A configuration has one remote of a fixed name and is a file of its own, so nothing that a person enters is ever a
remote's name, an option or a command. What rclone's last words mean is in `core.remotes.rclone_troubles`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from core.destinations.known import Destination, Destinations
from core.errors import EngineFailed
from core.remotes.asking import ask
from core.remotes.backends import BACKENDS, CRYPT_NAMES, CRYPT_PASSWORD, CRYPT_SALT, BackendOption, secrets_of
from core.remotes.calls import Call
from core.remotes.rclone_troubles import trouble
from core.schedules.zones import own_zone_name

__all__ = ["call", "config_text", "environment", "leading", "settings_problems", "trouble"]

REMOTE: Final = "holdfast"
INNER: Final = "inner"
CONFIG: Final = "rclone.conf"
"""The name of the remote, of the one below it where everything is encrypted, and of the secret that has both."""

PATHS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LONGEST: Final = 4_096
KNOWN: Final = frozenset({"backend", "options", "path", "encrypt", "encrypt_folders"})
SIZE: Final = re.compile(r"[1-9]\d{0,8}[KMGkmg]?i?\Z")
NUMBER: Final = re.compile(r"\d{1,9}\Z")
URL: Final = re.compile(r"https?://[^/\s]+[^\s]*\Z")
LOGIN: Final = re.compile(r"(?<=://)[^/?#]*@")
"""A user, and perhaps a password, in an address: whatever is no secret is shown."""

Settings = Mapping[str, Any]


def call(destination: Destination, destinations: Destinations, below: str = "") -> Call:
    """Return how rclone is called to find a place; raises FileNotFoundError where its configuration is gone."""
    config = destinations.secret(destination.id, CONFIG)
    path = _joined(str(destination.settings.get("path", "")), below)
    return Call(
        argv=leading(str(config)),
        environment=environment(str(config.parent)),
        # Encrypted names are below what the inner remote already points at.
        place=f"{REMOTE}:{below if destination.settings.get('encrypt') else path}",
    )


def leading(config: str) -> tuple[str, ...]:
    """Return the program with the options of every call; `config` is its file, "" is none at all."""
    return ("rclone", "--config", config, "--ask-password=false")


def environment(home: str) -> dict[str, str]:
    """Return all the environment that rclone gets."""
    return {"PATH": PATHS, "HOME": home, "XDG_CACHE_HOME": home, "LANG": "C.UTF-8", "TZ": own_zone_name()}


def _joined(path: str, below: str) -> str:
    return f"{path.rstrip('/')}/{below}" if path.rstrip("/") and below else path or below


# What may be set


def settings_problems(settings: Settings) -> dict[str, str]:
    """Return what is wrong with each field; a field that nobody knows is wrong, and so is a secret among the options."""
    found = {name: "There is no such setting." for name in settings if name not in KNOWN}
    backend = settings.get("backend")
    if not isinstance(backend, str) or backend not in BACKENDS:
        return found | {"backend": f"Choose one of {', '.join(BACKENDS)}."}
    options = settings.get("options", {})
    if not isinstance(options, Mapping):
        return found | {"options": "These are names, each with a value."}
    found |= _option_problems(backend, options)
    if problem := _problem_of_path(backend, settings.get("path", "")):
        found["path"] = problem
    if settings.get("encrypt", "") not in {"", *CRYPT_NAMES}:
        found["encrypt"] = f"Choose one of {', '.join(CRYPT_NAMES)}, or nothing."
    if not isinstance(settings.get("encrypt_folders", True), bool):
        found["encrypt_folders"] = "This must be true or false."
    return found


def _option_problems(backend: str, options: Settings) -> dict[str, str]:
    known = {option.name: option for option in BACKENDS[backend].options}
    found = {}
    for name, value in options.items():
        option = known.get(str(name))
        if option is None:
            found[f"options.{name}"] = f"{backend} has no option of this name that Holdfast allows."
        elif option.secret:
            found[f"options.{name}"] = "This is a secret; give it as one."
        elif problem := problem_of(option, value):
            found[f"options.{name}"] = problem
    missing = (option for option in known.values() if option.needed and not option.secret)
    return found | {
        f"options.{option.name}": "This is needed."
        for option in missing
        if options.get(option.name) in {None, ""}
    }


def problem_of(option: BackendOption, value: object) -> str:
    """Return what is wrong with the value of an option, secret or not; empty where nothing is."""
    if not isinstance(value, str | int) or len(str(value)) > LONGEST * (8 if option.secret else 1):
        return "This must be a short text."
    text = str(value).lower() if option.form == "bool" else str(value)
    if option.form in {"json", "pem"}:
        return _problem_of_document(option, text)
    if problem := _problem_of_text(text, secret=option.secret):
        return problem
    if text and option.choices and text not in option.choices:
        return f"Choose one of {', '.join(option.choices)}."
    return "" if not text or FORMS.get(option.form, ANYTHING).match(text) else WORDS[option.form]


ANYTHING: Final = re.compile("")
FORMS: Final = {"url": URL, "number": NUMBER, "size": SIZE, "file": re.compile(r"/[^\s]+\Z")}
WORDS: Final = {
    "url": "This must be an address that begins with http:// or https://.",
    "number": "This must be a whole number.",
    "size": "This must be a size such as 64M.",
    "file": "This must be the whole path of a file, from / on.",
}


def _problem_of_text(text: str, *, secret: bool) -> str:
    """Return why a text cannot stand in the configuration as it is."""
    if any(not character.isprintable() for character in text) or text != text.strip():
        return "This must be one line, without control characters and without spaces at its ends."
    if secret:
        return ""
    if text.startswith(("-", ":")):
        return "This cannot begin with - or :."
    if LOGIN.search(text):
        return "Leave the user and the password out of the address: they have fields of their own."
    return "This cannot begin with a quote or have %( in it." if _is_read_otherwise(text) else ""


def _is_read_otherwise(text: str) -> bool:
    """Tell whether the file's reader takes the value for more than it says: a quote, or the name of another value."""
    return text.startswith(('"', "`", "'")) or "%(" in text or text.endswith("\\")


def _problem_of_document(option: BackendOption, text: str) -> str:
    if option.form == "pem":
        good = text.lstrip().startswith("-----BEGIN ") and all(
            character.isprintable() or character == "\n" for character in text
        )
        return "" if good and not _is_read_otherwise(text.strip()) else "This must be a private key in PEM."
    try:
        good = isinstance(json.loads(text), dict)
    except ValueError:
        good = False
    return "" if good and "%(" not in text else "This must be a JSON object."


def _problem_of_path(backend: str, path: object) -> str:
    if not isinstance(path, str) or len(path) > LONGEST:
        return "This must be a path."
    if any(not character.isprintable() for character in path) or path.startswith(("-", ":")):
        return "A path has no control characters and does not begin with - or :."
    if any(part in {".", ".."} for part in path.split("/")) or "//" in path:
        return "A path has no empty part, no . and no .."
    if backend == "local" and not path.startswith("/"):
        return "Write the whole path, from / on."
    if BACKENDS[backend].buckets and not path.strip("/"):
        return "Name the bucket, with a path below it if you like."
    return ""


# The configuration


def config_text(settings: Settings, secrets: Mapping[str, str]) -> str:
    """Return the configuration of a destination whose settings are good.

    Raises EngineFailed, without a secret in it, where a secret is missing, cannot be written down, or rclone is not there.
    """
    encrypt = str(settings.get("encrypt", ""))
    backend = str(settings["backend"])
    lines = [f"[{INNER if encrypt else REMOTE}]", f"type = {backend}"]
    lines += [
        f"{name} = {_plain(value)}" for name, value in settings.get("options", {}).items() if str(value)
    ]
    lines += _secret_lines(secrets, secrets_of(backend))
    lines += ["env_auth = false"] if backend in {"s3", "swift"} else []
    if encrypt:
        lines += _crypt_lines(settings, encrypt, secrets)
    return "\n".join(lines) + "\n"


def _crypt_lines(settings: Settings, encrypt: str, secrets: Mapping[str, str]) -> list[str]:
    folders = str(settings.get("encrypt_folders", True)).lower()
    path = str(settings.get("path", ""))
    if _is_read_otherwise(path) or path != path.strip():
        raise _unwritable("path")
    own = tuple(option for option in secrets_of("local", encrypted=True))
    lines = ["", f"[{REMOTE}]", "type = crypt", f"remote = {INNER}:{path}"]
    lines += [f"filename_encryption = {encrypt}", f"directory_name_encryption = {folders}"]
    named = {CRYPT_PASSWORD: "password", CRYPT_SALT: "password2"}
    return lines + _secret_lines(secrets, own, named)


def _secret_lines(
    secrets: Mapping[str, str], options: tuple[BackendOption, ...], named: Mapping[str, str] | None = None
) -> list[str]:
    lines = []
    for option in options:
        value = secrets.get(option.name, "")
        if not value and option.needed:
            raise _unwritable(option.title, "is needed")
        if value:
            lines.append(f"{(named or {}).get(option.name, option.name)} = {_written(option, value)}")
    return lines


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _written(option: BackendOption, value: str) -> str:
    """Return a secret as it stands in the configuration: one line that is read as what it is."""
    if option.form not in {"json", "pem"}:
        value = value.rstrip("\n")
    if problem_of(option, value):
        raise _unwritable(option.title)
    if option.obscured:
        return _obscured(value)
    if option.form == "json":
        return json.dumps(json.loads(value), separators=(",", ":"))
    if option.form == "pem":
        return value.strip().replace("\n", "\\n")
    if _is_read_otherwise(value):
        raise _unwritable(option.title)
    return value


def _unwritable(what: str, why: str = "cannot be written into rclone's configuration") -> EngineFailed:
    return EngineFailed(f"{what}: this {why}.", hint="Look at what was entered.", code="refused")


def _obscured(value: str) -> str:
    """Return a password as rclone scrambles it in its configuration; it is told by a pipe, never by an argument."""
    asked = ask(("rclone", "--config", "", "obscure", "-"), environment("/"), stdin=f"{value}\n")
    if asked.code != 0 or not asked.out.strip():
        message = "rclone could not be asked to write the password down."
        raise EngineFailed(message, hint="Look whether rclone is installed: holdfast doctor says.")
    return asked.out.strip()
