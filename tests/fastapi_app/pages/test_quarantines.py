"""What was taken away, on its page."""

import pytest

from tests.core.clearing.world import World as Place
from tests.core.clearing.world import files_in
from tests.fastapi_app.pages.conftest import words


@pytest.fixture
def place(world, tmp_path):
    """A run that has taken three files away."""
    run = world.a_running_run(world.a_job())
    made = Place(tmp_path / "<b>place", world.house.service.data, run.id, run.job_id)
    made.put_some()
    made.delete()
    world.house.service.quarantines.adopt_all()
    return made


def test_the_way_to_it_is_shown_once_anything_was_taken_away(reader, place, make_world):
    page = reader.open("/")

    assert page.select_one('nav.side a[href="/quarantines"]')


def test_while_nothing_was_taken_away_no_way_leads_there(reader):
    page = reader.open("/")

    assert page.select_one('nav.side a[href="/quarantines"]') is None
    assert "No run has taken anything away" in words(reader.open("/quarantines").select_one("main"))


def test_a_button_puts_everything_back(reader, place):
    page = reader.open("/quarantines")
    row = page.select_one(f"#run-{place.run_id}")

    assert "3 files" in words(row)
    assert str(place.source) in words(row)
    answer = reader.send(row.select_one('form[action$="/put-back"]'))

    assert answer.status_code == 200
    assert "3 files put back." in answer.text
    assert len(files_in(place.source)) == 3


def test_it_is_deleted_for_good_only_for_words_that_are_typed(reader, place):
    row = reader.open("/quarantines").select_one(f"#run-{place.run_id}")
    form = row.select_one('form[action$="/empty"]')

    refused = reader.send(form, typed="yes")
    kept = place.aside()
    done = reader.send(form, typed="empty 3")

    assert "Type exactly: empty 3" in refused.text
    assert len(kept) == 3
    assert "3 files gone for good." in done.text
    assert place.aside() == {}


def test_each_file_of_a_receipt_is_shown_with_its_digest(reader, place):
    page = reader.open(f"/runs/{place.run_id}/deletion")

    rows = page.select("tbody tr")
    assert len(rows) == 3
    assert "year 0/0.jpg" in words(rows[0])
    assert "blake3:" in words(rows[0])
    assert "set aside" in words(rows[0])
