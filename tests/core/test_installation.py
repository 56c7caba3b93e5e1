"""What admins set while Holdfast runs counts at once and after a restart; what the environment says, counts before it."""

import pytest

from core.errors import InvalidOptions, Refused, VersionConflict
from core.service import Service
from core.settings import Settings
from core.storage.yaml_files import YamlFilesStore
from tests.doubles import SettableClock


@pytest.fixture
def start(tmp_path):
    """Starts services on the same folder, one after the other."""
    started = []

    def begin(**environment: str) -> Service:
        if started:
            started.pop().stop()
        named = {"HOLDFAST_DATA": str(tmp_path / "data"), **environment}
        clock = SettableClock()
        service = Service(
            Settings.from_environment(named),
            store=YamlFilesStore(tmp_path / "data", clock=clock),
            clock=clock,
        )
        service.start()
        started.append(service)
        return service

    yield begin
    for service in started:
        service.stop()


def test_what_is_set_here_counts_at_once_and_after_a_restart(start):
    service = start()

    service.installation.change({"keep_runs": 7, "keep_events_days": 3, "failure_alert": 20}, version=0)
    at_once = service.keeper.keeping.runs, service.clerk.keep_for.days, service.settings.failure_alert
    later = start()

    assert at_once == (7, 3, 20)
    assert (later.keeper.keeping.runs, later.clerk.keep_for.days, later.settings.failure_alert) == at_once


def test_what_the_environment_says_counts_and_cannot_be_set_here(start):
    start().installation.change({"keep_runs": 7}, version=None)
    service = start(HOLDFAST_KEEP_RUNS="9")

    with pytest.raises(Refused, match="HOLDFAST_KEEP_RUNS"):
        service.installation.change({"keep_runs": 8}, version=None)

    assert service.keeper.keeping.runs == 9


@pytest.mark.parametrize("values", [{"keep_runs": 0}, {"failure_alert": 101}, {"slots": 64}, {"said": 1}])
def test_a_setting_that_makes_no_sense_is_refused_by_name(start, values):
    service = start()
    before = service.settings

    with pytest.raises(InvalidOptions) as refused:
        service.installation.change(values, version=None)

    assert refused.value.problems.keys() == values.keys()
    assert service.settings == before


def test_two_who_set_at_once_do_not_overwrite_each_other(start):
    service = start()
    service.installation.change({"keep_runs": 7}, version=0)

    with pytest.raises(VersionConflict):
        service.installation.change({"keep_runs": 8}, version=0)

    assert service.settings.keep_runs == 7


def test_a_register_that_cannot_be_read_sets_nothing(start):
    service = start()
    service.manager.change_registers(lambda _: {"settings": {"values": {"keep_runs": -4, "slots": 900}}})

    service.installation.open()

    assert (service.settings.keep_runs, service.settings.slots) == (50, 2)
