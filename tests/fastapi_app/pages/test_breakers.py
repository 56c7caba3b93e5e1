"""What cannot be reached, on the pages that show who waits for it."""

import pytest

from core.breakers import Breaker
from tests.fastapi_app.pages.conftest import words


@pytest.fixture
def trip(world, clock):
    """Have something not be reached three times in a row."""

    def fail(name, message="No route to host."):
        breaker = Breaker()
        for run in range(3):
            breaker = breaker.failed(f"run-{run}", message, clock.now())
        world.house.service.manager.set_register(f"breaker/{name}", breaker.mapping())

    return fail


def test_the_queue_tells_what_cannot_be_reached(reader, trip):
    trip("nas-02", message="<b>No route</b> to host.")

    panel = reader.open("/queue").select_one("#breakers")

    assert "nas-02" in words(panel)
    assert "Not reached 3 times in a row. Whoever needs it waits; then one run tries." in words(panel)
    assert "<b>No route</b> to host." in words(panel)


def test_whoever_waits_may_be_let_try_at_once(world, reader, trip):
    trip("nas-02")
    form = reader.open("/queue").select_one("#breakers form")

    answer = reader.send(form)
    again = reader.send(form)

    assert answer.headers["location"] == "/queue"
    assert world.house.service.manager.breakers() == {}
    assert reader.open("/queue").select_one("#breakers") is None
    assert again.status_code == 404
