"""Which backends of rclone a destination may have, and which of their options: a strict list.

Not on it is whatever runs a program (`bearer_token_command`, `ssh`, `server_command`), reads the environment or the
files of the user (`env_auth`, `profile`, `key_use_agent`), reaches another remote (`remote`, `upstreams`), sends headers
of one's own, or looks away (`no_check_certificate`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from core.models import Value

Form = Literal["text", "url", "number", "size", "bool", "file", "json", "pem"]


class BackendOption(Value, frozen=True, kw_only=True):
    """One option of a backend.

    `secret` is kept in a file of its own and never shown, `obscured` that rclone wants it scrambled in its
    configuration. `choices` are all the values it may have, where they are few.
    """

    name: str
    title: str
    form: Form = "text"
    needed: bool = False
    secret: bool = False
    obscured: bool = False
    choices: tuple[str, ...] = ()


class Backend(Value, frozen=True, kw_only=True):
    """What rclone can store files with. `buckets` is that the first part of a path is a bucket, which must be there."""

    name: str
    title: str
    options: tuple[BackendOption, ...] = ()
    buckets: bool = False

    def option(self, name: str) -> BackendOption | None:
        """Return the option of that name; None where it is not allowed."""
        return next((option for option in self.options if option.name == name), None)


def _text(name: str, title: str, *, needed: bool = False) -> BackendOption:
    return BackendOption(name=name, title=title, needed=needed)


def _one_of(name: str, title: str, *choices: str, needed: bool = False) -> BackendOption:
    return BackendOption(name=name, title=title, choices=choices, needed=needed)


def _flag(name: str, title: str) -> BackendOption:
    return BackendOption(name=name, title=title, form="bool", choices=("true", "false"))


def _number(name: str, title: str) -> BackendOption:
    return BackendOption(name=name, title=title, form="number")


def _size(name: str, title: str) -> BackendOption:
    return BackendOption(name=name, title=title, form="size")


def _url(name: str, title: str, *, needed: bool = False) -> BackendOption:
    return BackendOption(name=name, title=title, form="url", needed=needed)


def _secret(name: str, title: str, form: Form = "text", *, needed: bool = False) -> BackendOption:
    return BackendOption(name=name, title=title, form=form, secret=True, needed=needed)


def _password(name: str = "pass", title: str = "Password") -> BackendOption:
    return BackendOption(name=name, title=title, secret=True, obscured=True)


HOST: Final = _text("host", "Server", needed=True)
PORT: Final = _number("port", "Port")
USER: Final = _text("user", "User")
CHUNK: Final = _size("chunk_size", "Size of a part")
CUTOFF: Final = _size("upload_cutoff", "Send in parts from this size on")
OWN_CLIENT: Final = (_text("client_id", "Client id of your own"), _secret("client_secret", "Client secret"))
TOKEN: Final = _secret("token", "Token, as rclone authorize prints it", "json", needed=True)

S3_PROVIDERS: Final = (
    "AWS", "Alibaba", "ArvanCloud", "Ceph", "ChinaMobile", "Cloudflare", "DigitalOcean", "Dreamhost", "HuaweiOBS",
    "IBMCOS", "IDrive", "IONOS", "LyveCloud", "Minio", "Netease", "Other", "Qiniu", "RackCorp", "Scaleway",
    "SeaweedFS", "StackPath", "Storj", "TencentCOS", "Wasabi",
)  # fmt: skip

_ALL: Final = (
    Backend(name="local", title="A folder of this machine"),
    Backend(
        name="s3",
        title="S3 and what speaks it",
        buckets=True,
        options=(
            _one_of("provider", "Provider", *S3_PROVIDERS, needed=True),
            _text("access_key_id", "Access key id", needed=True),
            _secret("secret_access_key", "Secret access key", needed=True),
            _secret("session_token", "Session token"),
            _text("endpoint", "Endpoint"),
            _text("region", "Region"),
            _text("location_constraint", "Location constraint"),
            _one_of("acl", "Access list", "private", "bucket-owner-read", "bucket-owner-full-control"),
            _text("storage_class", "Storage class"),
            _one_of("server_side_encryption", "Encryption at the server", "AES256", "aws:kms"),
            _text("sse_kms_key_id", "Id of the KMS key"),
            _flag("force_path_style", "Bucket in the path"),
            _flag("v2_auth", "Old signatures"),
            _flag("no_check_bucket", "Do not look whether the bucket is there"),
            _number("upload_concurrency", "Parts at once"),
            CHUNK,
            CUTOFF,
        ),
    ),
    Backend(
        name="webdav",
        title="WebDAV",
        options=(
            _url("url", "Address", needed=True),
            _one_of(
                "vendor", "Kind of server", "nextcloud", "owncloud", "sharepoint", "sharepoint-ntlm", "other"
            ),
            USER,
            _password(),
            _secret("bearer_token", "Bearer token"),
        ),
    ),
    Backend(
        name="sftp",
        title="SFTP with a password",
        options=(
            HOST,
            BackendOption(
                name="known_hosts_file", title="File with the keys of known hosts", form="file", needed=True
            ),
            PORT,
            _text("user", "User", needed=True),
            _password(),
            _secret("key_pem", "Private key", "pem"),
            _password("key_file_pass", "Passphrase of the key"),
            _one_of("shell_type", "Shell of the server", "none", "unix", "powershell", "cmd"),
            _flag("disable_hashcheck", "No checksums by commands of the server"),
            _flag("set_modtime", "Keep times"),
        ),
    ),
    Backend(
        name="b2",
        title="Backblaze B2",
        buckets=True,
        options=(
            _text("account", "Key id", needed=True),
            _secret("key", "Application key", needed=True),
            _url("endpoint", "Endpoint"),
            _flag("hard_delete", "Delete for good"),
            CHUNK,
            CUTOFF,
        ),
    ),
    Backend(
        name="swift",
        title="OpenStack Swift",
        buckets=True,
        options=(
            _text("user", "User"),
            _secret("key", "Password or key"),
            _url("auth", "Address of the login", needed=True),
            _text("user_id", "User id"),
            _text("domain", "Domain"),
            _text("tenant", "Tenant or project"),
            _text("tenant_id", "Id of the tenant"),
            _text("tenant_domain", "Domain of the tenant"),
            _text("region", "Region"),
            _url("storage_url", "Address of the storage"),
            _secret("auth_token", "Token"),
            _text("application_credential_id", "Id of the application credential"),
            _text("application_credential_name", "Name of the application credential"),
            _secret("application_credential_secret", "Secret of the application credential"),
            _one_of("auth_version", "Version of the login", "0", "1", "2", "3"),
            _one_of("endpoint_type", "Endpoint", "public", "internal", "admin"),
            CHUNK,
        ),
    ),
    Backend(
        name="azureblob",
        title="Azure Blob Storage",
        buckets=True,
        options=(
            _text("account", "Storage account"),
            _secret("key", "Account key"),
            _secret("sas_url", "SAS address", "url"),
            _url("endpoint", "Endpoint"),
            _one_of("access_tier", "Tier", "hot", "cool", "archive"),
            CHUNK,
        ),
    ),
    Backend(
        name="google cloud storage",
        title="Google Cloud Storage",
        buckets=True,
        options=(
            _secret("service_account_credentials", "Key of the service account", "json"),
            *OWN_CLIENT,
            _secret("token", "Token, as rclone authorize prints it", "json"),
            _text("project_number", "Project number"),
            _text("location", "Location"),
            _text("storage_class", "Storage class"),
            _flag("bucket_policy_only", "Access by the bucket's policy only"),
        ),
    ),
    Backend(
        name="drive",
        title="Google Drive",
        options=(
            *OWN_CLIENT,
            _secret("token", "Token, as rclone authorize prints it", "json"),
            _secret("service_account_credentials", "Key of the service account", "json"),
            _one_of("scope", "May do", "drive", "drive.file"),
            _text("root_folder_id", "Id of the top folder"),
            _text("team_drive", "Id of the shared drive"),
            _flag("use_trash", "Delete into the trash"),
            _flag("skip_gdocs", "Leave Google documents out"),
            CHUNK,
        ),
    ),
    Backend(name="dropbox", title="Dropbox", options=(TOKEN, *OWN_CLIENT, CHUNK)),
    Backend(
        name="onedrive",
        title="OneDrive",
        options=(
            TOKEN,
            *OWN_CLIENT,
            _text("drive_id", "Id of the drive", needed=True),
            _one_of("drive_type", "Kind of drive", "personal", "business", "documentLibrary", needed=True),
            _one_of("region", "Region", "global", "us", "de", "cn"),
            CHUNK,
        ),
    ),
    Backend(
        name="ftp",
        title="FTP",
        options=(
            HOST,
            PORT,
            USER,
            _password(),
            _flag("tls", "Encrypted from the start (FTPS)"),
            _flag("explicit_tls", "Encrypted after a greeting"),
            _number("concurrency", "Connections at most"),
            _flag("disable_epsv", "No EPSV"),
            _flag("disable_mlsd", "No MLSD"),
            _flag("disable_tls13", "No TLS 1.3"),
            _flag("writing_mdtm", "Set times by MDTM"),
        ),
    ),
    Backend(
        name="smb",
        title="Windows share (SMB)",
        options=(HOST, PORT, USER, _password(), _text("domain", "Domain")),
    ),
)

BACKENDS: Final[Mapping[str, Backend]] = MappingProxyType({backend.name: backend for backend in _ALL})
"""Every backend there is, by the name that rclone gives it."""

CRYPT_PASSWORD: Final = "crypt_password"  # noqa: S105 - the name of a secret
CRYPT_SALT: Final = "crypt_password2"

CRYPT_NAMES: Final = ("standard", "obfuscate", "off")
"""How the names of files are encrypted where everything is (`encrypt`)."""


def secrets_of(backend: str, *, encrypted: bool = False) -> tuple[BackendOption, ...]:
    """Return the secrets that a destination with this backend may have."""
    own = tuple(option for option in BACKENDS[backend].options if option.secret)
    if not encrypted:
        return own
    return (
        *own,
        BackendOption(
            name=CRYPT_PASSWORD, title="Password of the encryption", secret=True, obscured=True, needed=True
        ),
        BackendOption(name=CRYPT_SALT, title="Second password, or salt", secret=True, obscured=True),
    )
