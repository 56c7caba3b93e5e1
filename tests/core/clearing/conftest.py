"""The place in which files are taken away."""

from pathlib import Path

import pytest

from tests.core.clearing.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
