"""What every page needs, joined when Holdfast starts: one style sheet and one script, nothing to build."""

from functools import cache
from pathlib import Path
from typing import Final

from fastapi_app.assets import digest_of

STYLES: Final = ("app.css", "floats.css", "tabs.css", "print.css")
SCRIPTS: Final = (
    "vendor/htmx.min.js",
    "times.js",
    "requests.js",
    "calm.js",
    "live.js",
    "line.js",
    "habits.js",
    "keys.js",
)
BUNDLES: Final = {"shell.css": STYLES, "shell.js": SCRIPTS}
"""Which files a bundle has, in the order in which a page would name them."""


@cache
def bundles_in(folder: Path) -> dict[str, bytes]:
    """Return every bundle by its name, as its files are now; they stay that until the next start."""
    return {
        name: b"".join(_part(folder / part) for part in parts if (folder / part).exists())
        for name, parts in BUNDLES.items()
    }


def address_of_bundle(folder: Path, name: str) -> str:
    """Return the address of a bundle that the browser may keep for good."""
    return f"/static/{name}?v={digest_of(bundles_in(folder)[name])}"


def _part(path: Path) -> bytes:
    """Return a file as it stands in a bundle: a script of ours keeps its own strictness and its own names."""
    content = path.read_bytes()
    if path.suffix != ".js" or path.parent.name == "vendor":
        return content + b"\n"
    return b"(() => {\n%b\n})();\n" % content
