"""What a program sends with a wish so that asking twice makes one: the header Idempotency-Key."""

from typing import Annotated, Final

from fastapi import Depends, Header

from core.errors import InvalidOptions

HEADER: Final = "Idempotency-Key"
LONGEST: Final = 200


async def _key(idempotency_key: Annotated[str | None, Header()] = None) -> str:
    """Return the key, empty without one; raises InvalidOptions for what cannot be one."""
    if idempotency_key is None:
        return ""
    key = idempotency_key.strip()
    if not 0 < len(key) <= LONGEST or not (key.isascii() and key.isprintable()):
        raise InvalidOptions(
            {HEADER: f"A key has 1 to {LONGEST} printable ASCII characters, such as a UUID."}
        )
    return key


IdempotencyKey = Annotated[str, Depends(_key)]
