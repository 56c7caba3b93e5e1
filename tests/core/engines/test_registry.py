"""The list of kinds, and how an engine is made from what was entered."""

from types import MappingProxyType

import pytest

from core.engines import ENGINES, engine_for
from core.errors import InvalidOptions, NotFound

SECRET = "hunter2-do-not-repeat"


def test_every_kind_says_what_it_is():
    for kind, engine in ENGINES.items():
        assert kind == engine.kind
        assert engine.label
        assert engine.summary
        assert engine.stages
        assert all(field.description and field.title for field in engine.model_fields.values())


def test_an_unknown_kind_is_not_found():
    with pytest.raises(NotFound, match="There is no kind 'teleport'"):
        engine_for("teleport", {})


def test_each_wrong_option_is_named_by_its_place_and_what_was_entered_is_not_repeated():
    options = {
        "source": "/a",
        "verify": SECRET,
        "exclude": ["ok", {"x": SECRET}],
        SECRET: 1,
        "bandwidth_limit": SECRET,
    }

    with pytest.raises(InvalidOptions) as refused:
        engine_for("copy", options)

    problems = refused.value.problems
    assert problems["options.destination"] == "This is needed."
    assert problems["options.verify"] == "This must be 'full', 'sample' or 'fast'."
    assert problems["options.bandwidth_limit"] == "Write a rate such as 10 MB/s or 512 KiB/s."
    assert "options.exclude.1" in problems
    assert all(SECRET not in sentence for sentence in problems.values())


def test_options_may_come_frozen():
    options = MappingProxyType({"source": "/a", "destination": "/b", "exclude": ("x",)})

    assert engine_for("copy", options).model_dump()["exclude"] == ("x",)
