"""`holdfast notify`: what was told to people, through which channels, and by which rules."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer
from pydantic import BaseModel

from core.errors import InvalidOptions, NotFound
from core.notifications.values import Digest, Occasion, Rule
from core.service import Service
from fastapi_app.cli.house import settings_for
from fastapi_app.cli.terminal import AsJson, Data, note, say, say_json, say_table, shown

if TYPE_CHECKING:
    from fastapi_app.cli.door import Door

Row = dict[str, Any]
Rows = list[Row]

FAILED: Final = 1
PATIENCE: Final = 60.0
"""Seconds that a server has to send a test, or to look at an address: mail takes its time."""

USUAL: Final = (
    Occasion.FAILURE,
    Occasion.RECOVERY,
    Occasion.LATE,
    Occasion.INTERRUPTED,
    Occasion.QUESTION,
    Occasion.DESTINATION_LOST,
    Occasion.DESTINATION_FULL,
)


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


app = typer.Typer(help="Whom Holdfast tells what happened.", no_args_is_help=True, rich_markup_mode=None)
channels = typer.Typer(
    help="Ways to somebody: mail, chat, push, webhooks.", no_args_is_help=True, rich_markup_mode=None
)
rules = typer.Typer(help="Who is told of what.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(channels, name="channel")
app.add_typer(rules, name="rule")

Named = Annotated[str, typer.Argument(help="The name of the channel, or its id.")]


@app.command("list", epilog=_examples("holdfast notify list", "holdfast notify list --json"))
def list_all(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many of the newest.")] = 30,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List what happened, the newest first, and how the channels and rules are."""
    with the_desk(data) as desk:
        found = {"notifications": desk.notices(limit), "channels": desk.channels(), "rules": desk.rules()}
    if as_json:
        say_json(found)
        return
    if found["notifications"]:
        rows = [(each["at"][:16].replace("T", " "), each["subject"]) for each in found["notifications"]]
        say_table(("when (UTC)", "what"), rows)
    else:
        say("Nothing happened yet that somebody should know.")
    say()
    _tell_channels(found["channels"])
    _tell_rules(found["rules"], found["channels"])


@app.command("test", epilog=_examples("holdfast notify test ops"))
def send_test(channel: Named, data: Data = None, as_json: AsJson = False) -> None:
    """Really send a message that is a test. Exit code 0 when it was taken, 1 when it was not."""
    with the_desk(data) as desk:
        outcome = desk.test(desk.named(channel))
    say_json(outcome) if as_json else say(shown(outcome["words"]))
    if not outcome["sent"]:
        raise typer.Exit(FAILED)


@channels.command(
    "add",
    epilog=_examples(
        "holdfast notify channel add ops < address",
        "holdfast notify channel add hook https://example.org/hook",
    ),
)
def add_channel(
    name: Annotated[str, typer.Argument(help="What you call it.")],
    url: Annotated[
        str | None,
        typer.Argument(
            help="An address of Apprise's, or https:// for signed webhooks.", show_default="standard input"
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a channel. Without an address it is read from standard input, where no list of processes shows it."""
    address = url if url is not None else sys.stdin.readline().strip()
    with the_desk(data) as desk:
        made = desk.add_channel(name, address)
    if as_json:
        say_json(made)
        return
    say(shown(f"Added {made['name']} ({made['id']}): {made['shown']}"))
    if made["secret"]:
        say(f"Its receiver verifies messages with {made['secret']}")
        note("This secret is not shown again.")


@channels.command("remove", epilog=_examples("holdfast notify channel remove ops"))
def remove_channel(channel: Named, data: Data = None) -> None:
    """Remove a channel, what waits for it, and rules that name no other."""
    with the_desk(data) as desk:
        desk.remove_channel(desk.named(channel))
    say("Removed.")


@rules.command(
    "add",
    epilog=_examples(
        "holdfast notify rule add --channel ops",
        "holdfast notify rule add --channel ops --on failure --on late --tag pictures --quiet 22:00-07:00",
    ),
)
def add_rule(  # each is one part of a rule
    channel: Annotated[list[str], typer.Option(help="Through which channel; may be repeated.")],
    on: Annotated[
        list[Occasion] | None, typer.Option(help="On what; may be repeated.", show_default="the usual")
    ] = None,
    *,
    tag: Annotated[str, typer.Option(help="Only jobs with this tag.")] = "",
    job: Annotated[str, typer.Option(help="Only the job with this id.")] = "",
    digest: Annotated[Digest, typer.Option(help="When to send.")] = Digest.IMMEDIATELY,
    at: Annotated[str, typer.Option(help="The time of day of a daily digest.")] = "08:00",
    quiet: Annotated[str, typer.Option(help="Hours in which nothing is sent, such as 22:00-07:00.")] = "",
    timezone: Annotated[str, typer.Option(help="Such as Europe/Berlin.", show_default="this machine's")] = "",
    throttle: Annotated[
        int, typer.Option(min=0, max=10_080, help="The same failure once in so many minutes.")
    ] = 60,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a rule. It tells of what happens from now on."""
    hours = _quiet(quiet)
    with the_desk(data) as desk:
        entry = {
            "on": [each.value for each in on or USUAL],
            "channels": [desk.named(each) for each in channel],
            "tag": tag,
            "job_id": job,
            "digest": digest.value,
            "digest_at": at,
            "timezone": timezone,
            "throttle": throttle,
            "quiet": hours,
        }
        made = desk.add_rule(entry)
    say_json(made) if as_json else say(f"Added {made['id']}.")


@rules.command("remove", epilog=_examples("holdfast notify rule remove 3f2a9c01"))
def remove_rule(
    rule: Annotated[str, typer.Argument(help="The id of the rule; `notify list` has it.")], data: Data = None
) -> None:
    """Remove a rule."""
    with the_desk(data) as desk:
        desk.remove_rule(rule)
    say("Removed.")


def _quiet(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    start, dash, end = text.partition("-")
    if not dash:
        raise InvalidOptions({"quiet": "Quiet hours are two times of day, such as 22:00-07:00."})
    return {"start": start.strip(), "end": end.strip()}


def _tell_channels(found: Rows) -> None:
    rows = [
        (
            each["name"],
            each["id"],
            each["shown"],
            each["trouble"] or ("" if each["enabled"] else "switched off"),
        )
        for each in found
    ]
    if rows:
        say_table(("channel", "id", "where", "trouble"), rows)
    else:
        say("There is no channel: everything is listed, and sent nowhere.")


def _tell_rules(found: Rows, known: Rows) -> None:
    names = {each["id"]: each["name"] for each in known}
    rows = [
        (
            each["id"],
            ", ".join(each["on"]),
            each["tag"] or each["job_id"] or "every job",
            ", ".join(names.get(channel, channel) for channel in each["channels"]),
        )
        for each in found
    ]
    if rows:
        say()
        say_table(("rule", "on", "about", "through"), rows)


class Desk(ABC):
    """What the commands ask, wherever the answer comes from; answers are as the API gives them."""

    def named(self, name: str) -> str:
        """Return the id of the channel of this name; raises NotFound."""
        for channel in self.channels():
            if name in {channel["id"], channel["name"]}:
                return str(channel["id"])
        raise NotFound("channel", name)

    @abstractmethod
    def notices(self, limit: int) -> Rows:
        """Return what happened, the newest first."""

    @abstractmethod
    def channels(self) -> Rows:
        """Return every channel."""

    @abstractmethod
    def rules(self) -> Rows:
        """Return every rule."""

    @abstractmethod
    def test(self, channel_id: str) -> Row:
        """Send a test."""

    @abstractmethod
    def add_channel(self, name: str, url: str) -> Row:
        """Add a channel."""

    @abstractmethod
    def remove_channel(self, channel_id: str) -> None:
        """Remove a channel."""

    @abstractmethod
    def add_rule(self, entry: Mapping[str, Any]) -> Row:
        """Add a rule."""

    @abstractmethod
    def remove_rule(self, rule_id: str) -> None:
        """Remove a rule."""


class RemoteDesk(Desk):
    """The Holdfast that is running, asked over HTTP."""

    def __init__(self, door: "Door") -> None:
        self._door = door

    def notices(self, limit: int) -> Rows:
        """Return what happened, the newest first."""
        found: Rows = self._door.ask("GET", "/notifications", params={"limit": limit})["items"]
        return found

    def channels(self) -> Rows:
        """Return every channel."""
        found: Rows = self._door.ask("GET", "/channels")
        return found

    def rules(self) -> Rows:
        """Return every rule."""
        found: Rows = self._door.ask("GET", "/rules")
        return found

    def test(self, channel_id: str) -> Row:
        """Send a test."""
        outcome: Row = self._door.ask(
            "POST", f"/channels/{quote(channel_id, safe='')}/test", timeout=PATIENCE
        )
        return outcome

    def add_channel(self, name: str, url: str) -> Row:
        """Add a channel."""
        made: Row = self._door.ask("POST", "/channels", json={"name": name, "url": url}, timeout=PATIENCE)
        return made

    def remove_channel(self, channel_id: str) -> None:
        """Remove a channel."""
        self._door.ask("DELETE", f"/channels/{quote(channel_id, safe='')}")

    def add_rule(self, entry: Mapping[str, Any]) -> Row:
        """Add a rule."""
        made: Row = self._door.ask("POST", "/rules", json=dict(entry))
        return made

    def remove_rule(self, rule_id: str) -> None:
        """Remove a rule."""
        self._door.ask("DELETE", f"/rules/{quote(rule_id, safe='')}")


class OwnDesk(Desk):
    """A Holdfast opened by this command."""

    def __init__(self, service: Service) -> None:
        from fastapi_app.api import notifications  # noqa: PLC0415 - only where no server answers

        self._api = notifications
        self._office = service.notifications
        self._clock = service.clock
        self._office.open()

    def notices(self, limit: int) -> Rows:
        """Return what happened, the newest first."""
        found = self._office.book.notices()[:limit]
        return [_plain(self._api.NoticeOut.of(number, notice, number)) for number, notice in found]

    def channels(self) -> Rows:
        """Return every channel."""
        return [_plain(self._api.StandingOut.of_standing(each)) for each in self._office.standings()]

    def rules(self) -> Rows:
        """Return every rule."""
        return [_plain(self._api.RuleOut.of(rule)) for rule in self._office.choices.rules()]

    def test(self, channel_id: str) -> Row:
        """Send a test."""
        outcome = self._office.test(channel_id)
        return {"sent": outcome.sent, "words": outcome.words}

    def add_channel(self, name: str, url: str) -> Row:
        """Add a channel."""
        channel = self._office.add_channel(name, url)
        return {**_plain(self._api.ChannelOut.of(channel)), "secret": channel.secret or None}

    def remove_channel(self, channel_id: str) -> None:
        """Remove a channel."""
        self._office.remove_channel(channel_id)

    def add_rule(self, entry: Mapping[str, Any]) -> Row:
        """Add a rule."""
        fields = {name: value for name, value in entry.items() if value is not None}
        rule = msgspec.convert({**fields, "id": "", "created_at": self._clock.now()}, Rule)
        return _plain(self._api.RuleOut.of(self._office.add_rule(rule)))

    def remove_rule(self, rule_id: str) -> None:
        """Remove a rule."""
        self._office.remove_rule(rule_id)


def _plain(answer: BaseModel) -> Row:
    return answer.model_dump(mode="json")


@contextmanager
def the_desk(data: Path | None) -> Iterator[Desk]:
    """Enter the Holdfast on this data folder."""
    from fastapi_app.cli.door import open_door  # noqa: PLC0415 - only where a server runs

    settings = settings_for(data)
    door = open_door(settings.data)
    if door is not None:
        with door:
            yield RemoteDesk(door)
        return
    with Service(settings).opened(at_work=False) as service:
        yield OwnDesk(service)
