"""Everything that is wrong with options, told at once."""

import pytest

from core.engines import engine_for
from core.errors import InvalidOptions
from core.stopgaps import problems_of_options


@pytest.fixture
def problems(surroundings):
    return lambda kind, options: problems_of_options(kind, options, engine_for, surroundings)


def test_what_is_wrong_beside_something_missing_is_told_too(problems, tmp_path):
    found = problems("copy", {"destination": str(tmp_path / "to"), "exclude": ["# note"], "verify": "never"})

    assert set(found) == {"options.source", "options.verify", "options.exclude"}


def test_nothing_is_told_of_what_stands_in(problems, tmp_path):
    (tmp_path / "from").mkdir()

    found = problems("copy", {"source": str(tmp_path / "from")})

    assert set(found) == {"options.destination"}


@pytest.mark.parametrize("kind", ["rsync", "rclone", "restic", "several", "watch", "command"])
def test_every_kind_says_what_is_missing_from_an_empty_form(problems, kind):
    found = problems(kind, {})

    with pytest.raises(InvalidOptions) as refused:
        engine_for(kind, {})
    assert refused.value.problems.items() <= found.items()


def test_what_is_right_has_no_problems(problems, tmp_path):
    (tmp_path / "from").mkdir()

    assert problems("copy", {"source": str(tmp_path / "from"), "destination": str(tmp_path / "to")}) == {}
