import gc

import pytest

from core.collecting import undisturbed


@pytest.fixture
def thawed_afterwards():
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed_afterwards")
def test_nothing_is_collected_while_much_is_read_and_what_was_read_is_passed_over_later():
    before = gc.get_freeze_count()

    with undisturbed():
        collecting = gc.isenabled()
        read = [[number] for number in range(10_000)]

    assert not collecting
    assert gc.isenabled()
    assert gc.get_freeze_count() - before > len(read)


@pytest.mark.usefixtures("thawed_afterwards")
def test_collecting_goes_on_when_reading_failed():
    with pytest.raises(ZeroDivisionError), undisturbed():
        1 / 0  # noqa: B018 - it is the failure

    assert gc.isenabled()
