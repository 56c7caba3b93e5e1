"""The commands of jobs and runs as programs see them."""

from typing import Any

import pytest

from core.people import Role
from tests.fastapi_app.api.test_destinations import HOST, PLACE
from tests.servers import Sshd


def test_the_command_of_a_run_is_told_over_http(world):
    headers = world.bearer()
    body = {"name": "photos", "kind": "copy", "options": world.options()}
    job = world.client.post("/api/v1/jobs", headers=headers, json=body).json()
    run = world.client.post(f"/api/v1/jobs/{job['id']}/runs", headers=headers).json()

    of_job = world.client.get(f"/api/v1/jobs/{job['id']}/commands", headers=headers).json()
    of_run = world.client.get(f"/api/v1/runs/{run['id']}/commands", headers=headers).json()

    assert of_run == of_job
    assert of_run["commands"][0].startswith("rsync --archive ")
    assert of_run["commands"][0].endswith(f"-- {world.options()['source']}/ {world.options()['destination']}")


def test_commands_of_what_is_not_there_are_not_found(world):
    headers = world.bearer()

    answers = [
        world.client.get(f"/api/v1/{what}/0190a6b8-0000-7000-8000-000000000000/commands", headers=headers)
        for what in ("jobs", "runs")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_a_command_tells_where_a_destination_is_to_admins_alone(people, world, tmp_path, role):
    admin, key = people[Role.ADMIN], Sshd(tmp_path).host_key
    host: Any = HOST
    settings = host["settings"] | {"host_key": key}
    admin.post(PLACE, json={**HOST, "settings": settings})
    (tmp_path / "source").mkdir()
    options = {"source": str(tmp_path / "source"), "destination": "cellar:photos"}
    job = admin.post("/api/v1/jobs", json={"name": "photos", "kind": "rsync", "options": options}).json()
    run = admin.post(f"/api/v1/jobs/{job['id']}/runs").json()
    addresses = (
        f"/api/v1/jobs/{job['id']}/commands",
        f"/api/v1/runs/{run['id']}/commands",
        f"/runs/{run['id']}",
    )

    told = [people[role].get(address) for address in addresses]

    assert [each.status_code for each in told] == [200, 200, 200]
    known = ["keeper@cellar.secret-name.example" in each.text for each in told]
    assert known == [role is Role.ADMIN] * 3
    if role is not Role.ADMIN:
        assert told[0].json()["commands"] == []
        assert "only admins" in told[0].json()["about"]
