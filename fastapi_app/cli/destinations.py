"""`holdfast destination`: places for copies, made, tested and made ready. No secret is ever an argument."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.destinations.secret_files import LARGEST
from core.errors import InvalidOptions
from core.places import forms
from core.places.forms import SECRETS, Form
from core.sizes import size
from fastapi_app.cli.destination_desk import Desk, Row, the_desk
from fastapi_app.cli.terminal import AsJson, Data, note, say, say_json, say_table, shown

FAILED: Final = 1

app = typer.Typer(help="Places for copies.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[str, typer.Argument(help="The id of the destination; `destination list` has it.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, such as host=nas.example.org; may be repeated.")
]
SecretFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--secret-file",
        help="A secret and the file that holds it, such as key=/root/key; - reads standard input.",
    ),
]
Trust = Annotated[
    str, typer.Option("--fingerprint", help="The fingerprint of the host's key, as you know it: SHA256:…")
]


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@app.command(
    "types", epilog=_examples("holdfast destination types", "holdfast destination types rclone-webdav")
)
def types(
    form: Annotated[str, typer.Argument(help="One of them, to see what it asks for.")] = "",
    as_json: AsJson = False,
) -> None:
    """List what can be a destination; of one, what it asks for."""
    if form:
        chosen = forms.form(form)
        say_json(chosen.json_schema) if as_json else _tell_fields(chosen)
        return
    rows = [(each.id, each.label, each.summary) for each in forms.forms()]
    if as_json:
        say_json([{"id": name, "label": label, "summary": summary} for name, label, summary in rows])
    else:
        say_table(("type", "what", "for"), rows)


@app.command(
    "add",
    epilog=_examples(
        "holdfast destination add disk folder --set path=/mnt/backup",
        "holdfast destination add nas ssh --set host=nas --set user=backup --set path=/srv --secret-file key=/root/key",
    ),
)
def add(
    name: Annotated[str, typer.Argument(help="What you call it; its id is made from that.")],
    form: Annotated[str, typer.Argument(metavar="TYPE", help="One of `destination types`.")],
    settings: Settings = None,
    secret_file: SecretFiles = None,
    fingerprint: Trust = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a destination and look at it. Secrets that are missing are asked for on a terminal."""
    chosen = forms.form(form)
    values = _settings_in(settings, chosen) | _secrets_in(secret_file, chosen)
    said = forms.filled(chosen, values | _asked_for(chosen, values))
    entry = {
        "name": name,
        "type": chosen.type,
        "settings": dict(said.settings),
        "secrets": dict(said.secrets),
    }
    with the_desk(data) as desk:
        made = desk.add(entry)
        state = _tested(desk, made["id"], fingerprint)
        made = desk.show(made["id"])
    if as_json:
        say_json(made)
        return
    say(shown(f"Added {made['name']} as {made['id']}."))
    _tell_seen(state["seen"])
    if not state["seen"]["prepared"]:
        say(f"Make it ready with: holdfast destination prepare {made['id']}")


@app.command("list", epilog=_examples("holdfast destination list --json"))
def list_all(data: Data = None, as_json: AsJson = False) -> None:
    """List every destination, and how it is."""
    with the_desk(data) as desk:
        every = desk.every()
    if as_json:
        say_json(every)
    elif every:
        rows = [(each["id"], each["name"], each["type"], each["standing"], *_sizes(each)) for each in every]
        say_table(("id", "name", "type", "state", "free", "outlook"), rows)
    else:
        say("There is no destination yet: holdfast destination add.")


@app.command("show", epilog=_examples("holdfast destination show nas"))
def show(destination: Id, data: Data = None, as_json: AsJson = False) -> None:
    """Show a destination: its settings, the names of its secrets, how it is, and which jobs use it."""
    with the_desk(data) as desk:
        found = desk.show(destination)
    if as_json:
        say_json(found)
        return
    say(shown(f"{found['name']} ({found['id']}, {found['type']}): {found['standing']}"))
    for name, value in found["settings"].items():
        say(shown(f"  {name}: {value}"))
    say(f"  secrets: {', '.join(found['secrets']) or 'none'}")
    say(shown(f"  used by: {', '.join(found['used_by']) or 'no job'}"))
    if found["state"]:
        _tell_seen(found["state"]["seen"])


@app.command("edit", epilog=_examples("holdfast destination edit nas --set path=/srv/other"))
def edit(
    destination: Id,
    name: Annotated[str, typer.Option(help="What you call it from now on.")] = "",
    settings: Settings = None,
    secret_file: SecretFiles = None,
    remove_secret: Annotated[
        list[str] | None, typer.Option(help="A secret to remove; may be repeated.")
    ] = None,
    fingerprint: Trust = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Change a destination. Settings and secrets that are not named stay."""
    with the_desk(data) as desk:
        before = desk.show(destination)
        chosen = forms.form(before["form"])
        values = _settings_in(settings, chosen) | _secrets_in(secret_file, chosen)
        said = forms.filled(chosen, _present(before) | values)
        secrets: dict[str, str | None] = {**dict.fromkeys(remove_secret or ()), **said.secrets}
        change: Row = {"version": before["version"], "settings": dict(said.settings), "secrets": secrets}
        changed = desk.edit(destination, change | ({"name": name} if name else {}))
        if fingerprint:
            _tested(desk, destination, fingerprint)
            changed = desk.show(destination)
    say_json(changed) if as_json else say(shown(f"{changed['name']} is at version {changed['version']}."))


@app.command("remove", epilog=_examples("holdfast destination remove nas --yes"))
def remove(
    destination: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    data: Data = None,
) -> None:
    """Remove a destination and its secrets. What lies there stays."""
    with the_desk(data) as desk:
        name = desk.show(destination)["name"]
        if not yes:
            typer.confirm(f"Remove {shown(name)} and its secrets? What lies there stays.", abort=True)
        desk.remove(destination)
    say("Removed.")


@app.command("test", epilog=_examples("holdfast destination test nas"))
def look(destination: Id, fingerprint: Trust = "", data: Data = None, as_json: AsJson = False) -> None:
    """Look at a destination now. Exit code 0 when it can be used, 1 when not."""
    with the_desk(data) as desk:
        state = _tested(desk, destination, fingerprint)
    say_json(state) if as_json else _tell_seen(state["seen"])
    if not state["reachable"]:
        raise typer.Exit(FAILED)


@app.command("prepare", epilog=_examples("holdfast destination prepare repo --generate"))
def prepare(
    destination: Id,
    generate: Annotated[
        bool, typer.Option("--generate", help="Have a password made, and shown once.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make the folder with its marker, or a new repository; its password is asked for twice unless one is made."""
    with the_desk(data) as desk:
        found = desk.show(destination)
        wanted = found["type"] == "restic" and "password" not in found["secrets"] and not generate
        entry = {"password": _new_password() if wanted else "", "generate": generate}
        prepared = desk.prepare(destination, entry)
    if as_json:
        say_json(prepared)
        return
    if prepared["password"]:
        say(f"The password of the repository: {prepared['password']}")
        note("Keep it somewhere else too: without it nobody can read the backups. It is not shown again.")
    _tell_seen(prepared["state"]["seen"])


@app.command("unlock", epilog=_examples("holdfast destination unlock repo"))
def unlock(destination: Id, data: Data = None, as_json: AsJson = False) -> None:
    """Have the locks of a repository removed that nobody holds any more, as restic judges; never all of them."""
    with the_desk(data) as desk:
        unlocked = desk.unlock(destination)
    say_json(unlocked) if as_json else say(shown(unlocked["sentence"]))


def _tested(desk: Desk, destination_id: str, fingerprint: str) -> Row:
    """Look at it; where the host's key is to be confirmed and somebody does, keep that and look again."""
    state = desk.test(destination_id)
    seen = state["seen"]
    if seen["code"] == "host-key" and seen["host_key"] and _is_trusted(seen["fingerprints"], fingerprint):
        before = desk.show(destination_id)
        settings = {**before["settings"], "host_key": seen["host_key"]}
        desk.edit(destination_id, {"version": before["version"], "settings": settings})
        state = desk.test(destination_id)
    return state


def _is_trusted(fingerprints: Sequence[str], known: str) -> bool:
    """Tell whether a person knows the host by one of these."""
    if known:
        return any(known in each.split() for each in fingerprints)
    note("The host shows these keys:")
    for each in fingerprints:
        note(f"  {each}")
    return sys.stdin.isatty() and typer.confirm("Is one of them the host's own? Then it is kept.", err=True)


# What is entered


def _settings_in(given: Sequence[str] | None, form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        field = _field(form, name)
        if not equals or field is None:
            raise InvalidOptions(
                {"set": f"{form.id} has no such setting; holdfast destination types {form.id}."}
            )
        if field.startswith(SECRETS):
            words = (
                f"{name} is a secret, and others can see what is typed here: use --secret-file {name}=FILE."
            )
            raise InvalidOptions({"set": words})
        found[field] = value
    return found


def _field(form: Form, name: str) -> str | None:
    """Return the field that a name means: a setting, an option of its backend, a secret."""
    return next((each for each in (name, f"options.{name}", SECRETS + name) if each in form.properties), None)


def _secrets_in(given: Sequence[str] | None, form: Form) -> dict[str, str]:
    found = {}
    for text in given or ():
        name, equals, path = text.partition("=")
        if not equals or SECRETS + name not in form.properties:
            words = f"{form.id} has no such secret; holdfast destination types {form.id}."
            raise InvalidOptions({"secret-file": words})
        found[SECRETS + name] = _content_of(path)
    return found


def _content_of(path: str) -> str:
    try:
        if path == "-":
            return sys.stdin.read(LARGEST + 1)
        with Path(path).open(encoding="utf-8") as file:
            return file.read(LARGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidOptions({"secret-file": f"{path} cannot be read: {why}."}) from None


def _asked_for(form: Form, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the secrets that are needed and missing, as somebody types them."""
    missing = [name for name in form.required if name.startswith(SECRETS) and name not in given]
    if not missing or not sys.stdin.isatty():
        return {}
    return {name: typer.prompt(form.properties[name]["title"], hide_input=True, err=True) for name in missing}


def _new_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    return str(
        typer.prompt("Password of the new repository", hide_input=True, confirmation_prompt=True, err=True)
    )


def _present(found: Row) -> dict[str, Any]:
    options = found["settings"].get("options") or {}
    return {**found["settings"], **{f"options.{name}": value for name, value in options.items()}}


# What is told


def _tell_fields(form: Form) -> None:
    rows = []
    for name, about in form.properties.items():
        secret = bool(about.get("writeOnly"))
        needed = "needed" if name in form.required else ""
        plain = name.removeprefix(SECRETS).removeprefix("options.")
        way = "--secret-file" if secret else "--set"
        rows.append((way, plain, needed, about["title"], about["description"]))
    say_table(("by", "name", "", "what", ""), rows)


def _tell_seen(seen: Mapping[str, Any]) -> None:
    say(shown(seen["sentence"]))
    for words in (*seen["facts"], *seen["warnings"], *(lock["words"] for lock in seen["locks"])):
        say(shown(f"  {words}"))
    if seen["hint"]:
        say(shown(f"  {seen['hint']}"))


def _sizes(found: Row) -> tuple[str, str]:
    state = found["state"]
    free = size(state["free"]) if state and state["free"] is not None else "not known"
    return free, found["outlook"]["words"]
