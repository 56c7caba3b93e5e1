"""This machine's own time zone."""

from pathlib import Path

import pytest

from core.schedules.zones import find_own_zone


@pytest.fixture
def local_time(tmp_path):
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Asia/Kolkata")
    return link


@pytest.mark.parametrize("named", ["Europe/Berlin", ":Europe/Berlin"])
def test_the_zone_that_tz_names_is_this_machines(local_time, named):
    assert find_own_zone({"TZ": named}, local_time) == "Europe/Berlin"


@pytest.mark.parametrize("named", ["", "CET-1CEST,M3.5.0,M10.5.0/3", "/etc/passwd"])
def test_without_a_name_in_tz_the_link_tells(local_time, named):
    assert find_own_zone({"TZ": named}, local_time) == "Asia/Kolkata"


def test_a_machine_that_tells_nothing_goes_by_utc(tmp_path):
    assert find_own_zone({}, tmp_path / "nothing") == "UTC"
    assert find_own_zone({}, Path("/etc/hostname")) == "UTC"
