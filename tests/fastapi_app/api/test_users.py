"""People over HTTP: for admins everybody's, for everybody their own sessions and tokens."""

import pytest

from core.people import Role
from tests.fastapi_app.conftest import PASSWORD

API = "/api/v1"
BEN = {"name": "ben", "password": PASSWORD, "role": "viewer"}


def test_an_admin_adds_changes_and_removes_a_person(browser):
    made = browser.post(f"{API}/users", json=BEN)
    changed = browser.request("PATCH", f"{API}/users/ben", json={"role": "operator", "version": 1})
    listed = browser.get(f"{API}/users").json()
    gone = browser.request("DELETE", f"{API}/users/ben", params={"version": 2})

    assert (made.status_code, made.json()["role"], made.json()["version"]) == (201, "viewer", 1)
    assert (changed.json()["role"], changed.json()["version"]) == ("operator", 2)
    assert [person["name"] for person in listed["items"]] == ["ada", "ben"]
    assert gone.status_code == 204
    assert browser.get(f"{API}/users/ben").status_code == 404


def test_role_and_password_change_together(browser, world):
    browser.post(f"{API}/users", json=BEN)
    change = {"role": "operator", "password": "eleven white swans over Skye", "version": 1}

    answer = browser.request("PATCH", f"{API}/users/ben", json=change)

    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert world.house.accounts.authenticate("ben", change["password"], "10.0.0.1").role == Role.OPERATOR


def test_a_password_that_is_refused_leaves_the_role_as_it_was(browser):
    browser.post(f"{API}/users", json=BEN)

    answer = browser.request("PATCH", f"{API}/users/ben", json={"role": "admin", "password": "short"})

    assert answer.status_code == 422
    kept = browser.get(f"{API}/users/ben").json()
    assert (kept["role"], kept["version"]) == ("viewer", 1)


@pytest.mark.parametrize(
    ("method", "path", "json", "status", "code"),
    [
        ("PATCH", "/users/ada", {"role": "viewer"}, 409, "last-admin"),
        ("DELETE", "/users/ada", None, 409, "last-admin"),
        ("PATCH", "/users/ada", {"password": PASSWORD, "version": 9}, 409, "version-conflict"),
        ("PATCH", "/users/nobody", {"role": "viewer"}, 404, "not-found"),
        ("POST", "/users", {**BEN, "name": "../ben"}, 422, "invalid-options"),
        ("POST", "/users", {**BEN, "password": "short"}, 422, "invalid-options"),
        ("POST", "/users", {**BEN, "role": "owner"}, 422, "invalid-options"),
        ("POST", "/users", {**BEN, "version": 7}, 422, "invalid-options"),
        ("DELETE", "/tokens/0123456789abcdef", None, 404, "not-found"),
        ("DELETE", "/sessions/0123456789abcdef", None, 404, "not-found"),
    ],
)
def test_what_cannot_be_done_to_people_is_refused_in_words(browser, method, path, json, status, code):
    answer = browser.request(method, f"{API}{path}", json=json)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]


def test_only_admins_learn_and_decide_who_may_come_in(people):
    asked = [
        ("GET", "/users", None),
        ("GET", "/users/ada", None),
        ("POST", "/users", BEN),
        ("PATCH", "/users/viewer", {"role": "admin"}),
        ("DELETE", "/users/ada", None),
        ("GET", "/audit", None),
    ]

    for role in (Role.VIEWER, Role.OPERATOR):
        answers = [people[role].request(method, f"{API}{path}", json=json) for method, path, json in asked]
        assert [answer.status_code for answer in answers] == [403] * len(asked)


def test_everybody_makes_and_takes_back_tokens_of_their_own(people, world):
    viewer = people[Role.VIEWER]

    value = viewer.post(f"{API}/tokens", json={"name": "ci", "days": 30}).json()["token"]
    (listed,) = viewer.get(f"{API}/tokens").json()["items"]
    used = world.client.get(f"{API}/jobs", headers={"Authorization": f"Bearer {value}"})
    viewer.request("DELETE", f"{API}/tokens/{listed['id']}")
    afterwards = world.client.get(f"{API}/jobs", headers={"Authorization": f"Bearer {value}"})

    assert (listed["name"], listed["role"]) == ("ci", "viewer")
    assert value not in str(listed)
    assert (used.status_code, afterwards.status_code) == (200, 401)


def test_a_token_makes_no_other_token(world):
    answer = world.client.post(f"{API}/tokens", json={"name": "more"}, headers=world.bearer())

    assert (answer.status_code, answer.json()["code"]) == (403, "tokens-make-none")


def test_naming_somebody_else_gives_a_viewer_their_own_tokens_only(people, world):
    people[Role.ADMIN].post(f"{API}/tokens", json={"name": "secret plans"})

    mine = people[Role.VIEWER].get(f"{API}/tokens", params={"user": "ada"}).json()["items"]
    made = people[Role.VIEWER].post(f"{API}/tokens", json={"name": "x", "user": "ada", "role": "admin"})

    assert mine == []
    assert made.status_code == 422
    assert [token.name for token in world.house.roster.tokens_of("ada")] == ["secret plans"]


def test_sessions_are_listed_and_ended_by_whose_they_are(browser, world):
    other = world.signed_in()
    listed = browser.get(f"{API}/sessions").json()["items"]
    (elsewhere,) = [session for session in listed if not session["here"]]

    ended = browser.request("DELETE", f"{API}/sessions/{elsewhere['id']}")

    assert len(listed) == 2
    assert ended.status_code == 204
    assert (other.get(f"{API}/jobs").status_code, browser.get(f"{API}/jobs").status_code) == (401, 200)
