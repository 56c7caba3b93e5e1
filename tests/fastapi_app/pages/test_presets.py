"""A form begins with what most people want of a kind."""

import pytest

from core.engines import ENGINES
from fastapi_app.presenters.option_fields import OPTIONS, entered_options
from fastapi_app.presenters.presets import PRESETS

EVERY_PRESET = [(kind, preset) for kind, presets in PRESETS.items() for preset in presets]


@pytest.mark.parametrize(("kind", "preset"), EVERY_PRESET, ids=lambda one: getattr(one, "name", one))
def test_every_preset_fills_fields_that_its_kind_takes(world, kind, preset):
    engine = ENGINES[kind]
    typed = preset.over({OPTIONS + name: value for name, value in world.options().items()})

    made = engine.model_validate(entered_options(typed, engine))

    named = {name.removeprefix(OPTIONS) for name in preset.values if name.startswith(OPTIONS)}
    assert named <= engine.model_fields.keys()
    assert made.model_dump()["verify"] == preset.values[f"{OPTIONS}verify"]


def test_a_preset_fills_the_form_without_scripts_and_keeps_what_was_typed(reader):
    form = reader.open("/jobs/new?kind=rsync").select_one("#job-form")
    button = form.select_one('button[value="preset:disk"]')

    page = reader.read(reader.send(form, button, name="Mine", **{"options.source": "/srv/photos"}))

    assert page.select_one("#name")["value"] == "Mine"
    assert page.select_one("#options-source")["value"] == "/srv/photos"
    assert "node_modules/" in page.select_one("#options-exclude").text
    assert page.select_one('[name="schedule.when"] option[selected]')["value"] == "times"
    assert page.select_one('button[value="preset:disk"]')["aria-pressed"] == "true"


def test_a_preset_that_is_none_changes_nothing(reader):
    form = reader.open("/jobs/new?kind=rsync").select_one("#job-form")

    reader.read(reader.send(form, name="Mine", then="preset:nothing"))

    assert reader.status == 422
