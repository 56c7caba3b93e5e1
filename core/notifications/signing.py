"""Signs what is sent to programs, after the scheme of Standard Webhooks (standardwebhooks.com).

The receiver computes the same from its own copy of the secret, the two headers and the body, and compares: what
does not agree did not come from here, or was changed on the way.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

BEGINNING: Final = "whsec_"
SHORTEST: Final = 24
LONGEST: Final = 64
"""Bytes that a secret may have."""


def new_secret() -> str:
    """Return a secret that nobody has."""
    return BEGINNING + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes | None:
    """Return the bytes of a secret; None where it is not one."""
    try:
        key = base64.b64decode(secret.removeprefix(BEGINNING), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if SHORTEST <= len(key) <= LONGEST and secret.startswith(BEGINNING) else None


def headers_of(message_id: str, at: int, body: bytes, secret: str) -> dict[str, str]:
    """Return the headers that let the receiver tell that the message is ours; `at` is seconds since 1970."""
    key = key_of(secret) or b""
    signed = b".".join((message_id.encode(), str(at).encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }
