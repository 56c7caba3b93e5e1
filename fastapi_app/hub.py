"""Who is connected, and what they have been sent."""

import secrets


class Hub:
    """Knows every viewer."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(4)
        self.seq = 1
