"""Coming in, leaving, and the theme."""

import pytest

from tests.fastapi_app.conftest import ORIGIN, PASSWORD

ASKING = {"Accept": "text/html", "Origin": ORIGIN}


def test_signing_in_leads_to_where_somebody_wanted_to_go(world):
    wrong = {"username": "ada", "password": "not this one", "next": "/jobs?q=a"}

    refused = world.client.post("/login", data=wrong, headers=ASKING)
    let_in = world.client.post("/login", data=wrong | {"password": PASSWORD}, headers=ASKING)

    assert refused.status_code == 401
    assert "do not belong together" in refused.text
    assert "not this one" not in refused.text
    assert (let_in.status_code, let_in.headers["location"]) == (303, "/jobs?q=a")
    assert "httponly" in let_in.headers["set-cookie"].lower()


@pytest.mark.parametrize("length", [1_001, 1_990, 2_100, 12_000])
def test_a_long_address_locks_nobody_out(world, length):
    wanted = "/jobs?q=" + "x" * (length - 8)

    asked = world.client.get(wanted, headers=ASKING)
    page = world.client.get(asked.headers["location"], headers=ASKING)
    fields = {"username": "ada", "password": PASSWORD, "next": wanted}
    let_in = world.client.post("/login", data=fields, headers=ASKING)

    assert (asked.status_code, page.status_code, let_in.status_code) == (303, 200, 303)
    assert len(asked.headers["location"]) < 2_100
    assert let_in.headers["location"] == (wanted if length <= 2_000 else "/")
    assert let_in.headers["set-cookie"]


def test_a_theme_is_chosen_on_a_page_with_a_long_address(browser):
    chosen = browser.post("/preferences", data={"theme": "dark", "back": "/jobs?q=" + "x" * 5_000})

    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")


def test_a_person_who_tried_too_often_is_told_when_to_try_again(world):
    wrong = {"username": "ada", "password": "a wrong one for sure"}
    for _ in range(10):
        world.client.post("/login", data=wrong, headers=ASKING)

    refused = world.client.post("/login", data=wrong, headers=ASKING)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_signing_in_never_leads_to_another_host(world, elsewhere):
    fields = {"username": "ada", "password": PASSWORD, "next": elsewhere}

    answer = world.client.post("/login", data=fields, headers=ASKING)

    assert answer.headers["location"] == "/"


def test_set_up_shows_what_is_wrong_and_keeps_the_code(make_world):
    world = make_world(set_up=False)
    code = world.house.accounts.set_up_code()

    short = world.client.post(
        "/setup", data={"code": code, "username": "ada", "password": "short"}, headers=ASKING
    )
    done = world.client.post(
        "/setup", data={"code": code, "username": "ada", "password": PASSWORD}, headers=ASKING
    )

    assert short.status_code == 422
    assert "at least 12 characters" in short.text
    assert code in short.text
    assert (done.status_code, done.headers["location"]) == (303, "/")


def test_who_comes_second_to_set_up_is_led_to_signing_in(make_world):
    world = make_world(set_up=False)
    fields = {"code": world.house.accounts.set_up_code(), "username": "ada", "password": PASSWORD}
    world.client.post("/setup", data=fields, headers=ASKING)

    answer = world.client.post("/setup", data=fields | {"username": "eve"}, headers=ASKING)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_wrong_set_up_code_makes_no_account(make_world):
    world = make_world(set_up=False)
    world.house.accounts.set_up_code()

    answer = world.client.post(
        "/setup", data={"code": "guess", "username": "eve", "password": PASSWORD}, headers=ASKING
    )

    assert answer.status_code == 422
    assert world.house.accounts.needs_set_up


def test_signing_out_ends_the_session_on_the_server(browser):
    answer = browser.post("/logout", data={"csrf": browser.csrf})

    assert answer.headers["location"] == "/login"
    assert browser.get("/", headers={"Accept": "text/html"}).headers["location"] == "/login"


def test_what_somebody_wants_is_in_every_browser_of_theirs_from_the_first_byte(world, browser):
    chosen = browser.post("/preferences", data={"theme": "dark", "back": "/jobs"})
    denser = browser.post("/preferences", data={"density": "compact"})
    quiet = browser.post("/preferences", data={"shortcuts": "off"})
    odd = browser.post("/preferences", data={"theme": "<script>"})

    elsewhere = world.signed_in().get("/jobs", headers={"Accept": "text/html"}).text

    assert (chosen.headers["location"], odd.status_code) == ("/jobs", 422)
    assert (denser.status_code, quiet.status_code) == (303, 303)
    assert '<html lang="en" data-theme="dark" data-density="compact">' in elsewhere
    assert 'data-shortcuts="off"' in elsewhere


def test_the_door_has_the_theme_of_who_left_through_it(world, browser):
    chosen = browser.post("/preferences", data={"theme": "dark"})

    page = world.client.get("/login", headers=ASKING | {"Cookie": "theme=dark"})

    assert "theme=dark" in chosen.headers["set-cookie"]
    assert 'data-theme="dark"' in page.text
