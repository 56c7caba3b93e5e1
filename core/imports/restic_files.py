"""A repository of restic, from the variables and files by which restic is told."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from core.imports.shell_words import assignment_in
from core.imports.values import Found, NotUnderstood, PlannedDestination, Remark
from core.places.drafts import DestinationDraft
from core.remotes.restic_places import SECRETS, SETTINGS, BadRepository, place_in

AS_SECRETS: Final = {
    "AWS_ACCESS_KEY_ID": "key_id",
    "AWS_SECRET_ACCESS_KEY": "key_secret",
    "B2_ACCOUNT_ID": "account_id",
    "B2_ACCOUNT_KEY": "account_key",
    "AZURE_ACCOUNT_KEY": "account_key",
    "AZURE_ACCOUNT_SAS": "sas_token",
    "OS_PASSWORD": "swift_password",
    "RESTIC_REST_USERNAME": "rest_user",
    "RESTIC_REST_PASSWORD": "rest_password",
    "RESTIC_PASSWORD": "password",
}
AS_SETTINGS: Final = {
    "AWS_DEFAULT_REGION": "region",
    "AZURE_ACCOUNT_NAME": "account_name",
    "GOOGLE_PROJECT_ID": "project_id",
    "OS_AUTH_URL": "auth_url",
    "OS_USERNAME": "user_name",
    "OS_USER_DOMAIN_NAME": "user_domain",
    "OS_PROJECT_NAME": "project_name",
    "OS_PROJECT_DOMAIN_NAME": "project_domain",
    "OS_REGION_NAME": "region",
    "RESTIC_CACERT": "ca_certificate",
}
FROM_FILES: Final = {
    "RESTIC_PASSWORD_FILE": "RESTIC_PASSWORD",
    "RESTIC_REPOSITORY_FILE": "RESTIC_REPOSITORY",
    "GOOGLE_APPLICATION_CREDENTIALS": "GOOGLE_CREDENTIALS",
}
"""Variables that name a file, and what it holds."""

COMMANDS: Final = frozenset({"RESTIC_PASSWORD_COMMAND"})
WITHOUT_MEANING: Final = frozenset(
    {"RESTIC_CACHE_DIR", "RESTIC_PROGRESS_FPS", "TMPDIR", "PATH", "HOME", "LANG"}
)


def read(text: str, files: Mapping[str, str]) -> Found:
    """Return the destination that a file of variables would be."""
    variables: dict[str, str] = {}
    left_out = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            pair = assignment_in(line)
        except NotUnderstood as error:
            left_out.append(Remark(place=f"line {number}", words=f"Left out: {error}."))
            continue
        if pair is not None:
            variables[pair[0]] = pair[1]
    return destination_in(variables, files, place="the file") + Found(left_out=tuple(left_out))


def destination_in(variables: Mapping[str, str], files: Mapping[str, str], *, place: str) -> Found:
    """Return the destination that these variables tell of, and what of them is left out."""
    known, missing = _with_files(variables, files)
    left_out = [Remark(place=place, words=words) for words in _words_of_what_is_left(known, missing)]
    repository = known.get("RESTIC_REPOSITORY", "")
    if not repository:
        words = "Left out: it names no repository (RESTIC_REPOSITORY)."
        return Found(left_out=(*left_out, Remark(place=place, words=words)), files=missing)
    try:
        planned = _planned(repository, known, place)
    except NotUnderstood as error:
        left_out.append(Remark(place=place, words=f"Left out: {error}."))
        return Found(left_out=tuple(left_out), files=missing)
    words = f"A repository of restic, {planned.draft.settings['repository']}."
    return Found(
        destinations=(planned,),
        understood=(Remark(place=place, words=words),),
        left_out=tuple(left_out),
        files=missing,
    )


def _with_files(
    variables: Mapping[str, str], files: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the variables with what the files they name hold, and the files that were not given."""
    known, missing = dict(variables), []
    for name, content in FROM_FILES.items():
        path = variables.get(name, "")
        if path in files:
            lines = files[path].splitlines()
            known[content] = files[path] if name.startswith("GOOGLE") else (lines[0] if lines else "")
        elif path:
            missing.append(path)
    return known, tuple(missing)


def _words_of_what_is_left(known: Mapping[str, str], missing: tuple[str, ...]) -> list[str]:
    words = [f"The file {path[:200]} is named and was not given along." for path in missing]
    for name in known:
        if name in COMMANDS:
            words.append(f"{name} is a command, and nothing is run. Enter the password at the destination.")
        elif name not in {*AS_SECRETS, *AS_SETTINGS, *FROM_FILES, *FROM_FILES.values(), *WITHOUT_MEANING}:
            words.append(f"{name[:60]} is not known here and left out.")
    return words


def _planned(repository: str, known: Mapping[str, str], place: str) -> PlannedDestination:
    repository, login = _without_login(repository)
    try:
        backend = place_in(repository).backend
    except BadRepository as error:
        raise NotUnderstood(f"Holdfast does not go to this repository: {str(error).rstrip('.')}") from None
    secrets = {AS_SECRETS[name]: value for name, value in known.items() if name in AS_SECRETS and value}
    secrets |= login
    if "GOOGLE_CREDENTIALS" in known:
        secrets["credentials"] = known["GOOGLE_CREDENTIALS"]
    settings = {AS_SETTINGS[name]: value for name, value in known.items() if name in AS_SETTINGS and value}
    draft = DestinationDraft(
        name=_name_of(repository),
        type="restic",
        settings={
            "repository": repository,
            **{name: value for name, value in settings.items() if name in SETTINGS[backend]},
        },
        secrets={name: value for name, value in secrets.items() if name in SECRETS[backend]},
    )
    return PlannedDestination(ref=repository, place=place, draft=draft)


def _without_login(repository: str) -> tuple[str, dict[str, str]]:
    """Return the repository without the user and password in its address, and those as secrets."""
    if not repository.startswith("rest:"):
        return repository, {}
    try:
        parts = urlsplit(repository.removeprefix("rest:"))
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise NotUnderstood("its address cannot be understood") from None
    if parts.username is None and parts.password is None:
        return repository, {}
    login = {"rest_user": unquote(parts.username or ""), "rest_password": unquote(parts.password or "")}
    host = f"[{host}]" if ":" in host else host
    bare = urlunsplit((parts.scheme, f"{host}{port}", parts.path, parts.query, parts.fragment))
    return f"rest:{bare}", {name: value for name, value in login.items() if value}


def _name_of(repository: str) -> str:
    """Return what to call it: the last two parts of where it is."""
    parts = [part for part in repository.replace(":", "/").split("/") if part]
    return " ".join(("restic", *parts[-2:]))[:80]
