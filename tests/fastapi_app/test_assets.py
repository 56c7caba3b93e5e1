"""What browsers may keep, and what a running server draws after its files were changed."""

import os

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from core.clock import SystemClock
from fastapi_app.assets import Assets, digest_of
from fastapi_app.templating import Templates, folder_of

FOREVER = "public, max-age=31536000, immutable"


def test_a_file_is_kept_for_good_only_under_the_name_of_its_content(tmp_path):
    style = tmp_path / "app.css"
    style.write_text("body { color: black }")
    address = f"/static/app.css?v={digest_of(style.read_bytes())}"
    browser = TestClient(Starlette(routes=[Mount("/static", Assets(directory=tmp_path))]))

    def kept(path: str) -> str:
        return browser.get(path).headers["cache-control"]

    before = [kept(address), kept("/static/app.css"), kept("/static/app.css?v=1"), kept(f"{address}&v=1")]
    fresh = tmp_path / "fresh"
    fresh.write_text("body { color: white }")
    fresh.replace(style)

    assert before == [FOREVER, "no-cache", "no-cache", "no-cache"]
    assert (kept(address), browser.get(address).text) == ("no-cache", "body { color: white }")


def test_every_answer_about_a_file_says_how_long_it_may_be_kept(world):
    address = f"/static/app.css?v={digest_of((folder_of('static') / 'app.css').read_bytes())}"

    whole = world.client.get(address)
    again = world.client.get(address, headers={"If-None-Match": whole.headers["etag"]})
    missing = world.client.get("/static/nothing.css?v=1")

    assert (whole.headers["cache-control"], again.headers["cache-control"]) == (FOREVER, FOREVER)
    assert (again.status_code, missing.status_code) == (304, 404)
    assert missing.headers["cache-control"] == "no-store"


def test_a_running_server_draws_its_pages_as_it_began(tmp_path):
    for name in ("drawn.html", "never_drawn.html"):
        (tmp_path / name).write_text("as it began")
    templates = Templates(SystemClock(), tmp_path)
    templates.render("drawn.html")

    for name in ("drawn.html", "never_drawn.html"):
        (tmp_path / name).write_text("as it was upgraded")
        os.utime(tmp_path / name, (1, 1))

    assert [templates.render(name) for name in ("drawn.html", "never_drawn.html")] == ["as it began"] * 2
