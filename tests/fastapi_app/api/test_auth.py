"""Tokens for programs."""

from datetime import timedelta

import pytest

from tests.fastapi_app.conftest import ORIGIN, PASSWORD

TOKEN = "/api/v1/auth/token"


def test_a_program_gets_a_token_for_a_password(world, clock):
    answer = world.client.post(TOKEN, json={"username": "Ada", "password": PASSWORD})

    token = answer.json()
    program = {"Authorization": f"Bearer {token['access_token']}"}
    assert answer.status_code == 200
    assert (token["token_type"], token["expires_in"]) == ("bearer", 12 * 3600)
    assert token["user"] == {"username": "ada", "role": "admin"}
    assert token["access_token"].startswith("holdfast_")
    assert world.client.get("/api/v1/jobs", headers=program).status_code == 200
    clock.pass_by(timedelta(hours=12))
    assert world.client.get("/api/v1/jobs", headers=program).status_code == 401


def test_wrong_credentials_get_no_token(world):
    for name in ("ada", "nobody"):
        refused = world.client.post(TOKEN, json={"username": name, "password": "not the pass word"})
        assert (refused.status_code, refused.json()["code"]) == (401, "wrong-credentials")


def test_too_many_tries_are_told_how_long_to_wait(world):
    for _ in range(10):
        world.client.post(TOKEN, json={"username": "ada", "password": "not the pass word"})

    forged = {"X-Forwarded-For": "198.51.100.9", "Forwarded": "for=198.51.100.9"}
    refused = world.client.post(TOKEN, json={"username": "ada", "password": PASSWORD}, headers=forged)

    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-tries")
    assert refused.headers["retry-after"] == "60"


@pytest.mark.parametrize("password", [["hunter2-hunter2"], {"a": "hunter2-hunter2"}, 3.5, None])
def test_a_wrong_password_does_not_come_back_in_the_answer(world, password):
    refused = world.client.post(TOKEN, json={"username": "ada", "password": password, "hunter": 1})

    assert refused.status_code == 422
    assert "hunter2" not in refused.text
    assert set(refused.json()["problems"]) == {"password", "hunter"}


@pytest.mark.parametrize(("length", "status"), [(10_000, 401), (20_000, 413), (1_000_000, 413)])
def test_a_password_of_a_megabyte_costs_no_more_than_another(world, length, status):
    form = {"username": "ada", "password": "p" * length}

    assert world.client.post(TOKEN, json=form).status_code == status
    assert world.client.post("/login", data=form, headers={"Origin": ORIGIN}).status_code in {status, 422}
