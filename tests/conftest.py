"""What every test may count on."""

import os

import pytest
from hypothesis import settings

from tests.servers import sshd as sshd  # noqa: PLC0414 - a fixture for everybody

# A slow machine must not decide whether a test passes; a found example is printed, not kept in a folder.
settings.register_profile("holdfast", deadline=None, database=None, print_blob=True)
settings.load_profile("holdfast")


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch):
    """Hide the HOLDFAST_ variables of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("HOLDFAST_")]:
        monkeypatch.delenv(name)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say how to get the same order again, when something failed in it."""
    seed = getattr(config.option, "randomly_seed", None)
    if exitstatus == pytest.ExitCode.TESTS_FAILED and seed is not None:
        terminalreporter.write_line(f"For the same order: --randomly-seed={seed}")
