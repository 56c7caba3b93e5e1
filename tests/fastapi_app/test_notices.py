"""What is told once: to the session it is for, on the next page that somebody sees."""

import pytest

from fastapi_app.notices import MOST_OF_ONE, MOST_SESSIONS, Act, Notice, Notices

SHOWN = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
HOSTILE = '<img src=x onerror=alert(1)> "photos"'


@pytest.fixture
def told(world, browser):
    """Leave something for the browser, as a form would that leads to another page."""
    session = next(iter(world.house.accounts._sessions))

    def leave(text=HOSTILE, **fields):
        world.house.notices.leave(session, Notice(text=text, **fields))

    return leave


def toasts(answer):
    return answer.text.partition('id="toasts"')[2].partition('id="said"')[0]


def test_what_a_form_did_is_told_once_by_the_page_it_leads_to(browser, told):
    told("photos is being deleted.", action=Act(word="Undo", address="/jobs/1/keep"))

    first, second = browser.get("/jobs", headers=SHOWN), browser.get("/jobs", headers=SHOWN)

    assert "photos is being deleted." in toasts(first)
    assert 'action="/jobs/1/keep"' in toasts(first)
    assert ">Undo</button>" in toasts(first)
    assert "photos is being deleted." not in second.text


def test_a_script_that_reads_a_page_unseen_takes_nothing_away(browser, told):
    told("Kept.")

    read = browser.get("/jobs", headers=SHOWN | {"Sec-Fetch-Mode": "cors"})
    pressed = browser.get("/jobs", headers=SHOWN | {"Sec-Fetch-Mode": "cors", "HX-Request": "true"})

    assert "Kept." not in read.text
    assert "Kept." in toasts(pressed)


def test_nobody_else_is_told(world, browser, told):
    told("Only for you.")

    assert "Only for you." not in world.signed_in().get("/jobs", headers=SHOWN).text
    assert "Only for you." in browser.get("/jobs", headers=SHOWN).text


def test_names_in_what_is_told_stay_text(browser, told):
    told()

    assert "<img" not in toasts(browser.get("/jobs", headers=SHOWN))


def test_what_nobody_comes_for_takes_no_room():
    notices = Notices()
    for number in range(MOST_SESSIONS + 10):
        for _ in range(MOST_OF_ONE + 3):
            notices.leave(f"session {number}", Notice(text=f"{number}"))

    notices.leave(None, Notice(text="for nobody"))

    assert notices.take("session 0") == ()
    assert len(notices.take(f"session {MOST_SESSIONS + 9}")) == MOST_OF_ONE
    assert len(notices._waiting) == MOST_SESSIONS - 1
