"""`holdfast user`: who may come in. No password is ever an argument."""

import sys
from datetime import datetime
from typing import Annotated, Final

import typer

from core.errors import Refused
from core.people import Role
from fastapi_app.cli.people import the_people
from fastapi_app.cli.terminal import AsJson, Data, note, say, say_json, say_table, shown

LONGEST_PASSWORD: Final = 10_000

app = typer.Typer(help="Who may come in, and what they may do.", no_args_is_help=True, rich_markup_mode=None)
tokens = typer.Typer(help="Tokens: what programs show to act for somebody.", no_args_is_help=True)
app.add_typer(tokens, name="token")

Name = Annotated[str, typer.Argument(help="The name of the person.", show_default=False)]
TheRole = Annotated[
    Role, typer.Option("--role", help="What they may do; each may all that the ones before may.")
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, its first line.")
]


@app.command("add")
def add(
    name: Name,
    role: TheRole = Role.VIEWER,
    *,
    password_stdin: FromStdin = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let somebody in from now on. The first person of all must be an admin."""
    password = _password(password_stdin)
    with the_people(data) as people:
        made = people.add(name, password, role)
    say_json(made) if as_json else say(f"{shown(made['name'])} may come in as {made['role']}.")


@app.command("list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """List who may come in."""
    with the_people(data) as people:
        found = people.every()
    if as_json:
        say_json(found)
    elif not found:
        say("Nobody may come in yet. `holdfast serve` leads to the first account.")
    else:
        rows = [
            (
                one["name"],
                one["role"],
                _moment(one["seen_at"]) or "not lately",
                str(one["sessions"]),
                str(one["tokens"]),
            )
            for one in found
        ]
        say_table(("name", "role", "last seen", "browsers", "tokens"), rows)


@app.command("role")
def role_(
    name: Name,
    role: Annotated[Role, typer.Argument(help="What they may do from now on.", show_default=False)],
    data: Data = None,
) -> None:
    """Give somebody another role, and sign them out; never takes the last admin away."""
    with the_people(data) as people:
        changed = people.change(name, role=role)
    say(f"{shown(changed['name'])} is {changed['role']} now.")


@app.command("passwd")
def passwd(name: Name, *, password_stdin: FromStdin = False, data: Data = None) -> None:
    """Give somebody a new password; their browsers are signed out and their tokens end."""
    password = _password(password_stdin)
    with the_people(data) as people:
        changed = people.change(name, password=password)
    say(f"{shown(changed['name'])} has a new password.")


@app.command("remove")
def remove(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
) -> None:
    """Let somebody in no more, at once; never the last admin. What they did stays told."""
    if not yes and not typer.confirm(f"Remove {shown(name)}?", err=True):
        raise typer.Exit(1)
    with the_people(data) as people:
        people.remove(name)
    say(f"{shown(name)} may not come in any more.")


@tokens.command("add")
def add_token(
    name: Name,
    label: Annotated[str, typer.Argument(help="What it is for.", show_default=False)],
    role: TheRole = Role.VIEWER,
    *,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="For how long it acts.")] = 90,
    data: Data = None,
) -> None:
    """Make a token and print it, which is done this once."""
    with the_people(data) as people:
        value = people.make_token(name, label, role, days)
    note("This is shown once. Programs send it as: Authorization: Bearer …")
    say(value)


@tokens.command("list")
def list_tokens(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """List the tokens that act for somebody."""
    with the_people(data) as people:
        found = people.tokens(name)
    if as_json:
        say_json(found)
    elif not found:
        say(f"No token acts for {shown(name)}.")
    else:
        rows = [(one["id"], one["name"], one["role"], _moment(one["expires_at"])) for one in found]
        say_table(("id", "for", "role", "until"), rows)


@tokens.command("remove")
def remove_token(
    name: Name,
    token: Annotated[str, typer.Argument(help="Its id; `user token list` has it.", show_default=False)],
    data: Data = None,
) -> None:
    """Take a token back, at once."""
    with the_people(data) as people:
        people.drop_token(name, token)
    say("The token acts for nobody any more.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(LONGEST_PASSWORD).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("There is no terminal to ask for the password on.", hint="Add --password-stdin.")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def _moment(text: str | None) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC" if text else ""
