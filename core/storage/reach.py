"""How far the journal went, told outside of it: a journal that was cut short does not know what it lacks."""

import contextlib
import logging
from pathlib import Path
from typing import Final

import msgspec

from core.errors import InvalidYaml
from core.models import Value
from core.storage import atomic
from core.storage.checked import lines_of
from core.storage.generations import content_of
from core.storage.lines import json_text, sealed, seed_of

log = logging.getLogger(__name__)

NAME: Final = "reach"
COMMENT: Final = b"# How far Holdfast's journal goes. Not to be edited.\n"


class Reach(Value, frozen=True, kw_only=True, tag="reach", tag_field="kind"):
    """Record `n` was durable."""

    n: int


reach_of = msgspec.json.Decoder(Reach).decode


def tell_reach(state: Path, store_id: str, n: int) -> None:
    """Write down that the journal went as far as record `n`, which is durable.

    Not flushed: after a power cut an older number stands there, or none, and neither is wrong.
    """
    text = COMMENT + sealed(json_text(Reach(n=n)), seed_of(store_id, NAME))
    try:
        atomic.write_whole(state / f"{NAME}.yaml", text, durable=False)
    except OSError as error:
        log.warning("How far the journal goes could not be written down: %s", error)


def told_reach(state: Path, store_id: str) -> int:
    """Return how far the journal went at least; 0 where that is not known."""
    with contextlib.suppress(OSError, InvalidYaml, msgspec.MsgspecError, UnicodeDecodeError):
        content = content_of(state / f"{NAME}.yaml")
        return max(
            (reach_of(line.text).n for line in lines_of(content, seed_of(store_id, NAME)) if not line.why),
            default=0,
        )
    return 0
