"""A stop interrupts programs that must not be repeated: the dashboard says so, and a person decides."""

import json

import httpx
import pytest
from playwright.sync_api import expect

from tests.core.processes.conftest import until
from tests.e2e.test_notifications import SIZES, assert_fit


def begun(server, name):
    """Start a command that lasts, as commands on this machine do; returns when it is at work."""
    door = json.loads((server.data / "locks" / "door.json").read_bytes())
    key = {"Authorization": f"Bearer {door['token']}"}
    with httpx.Client(base_url=f"{door['address']}/api/v1", headers=key, trust_env=False) as client:
        options = {"argv": ["sleep", "60"]}
        job = client.post("/jobs", json={"name": name, "kind": "command", "options": options}).json()
        run = client.post(f"/jobs/{job['id']}/runs").json()
    until(lambda: list(server.data.glob(f"work/*/{run['id']}/attempt-1/*/supervisor")))


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_what_a_stop_interrupted_goes_on_or_is_given_up_by_a_press(
    make_server, new_page, monkeypatch, width, theme
):
    monkeypatch.setenv("HOLDFAST_GRACE", "0")
    server = make_server()
    for name in ("Nightly export", "Mail archive"):
        begun(server, name)
    server.stop()
    server.start()
    page = new_page(at=server, viewport={"width": width, "height": 900}, color_scheme=theme)

    page.goto("/")

    expect(page.get_by_role("heading", name="2 runs were interrupted")).to_be_visible()
    assert_fit(page, width)
    page.get_by_role("button", name="Go on with Nightly export").click()
    expect(page.get_by_role("heading", name="1 run was interrupted")).to_be_visible()
    page.get_by_role("button", name="Give up Mail archive").click()
    expect(page.locator("#board-interrupted")).to_be_hidden()
