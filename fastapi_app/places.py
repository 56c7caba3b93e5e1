"""Ids in addresses: what is not an id names nothing that is here."""

import re
from typing import Annotated, Final

from fastapi import Depends

from core.errors import NotFound

UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHOWN: Final = 40


def known_form(what: str, given: str) -> str:
    """Return the id; raises NotFound for what cannot be one."""
    if not UUID.fullmatch(given):
        raise NotFound(what, given[:SHOWN])
    return given


async def _job_id(job_id: str) -> str:
    return known_form("job", job_id)


async def _run_id(run_id: str) -> str:
    return known_form("run", run_id)


JobId = Annotated[str, Depends(_job_id)]
RunId = Annotated[str, Depends(_run_id)]
