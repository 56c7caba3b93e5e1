"""How a destination is asked for: one form for each kind of place that people know by name.

A form's fields are drawn as those of a job's kind are, from `properties` as JSON Schema has them. A field is named for
where its value belongs: `path` and `options.url` are settings, `secrets.pass` is a secret, which has `writeOnly`: it is never
filled in again, and left empty it stays as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from core.destinations.known import Destination, DestinationType
from core.errors import NotFound
from core.models import Value
from core.places.remote import NEEDED_BY_RESTIC
from core.remotes import restic_places
from core.remotes.backends import BACKENDS, Backend, BackendOption, secrets_of

SECRETS: Final = "secrets."
OPTIONS: Final = "options."

Properties = Mapping[str, Mapping[str, Any]]


class Form(Value, frozen=True, kw_only=True):
    """One way to ask for a destination. `fixed` are settings that nobody is asked for."""

    id: str
    type: DestinationType
    label: str
    summary: str
    properties: Properties
    required: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = {}

    @property
    def json_schema(self) -> dict[str, Any]:
        """Return the fields as JSON Schema."""
        return {
            "type": "object",
            "title": self.label,
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }


class Filled(Value, frozen=True, kw_only=True):
    """What a form says. `secrets` are values."""

    settings: Mapping[str, Any]
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        """Return it without what nobody may read."""
        return f"Filled({sorted(self.settings)}, {sorted(self.secrets)})"


def forms() -> tuple[Form, ...]:
    """Return every form there is, the most common first."""
    return FORMS


def form(form_id: str) -> Form:
    """Return the form of this id; raises NotFound."""
    found = next((each for each in forms() if each.id == form_id), None)
    if found is None:
        raise NotFound("type of destination", form_id[:60])
    return found


def form_of(destination: Destination) -> Form:
    """Return the form by which a destination could have been entered."""
    of_type = [each for each in forms() if each.type == destination.type]
    fitting = (each for each in of_type if _fits(each, destination.settings))
    return next(fitting, of_type[0])


def _fits(form: Form, settings: Mapping[str, Any]) -> bool:
    if beginning := form.fixed.get("repository"):  # how it begins, for a text that is asked for as a whole
        return str(settings.get("repository", "")).startswith(beginning)
    return all(settings.get(name) == value for name, value in form.fixed.items())


def filled(form: Form, values: Mapping[str, Any]) -> Filled:
    """Return the settings and secrets that the fields say; a field that is empty says nothing, one not asked for neither."""
    settings: dict[str, Any] = {name: value for name, value in form.fixed.items() if name != "repository"}
    options: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for name, about in form.properties.items():
        value = _value(values.get(name), about)
        if value is None or not _is_asked(about, values):
            continue
        if name.startswith(SECRETS):
            secrets[name.removeprefix(SECRETS)] = str(value)
        elif name.startswith(OPTIONS):
            options[name.removeprefix(OPTIONS)] = value
        else:
            settings[name] = value
    return Filled(settings=settings | ({"options": options} if options else {}), secrets=secrets)


def values_of(form: Form, destination: Destination) -> dict[str, Any]:
    """Return what stands in the fields of a form for a destination: all but its secrets."""
    options = destination.settings.get("options") or {}
    values = {**destination.settings, **{OPTIONS + name: value for name, value in options.items()}}
    return {name: values[name] for name in form.properties if name in values}


def _is_asked(about: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(str(values.get(name, "")) == str(wanted) for name, wanted in about.get("shown_if", {}).items())


def _value(given: Any, about: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what a form or a program sent
    """Return a field's value as its setting takes it; None where nothing was said."""
    if given is None or given == "":
        return None
    if (
        about["type"] == "integer"
        and isinstance(given, str)
        and given.strip().isascii()
        and given.strip().isdigit()
    ):
        return int(given.strip()[:12])
    if about["type"] == "boolean":
        return given in {True, "true", "on", "1"}
    return given if about.get("writeOnly") or not isinstance(given, str) else given.strip()


# The fields


def _field(title: str, description: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON Schema
    return {"type": "string", "title": title, "description": description, **more}


def _secret(title: str, description: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON Schema
    return _field(title, description, writeOnly=True, **{"widget": "secret"} | more)


def _folder() -> Form:
    return Form(
        id="folder",
        type="folder",
        label="Folder of this machine",
        summary="A second disk, a USB disk, a NAS share that is mounted",
        properties={
            "path": _field("Folder", "Where copies go", widget="folder", placeholder="/mnt/backup"),
            "mounted": _field(
                "A disk must be mounted there",
                "A marker in the folder is looked for before each copy: without it the disk is not there, "
                "and nothing is written",
                type="boolean",
                widget="toggle",
                default=True,
            ),
        },
        required=("path",),
    )


def _ssh() -> Form:
    return Form(
        id="ssh",
        type="ssh",
        label="Another machine, by SSH",
        summary="A server or a NAS that you can log in to; for rsync",
        properties={
            "host": _field("Host", "Its name or address", placeholder="nas.example.org"),
            "port": _field("Port", "22 unless you know better", type="integer", default=22),
            "user": _field("User", "Whom to log in as", placeholder="backup"),
            "path": _field(
                "Folder there", "From / on, or below that user's home folder", placeholder="/srv/backup"
            ),
            "secrets.key": _secret(
                "Private key",
                "A key without a passphrase, made for this alone: ssh-keygen -t ed25519 -N '' -f key; "
                "its .pub belongs into authorized_keys there",
                widget="secret-text",
                placeholder="-----BEGIN OPENSSH PRIVATE KEY-----",
            ),
            "host_key": _field(
                "Key of the host",
                "Is filled in when you have compared the fingerprint that a test shows",
                widget="host-key",
            ),
        },
        required=("host", "path", "secrets.key"),
    )


COMMON: Final = ("webdav", "s3", "b2", "smb", "sftp", "drive", "onedrive", "dropbox", "azureblob")
"""The backends of rclone that stand first."""


def _rclone() -> Iterator[Form]:
    names = [*COMMON, *(name for name in BACKENDS if name not in COMMON)]
    return (_of_backend(BACKENDS[name]) for name in names)


def _of_backend(backend: Backend) -> Form:
    properties = {
        OPTIONS + option.name: _of_option(option) for option in backend.options if not option.secret
    }
    properties |= {SECRETS + each.name: _of_option(each) for each in secrets_of(backend.name)}
    properties["path"] = _field(
        "Bucket and path" if backend.buckets else "Path there",
        "The bucket must be there; a path below it is made" if backend.buckets else "Empty is its top folder",
        placeholder="my-bucket/backups" if backend.buckets else "backups",
    )
    properties["encrypt"] = _field(
        "Encrypt",
        "Whether rclone encrypts everything that goes there, and the names of files too",
        enum=["", "standard", "off"],
        widget="choice",
        choices={"": "No", "standard": "Contents and names", "off": "Contents only"},
        group="encryption",
        default="",
    )
    for each in secrets_of(backend.name, encrypted=True)[len(secrets_of(backend.name)) :]:
        properties[SECRETS + each.name] = _of_option(each) | {"group": "encryption"}
    needed = [OPTIONS + option.name for option in backend.options if option.needed and not option.secret]
    needed += [SECRETS + option.name for option in backend.options if option.needed and option.secret]
    return Form(
        id=f"rclone-{backend.name.replace(' ', '-')}",
        type="rclone",
        label=backend.title,
        summary="By rclone",
        properties=properties,
        required=(*needed, "path") if backend.buckets else tuple(needed),
        fixed={"backend": backend.name},
    )


def _of_option(option: BackendOption) -> dict[str, Any]:
    if option.secret:
        long = option.form in {"pem", "json"}
        return _secret(option.title, "", widget="secret-text" if long else "secret")
    if option.choices:
        choices = {"": "Not said", **{value: value for value in option.choices}}
        return _field(
            option.title, "", enum=list(choices), widget="choice", choices=choices, group=_group(option)
        )
    return _field(option.title, "", group=_group(option))


def _group(option: BackendOption) -> str:
    """Return where a field stands: what is not needed stands folded."""
    return "" if option.needed or option.name in {"user", "port", "vendor", "endpoint", "region"} else "more"


class _Repository(NamedTuple):
    """What is special about repositories in one kind of place."""

    backend: restic_places.Backend
    label: str
    example: str
    beginning: str


REPOSITORIES: Final = (
    _Repository("local", "restic repository in a folder", "/mnt/backup/restic", "/"),
    _Repository("rest", "restic repository at a REST server", "rest:https://host:8000/name", "rest:"),
    _Repository("s3", "restic repository in S3", "s3:https://s3.example.org/bucket/path", "s3:"),
    _Repository("b2", "restic repository in Backblaze B2", "b2:bucket:path", "b2:"),
    _Repository("sftp", "restic repository by SFTP", "sftp:user@host:/srv/restic", "sftp:"),
    _Repository("azure", "restic repository in Azure", "azure:container:/path", "azure:"),
    _Repository("gs", "restic repository in Google Cloud", "gs:bucket:/path", "gs:"),
    _Repository("swift", "restic repository in Swift", "swift:container:/path", "swift:"),
)

WITHOUT_IT: Final = (
    "Without it nobody reads the backups, you neither: keep a copy elsewhere. "
    "For a new repository leave it empty, and one is made when you prepare it"
)
WORDS_OF_RESTIC: Final[Mapping[str, tuple[str, str]]] = {
    "host_key": ("Key of the host", "Is filled in when you have compared the fingerprint that a test shows"),
    "ca_certificate": (
        "Certificate",
        "File with the certificate that signed the server's, where it is your own",
    ),
    "region": ("Region", "Where the provider asks for it"),
    "bucket_lookup": ("Bucket in the address", "auto, dns or path"),
    "account_name": ("Storage account", ""),
    "project_id": ("Project", "Its id"),
    "auth_url": ("Address of the login", ""),
    "user_name": ("User", ""),
    "user_domain": ("Domain of the user", ""),
    "project_name": ("Project", ""),
    "project_domain": ("Domain of the project", ""),
    "password": ("Password of the repository", WITHOUT_IT),
    "key": ("Private key", "A key without a passphrase, made for this alone"),
    "rest_user": ("User at the server", ""),
    "rest_password": ("Password at the server", ""),
    "key_id": ("Access key id", ""),
    "key_secret": ("Secret access key", ""),
    "account_id": ("Key id", ""),
    "account_key": ("Key", ""),
    "sas_token": ("SAS token", ""),
    "credentials": ("Key of the service account", "The whole JSON"),
    "swift_password": ("Password of the user", ""),
}
LONG_SECRETS: Final = frozenset({"key", "credentials"})


def _restic() -> Iterator[Form]:
    for each in REPOSITORIES:
        backend = each.backend
        properties = {"repository": _repository(each)}
        for name in restic_places.SECRETS[backend]:
            widget = "secret-text" if name in LONG_SECRETS else "secret"
            properties[SECRETS + name] = _secret(*WORDS_OF_RESTIC[name], widget=widget)
        for name in restic_places.SETTINGS[backend]:
            more = {"widget": "host-key"} if name == "host_key" else {}
            properties[name] = _field(*WORDS_OF_RESTIC[name], **more)
        needed = [SECRETS + name for name in restic_places.SECRETS[backend] if name in NEEDED_BY_RESTIC]
        yield Form(
            id=f"restic-{backend}",
            type="restic",
            label=each.label,
            summary="Snapshots, encrypted and without doubles; by restic",
            properties=properties,
            required=("repository", *needed),
            fixed={"repository": each.beginning},
        )


def _repository(about: _Repository) -> dict[str, Any]:
    here = about.backend == "local"
    more = {"widget": "folder"} if here else {}
    words = "A folder of its own; it is made when you prepare it" if here else "As restic writes it"
    return _field("Repository", words, placeholder=about.example, **more)


FORMS: Final = (_folder(), _ssh(), *_restic(), *_rclone())
