"""The pages of people, for admins."""

import pytest

from core.people import Role
from tests.fastapi_app.conftest import PASSWORD
from tests.fastapi_app.pages.conftest import Reader, words


def add(reader, name="ben", role="viewer", password=PASSWORD):
    form = reader.open("/users").select_one("form[action='/users']")
    return reader.send(form, name=name, role=role, password=password)


def test_an_admin_lets_somebody_in_who_then_signs_in(reader, world):
    answer = add(reader, role="operator")

    page = reader.open("/users")
    assert answer.status_code == 303
    assert [words(name) for name in page.select("tbody .name")] == ["ada", "ben"]
    assert world.house.roster.member("ben").role == Role.OPERATOR
    assert world.signed_in("ben").get("/jobs").status_code == 200


def test_a_person_who_cannot_be_made_is_explained_at_the_field_and_the_password_is_not_repeated(reader):
    page = reader.read(add(reader, name="a b", password="tiny secret"))

    assert reader.status == 422
    assert page.select_one("#name")["aria-describedby"] == "wrong-name"
    assert page.select_one("#name")["value"] == "a b"
    assert page.select_one("#password").get("value") is None
    assert "tiny secret" not in page.text


def test_the_page_of_a_person_changes_their_role(reader, world):
    add(reader)
    form = reader.open("/users/ben").select_one("form[action='/users/ben/role']")

    answer = reader.send(form, role="operator")

    assert answer.headers["location"] == "/users/ben"
    assert world.house.roster.member("ben").role == Role.OPERATOR


def test_a_page_that_is_old_changes_nobody(reader, world):
    add(reader)
    form = reader.open("/users/ben").select_one("form[action='/users/ben/role']")
    world.house.roster.set_role("ben", Role.OPERATOR, None)

    answer = reader.send(form, role="admin")

    assert answer.status_code == 409
    assert world.house.roster.member("ben").role == Role.OPERATOR


def test_the_only_admin_cannot_be_removed_and_is_told_why(reader, world):
    form = reader.open("/users/ada").select_one("form[action='/users/ada/remove']")

    page = reader.read(reader.send(form))

    assert reader.status == 409
    assert "only admin" in words(page.select_one("[role=alert]"))
    assert len(world.house.roster.members()) == 1


def test_a_new_password_and_a_removal_from_the_page(reader, world):
    add(reader)
    theirs = world.signed_in("ben")
    form = reader.open("/users/ben").select_one("form[action='/users/ben/password']")

    reader.send(form, password="eleven white swans over Skye")
    signed_out = theirs.get("/jobs").status_code
    reader.send(reader.open("/users/ben").select_one("form[action='/users/ben/remove']"))

    assert signed_out == 401
    assert [member.name for member in world.house.roster.members()] == ["ada"]


def test_an_admin_signs_somebody_out_and_takes_a_token_back(reader, world):
    add(reader)
    theirs = world.signed_in("ben")
    world.house.roster.make_token("ben", "ci", Role.VIEWER, 30)
    page = reader.open("/users/ben")

    reader.send(page.select_one("form[action='/users/ben/sessions/end']"))
    reader.send(page.select_one("form[action='/users/ben/tokens/drop']"))

    assert theirs.get("/jobs").status_code == 401
    assert world.house.roster.tokens_of("ben") == ()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
@pytest.mark.parametrize("path", ["/users", "/users/ada", "/settings/server", "/settings/keeping", "/audit"])
def test_pages_for_admins_are_refused_to_others(people, role, path):
    page = Reader(people[role])

    page.open(path)

    assert page.status == 403


def test_what_a_removed_person_wanted_of_pages_goes_with_them(reader, world):
    add(reader)
    world.house.service.preferences.set("ben", theme="dark")

    reader.send(reader.open("/users/ben").select_one("form[action='/users/ben/remove']"))

    assert world.house.service.preferences.of("ben").theme == "auto"
