"""Errors are told in words, to programs and to people."""

import json
import re

import pytest

from core.engines.base import Engine
from core.errors import HoldfastError
from fastapi_app.errors import problem_of, status_of

JOBS = "/api/v1/jobs"
NOBODY = "3f0c8f9e-0000-4000-8000-000000000000"


def every_kind_of(error):
    yield error
    for kind in error.__subclasses__():
        yield from every_kind_of(kind)


def test_an_error_says_what_happened_and_what_to_do_next(world, browser):
    answers = [
        browser.get(f"{JOBS}/{NOBODY}"),
        browser.get("/api/v1/nowhere"),
        browser.post(JOBS, json={"name": "x", "kind": "copy", "colour": "red"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 422]
    for answer in answers:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code", "hint"} <= set(problem)
        assert problem["status"] == answer.status_code
        assert problem["type"].endswith(problem["code"])
    page = browser.get(f"/jobs/{NOBODY}", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "It may have been deleted." in page.text


def test_every_error_of_ours_has_a_status_of_its_own_kind():
    assert {status_of(kind.__new__(kind)) for kind in every_kind_of(HoldfastError)} <= {
        401, 403, 404, 405, 409, 413, 421, 422, 428, 429, 500, 503, 507,
    }  # fmt: skip


def test_a_problem_can_be_written_whatever_its_words():
    error = HoldfastError("half a character \ud800 and NUL \0")

    assert json.loads(json.dumps(problem_of(error, 500)))["detail"] == str(error)


HOSTILE = {
    "lone surrogate": b'{"name": "\\ud800", "kind": "\\udfff", "options": {"source": "\\ud800"}}',
    "surrogate in a key": b'{"name": "x", "kind": "copy", "options": {"\\ud800": "\\ud800"}}',
    "NUL": b'{"name": "a\\u0000b", "kind": "copy", "options": {"source": "/a\\u0000b", "destination": "/x"}}',
    "huge number": b'{"name": "x", "kind": "copy", "options": {"bandwidth_limit": 1e999}}',
    "many digits": b'{"name": "x", "kind": "copy", "version": ' + b"9" * 5000 + b"}",
    "large number": b'{"name": "x", "kind": "copy", "version": 99999999999999999999999}',
    "not a number": b'{"name": "x", "kind": "copy", "options": {"bandwidth_limit": NaN}}',
    "deep": b"[" * 200_000,
    "deep and closed": b'{"name": "x", "kind": "copy", "options": {"a":' + b"[" * 900 + b"]" * 900 + b"}}",
    "deep objects": b'{"options":' * 50_000 + b"1" + b"}" * 50_000,
    "many keys": json.dumps({f"k{number}": 1 for number in range(60_000)}).encode(),
    "many options": json.dumps({"options": {f"k{number}": 1 for number in range(50_000)}}).encode(),
    "a list": b"[]",
    "a word": b'"name"',
    "null": b"null",
    "nothing": b"",
    "not JSON": b"name=x&kind=copy",
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "wrong types": b'{"name": 1, "kind": [], "options": "x", "tags": {}, "username": null, "password": []}',
    "same key twice": b'{"name": "x", "name": ["y"], "kind": "copy"}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_json_is_refused_without_a_mistake_of_ours(world, browser, body):
    job = world.a_job()
    doors = [
        ("POST", JOBS),
        ("PATCH", f"{JOBS}/{job.id}"),
        ("POST", "/api/v1/kinds/copy/check"),
        ("POST", "/api/v1/auth/token"),
    ]

    for method, path in doors:
        answer = browser.request(method, path, headers={"Content-Type": "application/json"}, content=body)
        told_problems = answer.status_code == 200 and answer.json()["problems"]
        assert told_problems or 400 <= answer.status_code < 500, (method, path, answer.text)
        assert len(answer.content) < 10_000
    assert world.house.service.manager.job(job.id).job == job


WRONG = [
    (b"[]", {"body": "This must be an object: names, each with a value."}),
    (b'{"name": 1, "kind": "copy"}', {"name": "This must be a text."}),
    (b'{"name": "x", "kind": "copy", "options": []}', {"options": "This must be an object: names, each with a value."}),
    (b'{"name": "x", "kind": "copy", "tags": {}}', {"tags": "This must be a list."}),
    (b'{"name": "x", "kind": "copy", "enabled": 1}', {"enabled": "This must be true or false."}),
    (b'{"name": "x", "kind": "copy", "priority": 1}', {"priority": "This must be 'low', 'normal', 'high' or 'critical'."}),
    (b'{"name": "x", "kind": "copy", "options": {"exclude": [NaN]}}', {"options.exclude": "This must be a number."}),
    (b'{"name": "x", "kind": "copy", "options": {"a": {"b": 1e999}}}', {"options.a": "This number is too large."}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "problems"), WRONG)
def test_what_is_wrong_is_said_in_our_words_at_its_own_field(browser, body, problems):
    refused = browser.post(JOBS, headers={"Content-Type": "application/json"}, content=body)

    assert (refused.status_code, refused.json()["problems"]) == (422, problems)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_json_of_another_type_is_refused(world, browser, kind):
    headers = {"Content-Type": kind}
    content = json.dumps({"name": "x", "kind": "copy", "options": world.options()})

    refused = browser.post(JOBS, headers=headers, content=content)

    assert 400 <= refused.status_code < 500


@pytest.mark.parametrize(
    "name",
    [
        "1",
        "x" * 5_000,
        "..",
        "%2e%2e",
        "%00",
        NOBODY.upper(),
        NOBODY + "%0a",
        "%ff%fe",
        "%ed%a0%80",
        "{id}",
        "-1",
        "null",
    ],
)
def test_odd_ids_are_not_found(browser, name):
    for path in (
        f"{JOBS}/{name}",
        f"/api/v1/runs/{name}",
        f"/api/v1/runs/{name}/log",
        f"/api/v1/kinds/{name}/schema",
    ):
        answer = browser.get(path)
        assert answer.status_code == 404, path
        assert len(answer.content) < 1_000


def test_a_body_that_is_too_large_is_refused_before_it_is_read(world, browser):
    def unannounced():
        for _ in range(300):
            yield b" " * 10_000

    announced = browser.post(JOBS, content=b" " * 1_000_001, headers={"Content-Type": "application/json"})
    endless = browser.post(JOBS, content=unannounced(), headers={"Content-Type": "application/json"})

    assert [announced.status_code, endless.status_code] == [413, 413]
    assert announced.json()["code"] == "too-large"


def test_the_description_is_there_behind_the_login(world, browser):
    described, page = (
        browser.get("/api/openapi.json"),
        browser.get("/api/docs", headers={"Accept": "text/html"}),
    )

    paths = set(described.json()["paths"])
    assert {"/api/v1/jobs", "/api/v1/runs/{run_id}/log", "/health"} <= paths
    assert page.status_code == 200
    for path in paths:
        assert path in page.text
    assert not re.search(r"""(src|href|action)=["']?(\w+:)?//""", page.text)
    assert world.client.get("/api/docs").status_code == 401


def test_a_mistake_of_ours_shows_nothing_of_the_inside(world, browser, caplog):
    job = world.a_job()
    world.house.service.manager._make_engine = lambda *_: breaks()

    answer = browser.post("/api/v1/kinds/copy/check", json={"options": {}})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "ZeroDivisionError" not in answer.text
    assert "ZeroDivisionError" in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert browser.get(f"{JOBS}/{job.id}").status_code == 200


def breaks() -> Engine:
    raise ZeroDivisionError
