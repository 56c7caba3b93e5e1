"""/ws and its polling twin /live."""

from typing import Final

LARGEST_MESSAGE: Final = 4_096
