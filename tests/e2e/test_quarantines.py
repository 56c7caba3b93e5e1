"""Files that a run has taken away come back by a press."""

import json

import httpx
import pytest
from playwright.sync_api import expect

from tests.core.processes.conftest import until
from tests.e2e.test_notifications import SIZES, assert_fit


def taken_away(server, source, destination):
    """Have a run take everything away from a source, as somebody agreed to."""
    door = json.loads((server.data / "locks" / "door.json").read_bytes())
    key = {"Authorization": f"Bearer {door['token']}"}
    options = {"source": str(source), "destination": str(destination), "delete_source": True}
    with httpx.Client(base_url=f"{door['address']}/api/v1", headers=key, trust_env=False) as client:
        job = client.post("/jobs", json={"name": "Inbox", "kind": "rsync", "options": options}).json()
        begun = client.post(f"/jobs/{job['id']}/runs").json()
        run = f"/runs/{begun['id']}"
        until(lambda: client.get(run).json()["question"])
        question = client.get(run).json()["question"]
        given = {"question": question["id"], "answer": "delete", "typed": question["typed"]}
        assert client.post(f"{run}/answer", json=given).is_success
        until(lambda: client.get(run).json()["state"] == "completed")


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_what_was_taken_away_comes_back_by_a_press(make_server, new_page, tmp_path, width, theme):
    source = tmp_path / "inbox"
    source.mkdir()
    for number in range(3):
        (source / f"{number}.pdf").write_bytes(b"letter %d" % number)
    server = make_server()
    taken_away(server, source, tmp_path / "archive")
    page = new_page(at=server, viewport={"width": width, "height": 900}, color_scheme=theme)

    page.goto("/quarantines")
    gone = [path.name for path in source.glob("*.pdf")]
    assert_fit(page, width)
    page.get_by_role("button", name="Put back the files of").click()

    expect(page.get_by_text("3 files put back.")).to_be_visible()
    assert gone == []
    assert len(list(source.glob("*.pdf"))) == 3
    assert_fit(page, width)
