"""The pages of settings: one's own for everybody, the house's for admins."""

import pytest

from core.people import Role
from core.storage.memory import MemoryStore
from tests.fastapi_app.conftest import PASSWORD
from tests.fastapi_app.pages.conftest import Reader, words

NEW = "eleven white swans over Skye"


def change_password(reader, old=PASSWORD, new=NEW):
    form = reader.open("/settings").select_one("form[action='/settings/you/password']")
    return reader.send(form, old=old, new=new)


def test_a_changed_password_signs_every_other_browser_out_and_keeps_this_one(reader, world):
    other = world.signed_in()

    answer = change_password(reader)

    assert answer.headers["location"].startswith("/settings/you")
    assert other.get("/jobs").status_code == 401
    assert reader.browser.get("/jobs").status_code == 200
    assert world.house.accounts.authenticate("ada", NEW, "127.0.0.1").name == "ada"


def test_a_wrong_old_password_changes_nothing_and_says_so_at_the_field(reader, world):
    page = reader.read(change_password(reader, old="not mine, not at all"))

    assert reader.status == 422
    assert page.select_one("#old")["aria-invalid"] == "true"
    assert "not your password" in words(page.select_one("#wrong-old"))
    assert world.house.accounts.authenticate("ada", PASSWORD, "127.0.0.1").name == "ada"


def test_guessing_the_old_password_is_limited_like_signing_in(reader):
    answers = [change_password(reader, old=f"guess number {number}") for number in range(11)]

    assert answers[-1].status_code == 429


def test_a_new_token_is_shown_once_and_acts(reader, world):
    form = reader.open("/settings").select_one("form[action='/settings/you/tokens']")

    made = reader.read(reader.send(form, name="Home Assistant", role="viewer", days="30"))
    value = words(made.select_one("#the-token"))
    again = reader.open("/settings")

    asked = world.client.get("/api/v1/jobs", headers={"Authorization": f"Bearer {value}"})
    assert asked.status_code == 200
    assert value not in again.text
    assert "Home Assistant" in words(again)


def test_a_token_makes_no_other_token_with_the_form_either(world):
    """One that may only read would become one that may do everything its owner may."""
    weak = {"Authorization": f"Bearer {world.house.roster.make_token('ada', 'figures', Role.VIEWER, 30)}"}
    typed = {"name": "more", "role": "admin", "days": "365"}

    answer = world.client.post("/settings/you/tokens", data=typed, headers=weak)

    assert answer.status_code == 403
    assert [token.name for token in world.house.roster.tokens_of("ada")] == ["figures"]


def test_a_token_form_that_is_wrong_keeps_what_was_typed(reader, world):
    form = reader.open("/settings").select_one("form[action='/settings/you/tokens']")

    page = reader.read(reader.send(form, name="x" * 61, role="operator", days="365"))

    assert reader.status == 422
    assert page.select_one("#token-name")["value"] == "x" * 61
    assert page.select_one("#token-role option[selected]")["value"] == "operator"
    assert world.house.roster.tokens_of("ada") == ()


def test_one_signs_out_everywhere_else(reader, world, browser):
    other = world.signed_in()
    page = reader.open("/settings")

    reader.send(page.select_one("#sessions ~ form"))

    assert (other.get("/jobs").status_code, browser.get("/jobs").status_code) == (401, 200)


@pytest.mark.parametrize("role", list(Role))
def test_everybody_has_settings_of_their_own(people, role):
    reader = Reader(people[role])

    page = reader.open("/settings")

    assert reader.status == 200
    offered = [option["value"] for option in page.select("#token-role option")]
    assert offered == [each for each in Role if role.covers(each)]
    assert bool(page.select("a[href='/settings/server']")) == (role == Role.ADMIN)


def test_keeping_is_set_on_its_page_and_counts_at_once(reader, world):
    form = reader.open("/settings/keeping").select_one("form[action='/settings/keeping']")

    answer = reader.send(form, keep_runs="7", failure_alert="20")

    service = world.house.service
    assert answer.status_code == 303
    assert (service.keeper.keeping.runs, service.settings.failure_alert) == (7, 20)
    assert "Set here; it comes as 50." in words(reader.open("/settings/keeping"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [("0", "from 1 to"), ("-5", "whole number"), ("²", "whole number"), ("", "whole number")],
)
def test_a_number_that_makes_no_sense_stands_there_with_its_problem(reader, world, typed, said):
    form = reader.open("/settings/keeping").select_one("form[action='/settings/keeping']")

    page = reader.read(reader.send(form, keep_runs=typed))

    assert reader.status == 422
    assert page.select_one("#keep_runs")["value"] == typed
    assert said in words(page.select_one("#wrong-keep_runs"))
    assert world.house.service.settings.keep_runs == 50


def test_a_page_of_settings_that_is_old_sets_nothing(reader, world):
    form = reader.open("/settings/keeping").select_one("form[action='/settings/keeping']")
    world.house.service.installation.change({"keep_runs": 7}, None)

    answer = reader.send(form, keep_runs="8")

    assert answer.status_code == 409
    assert world.house.service.settings.keep_runs == 7


def test_what_the_start_said_is_shown_and_cannot_be_typed_over(make_world):
    world = make_world(store=MemoryStore(), keep_runs=9, said=frozenset({"keep_runs"}))
    page = Reader(world.signed_in()).open("/settings/keeping")

    (field,) = page.select("#keep_runs")
    assert (field["value"], field.has_attr("readonly"), field.has_attr("name")) == ("9", True, False)
    assert "HOLDFAST_KEEP_RUNS" in words(page.select_one("#about-keep_runs"))


def test_the_page_of_the_server_tells_each_setting_and_no_secret(make_world):
    secrets = {"metrics_token": "a-token-nobody-sees", "ping_url": "https://watcher.example.org/uuid-1234"}
    world = make_world(store=MemoryStore(), **secrets, said=frozenset(secrets))

    page = Reader(world.signed_in()).open("/settings/server")

    assert "HOLDFAST_METRICS_TOKEN" in words(page)
    assert not any(secret in page.text for secret in ("a-token-nobody-sees", "uuid-1234"))
    assert "rsync" in words(page)
