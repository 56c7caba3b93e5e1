"""The commands of jobs and runs as programs see them."""


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
