"""How finely the destination tells times, and whether its root can be written to."""

import os

import pytest

from core.copying.roots import GRAINS, ODD_TIME, PROBE, grain_of, named_probe, times_at
from core.copying.times import Times


@pytest.mark.parametrize("grain", [1, 100, 1_000, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000])
def test_how_finely_a_destination_tells_times_is_known(grain):
    assert grain_of(ODD_TIME // grain * grain) == grain
    assert grain in GRAINS


def test_a_time_cut_off_to_the_grain_is_the_same_time():
    times = Times(grain_ns=1_000_000_000)

    assert times.same(5_999_999_999, 5_000_000_000)
    assert not times.same(6_000_000_000, 5_000_000_000)


def test_a_time_that_the_destination_cannot_hold_does_not_count_as_changed():
    times = Times(grain_ns=1, earliest=315_532_800, latest=2**31 - 1)

    assert times.same(0, 315_532_800_000_000_000)
    assert times.same(4_000_000_000_123_456_789, (2**31 - 1) * 1_000_000_000)
    assert not times.same(0, 315_532_800_000_000_001)


def test_what_times_a_destination_can_hold_is_found_out(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)

    times = times_at(handle)

    os.close(handle)
    assert times.grain_ns == 1
    assert times.earliest < 0 < 2**31 - 1 < times.latest
    assert list(tmp_path.iterdir()) == []


def test_a_probe_that_a_killed_run_left_is_removed(tmp_path):
    (tmp_path / PROBE).write_text("")
    handle = os.open(tmp_path, os.O_RDONLY)

    os.close(named_probe(handle))

    os.close(handle)
    assert list(tmp_path.iterdir()) == []
