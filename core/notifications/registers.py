"""Channels, rules and what each person has read, kept as registers beside jobs and runs.

They are settings: backed up, restored and in the audit like a job's definition.
"""

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from core.clock import Clock
from core.errors import InvalidOptions, NotFound, WrongState
from core.models import Value
from core.notifications import apprise_urls, outgoing, rules, signing
from core.notifications.values import Channel, ChannelKind, Rule
from core.packed import thawed

log = logging.getLogger(__name__)

T = TypeVar("T", bound=Value)

CHANNEL: Final = "channel/"
RULE: Final = "rule/"
READ: Final = "read/"
MOST_CHANNELS: Final = 20
MOST_RULES: Final = 100
LONGEST_NAME: Final = 80
LONGEST_URL: Final = 2_000


class Registers(Protocol):
    """Where small things are kept; the manager."""

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has; None where there is none."""
        ...

    def registers(self, beginning: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the registers whose names begin like that."""
        ...

    def set_register(self, name: str, value: Mapping[str, Any] | None, *, why: str = "") -> None:
        """Keep a register, or take it away; durable when it returns."""
        ...


class Choices:
    """The channels and rules there are."""

    def __init__(self, registers: Registers, clock: Clock) -> None:
        self._registers = registers
        self._clock = clock

    def channels(self) -> dict[str, Channel]:
        """Return every channel, by its id, in the order of their names."""
        found = self._all(CHANNEL, Channel)
        return {each.id: each for each in sorted(found, key=lambda each: (each.name.casefold(), each.id))}

    def channel(self, channel_id: str) -> Channel:
        """Return the channel; raises NotFound."""
        found = self.channels().get(channel_id)
        if found is None:
            raise NotFound("channel", channel_id)
        return found

    def rules(self) -> tuple[Rule, ...]:
        """Return every rule, the oldest first."""
        return tuple(sorted(self._all(RULE, Rule), key=lambda rule: (rule.created_at, rule.id)))

    def _all(self, beginning: str, kind: type[T]) -> list[T]:
        found = []
        for name, value in self._registers.registers(beginning).items():
            try:
                found.append(msgspec.convert(thawed(value), kind, strict=False))
            except msgspec.ValidationError:
                log.warning("register %s cannot be read; nothing is sent by it", name)
        return found

    def add_channel(self, name: str, url: str, secret: str = "") -> Channel:
        """Keep a new channel: an address of Apprise's, or of http(s) for signed webhooks.

        One that takes webhooks is given a secret unless it has one; the answer is the only place to see it.
        Raises InvalidOptions naming each field that is wrong.
        """
        name, url = name.strip(), url.strip()
        problems = _problems_of_name(name, self.channels().values())
        if len(self.channels()) >= MOST_CHANNELS:
            raise WrongState(
                f"There are {MOST_CHANNELS} channels, and no more fit.", hint="Remove one first."
            )
        if secret and signing.key_of(secret) is None:
            problems |= {
                "secret": "A secret is whsec_ and 24 to 64 bytes as base64. Leave it out to get one."
            }
        webhook = url.lower().startswith(("http://", "https://"))
        service, problem = ("", outgoing.problem_of(url)) if webhook else _service_of(url)
        if problem:
            problems["url"] = problem
        if problems:
            raise InvalidOptions(problems)
        channel = Channel(
            id=secrets.token_hex(4),
            name=name,
            kind=ChannelKind.WEBHOOK if webhook else ChannelKind.APPRISE,
            url=url,
            shown=_masked(url) if webhook else apprise_urls.masked(url, service),
            secret=(secret or signing.new_secret()) if webhook else "",
            created_at=self._clock.now(),
        )
        self._keep(CHANNEL, channel, "a channel was added")
        return channel

    def switch_channel(self, channel_id: str, *, enabled: bool) -> Channel:
        """Switch a channel off, or on again; raises NotFound."""
        channel = replace(self.channel(channel_id), enabled=enabled)
        self._keep(CHANNEL, channel, f"a channel was switched {'on' if enabled else 'off'}")
        return channel

    def remove_channel(self, channel_id: str) -> None:
        """Let go of a channel, and of rules that name no other; raises NotFound."""
        self.channel(channel_id)
        for rule in self.rules():
            if channel_id in rule.channels:
                rest = tuple(each for each in rule.channels if each != channel_id)
                if rest:
                    self._keep(RULE, replace(rule, channels=rest), "a channel was removed")
                else:
                    self.remove_rule(rule.id)
        self._registers.set_register(CHANNEL + channel_id, None, why="a channel was removed")

    def add_rule(self, rule: Rule) -> Rule:
        """Keep a new rule, whose id and time are given here; raises InvalidOptions."""
        if len(self.rules()) >= MOST_RULES:
            raise WrongState(f"There are {MOST_RULES} rules, and no more fit.", hint="Remove one first.")
        rule = replace(
            rule,
            id=secrets.token_hex(4),
            created_at=self._clock.now(),
            on=tuple(dict.fromkeys(rule.on)),
            channels=tuple(dict.fromkeys(rule.channels)),
        )
        rules.check(rule)
        if unknown := set(rule.channels) - set(self.channels()):
            raise InvalidOptions({"channels": f"There is no channel {min(unknown)!r:.80}."})
        self._keep(RULE, rule, "a rule was added")
        return rule

    def remove_rule(self, rule_id: str) -> None:
        """Let go of a rule; raises NotFound."""
        if self._registers.register(RULE + rule_id) is None:
            raise NotFound("rule", rule_id)
        self._registers.set_register(RULE + rule_id, None, why="a rule was removed")

    def _keep(self, beginning: str, value: Channel | Rule, why: str) -> None:
        self._registers.set_register(beginning + value.id, msgspec.to_builtins(value), why=why)

    # What people have read

    def read_by(self, person: str) -> int:
        """Return the number of the newest notice that this person has seen."""
        kept = self._registers.register(READ + person)
        number = kept.get("number") if kept else 0
        return number if isinstance(number, int) else 0

    def note_read(self, person: str, number: int) -> None:
        """Take note that this person has seen every notice up to a number."""
        if number > self.read_by(person):
            value = {"number": number, "at": _stamp(self._clock.now())}
            self._registers.set_register(READ + person, value, why="notifications were read")


def _stamp(moment: datetime) -> str:
    return moment.isoformat()


def _problems_of_name(name: str, others: Any) -> dict[str, str]:  # noqa: ANN401 - the values of a dict
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        return {"name": f"A channel needs a name of 1 to {LONGEST_NAME} printable characters."}
    if any(name.casefold() == other.name.casefold() for other in others):
        return {"name": "There is a channel of this name."}
    return {}


def _service_of(url: str) -> tuple[str, str]:
    if not url or len(url) > LONGEST_URL or "://" not in url or not url.isprintable():
        return (
            "",
            "This is not an address such as mailto://user:password@example.org or https://example.org/hook.",
        )
    return apprise_urls.service_of(url)


def _masked(url: str) -> str:
    """Return where a webhook goes, without the path, which may be a secret."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    return f"{scheme.lower()}://{host}/…" if len(rest) > len(host) else f"{scheme.lower()}://{host}"
