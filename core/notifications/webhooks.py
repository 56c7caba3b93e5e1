"""Sends a message to another program, as JSON that is signed."""

from datetime import datetime

import orjson

from core.notifications import signing, texts
from core.notifications.outgoing import Client
from core.notifications.values import Channel, Message, Outcome


def send(client: Client, channel: Channel, message: Message, origin: str, now: datetime) -> Outcome:
    """Hand the message over; the receiver knows by its id whether it had it before."""
    body = orjson.dumps(texts.document_of(message, origin))
    signature = signing.headers_of(message.id, int(now.timestamp()), body, channel.secret)
    return client.post(channel.url, body, {"Content-Type": "application/json", **signature})
