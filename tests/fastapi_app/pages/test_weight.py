"""What is sent to the browser stays small, and is what it was."""

import gzip
import hashlib
import re

from fastapi_app.bundles import SCRIPTS, STYLES
from fastapi_app.templating import folder_of

STATIC = folder_of("static")


def packed(names):
    return len(gzip.compress(b"".join((STATIC / name).read_bytes() for name in names)))


def test_what_is_sent_to_the_browser_stays_small():
    everywhere = [name for name in SCRIPTS if not name.startswith("vendor/")]
    library = (STATIC / "vendor" / "htmx.min.js").read_bytes()
    noted = re.search(r"[0-9a-f]{64}", (STATIC / "vendor" / "README.md").read_text(encoding="utf-8"))

    others = [path.name for path in STATIC.glob("*.js") if path.name not in everywhere]

    assert len((STATIC / "app.css").read_bytes()) < 20_480
    assert packed(STYLES) < 12_000
    assert packed(everywhere) < 14_000
    assert all(packed([name]) < 6_200 for name in others)
    assert noted is not None
    assert hashlib.sha256(library).hexdigest() == noted.group()


def test_the_style_sheets_fetch_nothing():
    styles = [path.read_text(encoding="utf-8") for path in STATIC.glob("*.css")]

    assert len(styles) >= len(STYLES)
    assert not any("url(" in style or "@import" in style for style in styles)
