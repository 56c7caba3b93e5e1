"""What is sent to the browser stays small, and is what it was."""

import gzip
import hashlib
import re

from fastapi_app.templating import folder_of

STATIC = folder_of("static")


def test_what_is_sent_to_the_browser_stays_small():
    style = (STATIC / "app.css").read_bytes()
    scripts = [path.read_bytes() for path in STATIC.glob("*.js")]
    library = (STATIC / "vendor" / "htmx.min.js").read_bytes()
    noted = re.search(r"[0-9a-f]{64}", (STATIC / "vendor" / "README.md").read_text(encoding="utf-8"))

    assert len(style) < 20_480
    assert len(scripts) >= 6
    assert sum(len(gzip.compress(script)) for script in scripts) < 13_000
    assert noted is not None
    assert hashlib.sha256(library).hexdigest() == noted.group()


def test_the_style_sheet_fetches_nothing():
    style = (STATIC / "app.css").read_text(encoding="utf-8")

    assert "url(" not in style
    assert "@import" not in style
