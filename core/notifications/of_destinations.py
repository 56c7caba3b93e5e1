"""What happened to a destination, as a notice in words: lost, back, nearly full."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from core.notifications.noticing import notice_id
from core.notifications.texts import harmless, stamp
from core.notifications.values import Notice, Occasion
from core.places.states import STATE, state_in
from core.sizes import size


class Registers(Protocol):
    """Where destinations are kept: the manager."""

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has; None where there is none."""
        ...


def notices_of(registers: Registers, register: str, value: Mapping[str, Any] | None) -> Iterator[Notice]:
    """Yield what the state of a destination is worth telling; each has the same id whenever it is noticed again."""
    state = state_in(value)
    destination_id = register.removeprefix(STATE)
    if state is None:
        return
    name = _name_of(registers, destination_id)
    if not state.seen.reachable and state.lost_at is not None:
        yield _notice(
            Occasion.DESTINATION_LOST,
            destination_id,
            state.lost_at,
            f"The destination {name} was lost",
            f"“{name}” could be reached before {stamp(state.lost_at)}, and cannot any more.\n"
            "Copies that go there wait or fail. Its page says what was found and what to do.",
        )
    if state.seen.reachable and state.lost_at is not None and state.lost_at < state.since:
        yield _notice(
            Occasion.DESTINATION_BACK,
            destination_id,
            state.since,
            f"The destination {name} is back",
            f"“{name}” can be reached again since {stamp(state.since)}. It was lost at {stamp(state.lost_at)}.",
        )
    if state.seen.reachable and state.filling_since is not None:
        free = f"{size(state.seen.free)} are free" if state.seen.free is not None else "little is free"
        yield _notice(
            Occasion.DESTINATION_FULL,
            destination_id,
            state.filling_since,
            f"The destination {name} is nearly full",
            f"“{name}”: {free}; {state.outlook.words}.\n"
            "Make room there, or give its jobs another destination, before copies fail.",
        )


def _notice(occasion: Occasion, destination_id: str, at: datetime, subject: str, text: str) -> Notice:
    return Notice(
        id=notice_id(occasion.value, destination_id, at),
        occasions=(occasion,),
        at=at,
        subject=subject,
        text=text,
        destination_id=destination_id,
        key=f"destination/{destination_id}/{occasion.value}",
    )


def _name_of(registers: Registers, destination_id: str) -> str:
    kept = registers.register(f"destination/{destination_id}") or {}
    return harmless(str(kept.get("name") or destination_id))
