"""Whether this machine runs on its battery."""

from pathlib import Path
from typing import Final

SUPPLIES: Final = Path("/sys/class/power_supply")
BATTERY: Final = "Battery"


def on_battery(supplies: Path = SUPPLIES) -> bool:
    """Tell whether a battery is being used up and nothing is plugged in; a machine without one never is."""
    try:
        found = sorted(supplies.iterdir())
    except OSError:
        return False
    if any(_said(supply, "online") == "1" and _said(supply, "type") != BATTERY for supply in found):
        return False
    own = (
        supply for supply in found if _said(supply, "type") == BATTERY and _said(supply, "scope") != "Device"
    )  # the battery of a mouse is not the machine's
    return any(_said(supply, "status") == "Discharging" for supply in own)


def _said(supply: Path, what: str) -> str:
    try:
        return (supply / what).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
