"""Destinations are looked at once an hour, and what changed is told."""

import shutil
from datetime import timedelta
from random import Random

import pytest

from core.breakers import Breaker
from core.notifications.of_destinations import notices_of
from core.notifications.values import Occasion
from core.places.rounds import Rounds
from core.places.states import STATE, Room, Seen
from tests.core.places.conftest import a_folder


@pytest.fixture
def rounds(service, book, probes, clock):
    return Rounds(book, lambda: service.manager, probes, clock, random=Random(1), again_after=0.0)


@pytest.fixture
def disk(book, tmp_path):
    (tmp_path / "disk").mkdir()
    return book.create(a_folder(tmp_path / "disk"))


def occasions(service, destination):
    value = service.manager.register(STATE + destination.id)
    return [each.occasion for each in notices_of(service.manager, STATE + destination.id, value)]


def test_each_destination_is_looked_at_once_an_hour(rounds, book, disk, clock):
    looked_at = []
    for _ in range(24):
        rounds.tend()
        looked_at.append(book.state(disk.id).at)
        clock.pass_by(timedelta(minutes=10))

    assert 4 <= len(set(looked_at)) <= 5


def test_a_destination_whose_breaker_is_open_is_left_alone(service, rounds, book, disk, clock):
    breaker = Breaker()
    for _ in range(3):
        breaker = breaker.failed("a run", "gone", clock.now())
    service.manager.set_register(f"breaker/destination:{disk.id}", breaker.mapping())

    rounds.tend()
    while_open = book.state(disk.id)
    clock.pass_by(timedelta(hours=2))
    rounds.tend()

    assert while_open is None
    assert book.state(disk.id).seen.reachable


def test_a_destination_that_is_lost_and_comes_back_is_told_once_each(service, rounds, disk, clock, tmp_path):
    told = []
    for step in (
        lambda: None,
        lambda: shutil.move(tmp_path / "disk", tmp_path / "away"),
        lambda: None,
        lambda: shutil.move(tmp_path / "away", tmp_path / "disk"),
        lambda: None,
    ):
        step()
        rounds.tend()
        value = service.manager.register(STATE + disk.id)
        told += notices_of(service.manager, STATE + disk.id, value)
        clock.pass_by(timedelta(hours=1))

    known = {notice.id: notice.occasion for notice in told if notice.occasion != Occasion.DESTINATION_FULL}
    assert list(known.values()) == [Occasion.DESTINATION_LOST, Occasion.DESTINATION_BACK]
    assert all(str(tmp_path) not in notice.text + notice.subject for notice in told)


def test_a_destination_that_is_nearly_full_is_told(service, probes, disk):
    room = Room(free=5, total=100, used=95)

    probes.keep(disk, Seen(reachable=True, sentence="It is there.", room=room))

    assert occasions(service, disk) == [Occasion.DESTINATION_FULL]


def test_a_new_destination_that_cannot_be_reached_was_not_lost(service, probes, disk):
    probes.keep(disk, Seen(reachable=False, sentence="It is gone.", code="missing"))

    assert occasions(service, disk) == []


def test_rounds_that_are_stopped_end_at_once(rounds, disk):
    rounds.start()

    rounds.stop()

    assert rounds.is_over
