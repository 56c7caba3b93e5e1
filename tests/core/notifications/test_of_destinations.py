"""What happens to destinations is listed, once each."""

from datetime import timedelta

import msgspec

from core.places.states import STATE, DestinationState, Room, Seen, followed_by

FULL = Room(free=5, total=100, used=95)


def looked(manager, before: DestinationState | None, seen: Seen, clock) -> DestinationState:
    """Keep what was seen, an hour after the last look."""
    clock.pass_by(timedelta(hours=1))
    state = followed_by(before, seen, clock.now())
    manager.set_register(f"{STATE}disk", msgspec.to_builtins(state))
    return state


def test_what_happens_to_a_destination_is_listed_once(office, manager, clock):
    manager.set_register("destination/disk", {"id": "disk", "name": "Disk"})
    state = None

    for reachable in (True, False, False, True, True):
        state = looked(manager, state, Seen(reachable=reachable, sentence="at /mnt/secret-place"), clock)
        office.hear()
    for _ in range(2):
        state = looked(manager, state, Seen(reachable=True, sentence="", room=FULL), clock)
        office.hear()

    assert office.subjects == [
        "The destination Disk is nearly full",
        "The destination Disk is back",
        "The destination Disk was lost",
    ]
    notices = [notice for _, notice in office.book.notices()]
    assert not any("secret-place" in notice.text for notice in notices)
    assert {notice.destination_id for notice in notices} == {"disk"}


def test_what_was_lost_while_nobody_listened_is_noticed_at_the_start(office, manager, clock):
    office.hear()
    state = looked(manager, None, Seen(reachable=True, sentence=""), clock)
    state = followed_by(state, Seen(reachable=False, sentence=""), clock.now())
    manager.set_register(f"{STATE}disk", msgspec.to_builtins(state))

    office.look()

    assert office.subjects == ["The destination disk was lost"]


def test_a_register_that_says_nothing_is_not_told(office, manager):
    manager.set_register(f"{STATE}disk", {"at": "never"})

    office.hear()

    assert office.subjects == []
