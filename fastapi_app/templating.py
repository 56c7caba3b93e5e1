"""Draws templates: every text escaped, made harmless, and timed by the house's clock."""

import platform
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from core.clock import Clock
from fastapi_app.assets import digest_of
from fastapi_app.bundles import address_of_bundle
from fastapi_app.compiled import COMPILED
from fastapi_app.presenters import texts, times

INDENTED: Final = re.compile(r"^[ \t]+", re.MULTILINE)
HERE: Final = Path(__file__).resolve().parent


def folder_of(name: str) -> Path:
    """Return where "templates" or "static" lies: inside the package once installed, else beside it."""
    inside = HERE / name
    return inside if inside.is_dir() else HERE.parent / name


def version_of_holdfast() -> str:
    """Return the version that is installed, or nothing for a bare clone."""
    try:
        return version("holdfast-jobs")
    except PackageNotFoundError:
        return ""


@cache
def address_of_asset(name: str) -> str:
    """Return the address of a file that the browser may keep for good: another content has another one."""
    return f"/static/{name}?v={digest_of((folder_of('static') / name).read_bytes())}"


class Templates:
    """The templates of one Holdfast, all read when it starts: they belong to the code that was."""

    def __init__(self, clock: Clock, folder: Path | None = None) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.DictLoader(_sources_in(folder or folder_of("templates"))),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_harmless,
            bytecode_cache=COMPILED,
        )
        self._environment.filters.update(_filters(clock))
        self._environment.globals.update(
            asset=address_of_asset,
            bundle=partial(address_of_bundle, folder_of("static")),
            host=platform.node() or "this machine",
            release=version_of_holdfast(),
        )

    def render(self, name: str, **context: Any) -> str:  # noqa: ANN401 - what a template shows is its own
        """Return the template filled with the context."""
        return self._environment.get_template(name).render(context)


def _sources_in(folder: Path) -> dict[str, str]:
    """Return every template by its name, without the white space that its lines begin with: nobody reads it."""
    return {
        str(path.relative_to(folder)): INDENTED.sub("", path.read_text("utf-8"))
        for path in folder.rglob("*.html")
    }


def _harmless(value: object) -> object:
    if isinstance(value, Markup):
        return value
    if isinstance(value, texts.Exactly):
        return texts.storable(value)
    return texts.visible(value) if isinstance(value, str) else value


def _filters(clock: Clock) -> dict[str, Callable[..., str]]:
    def ago(moment: datetime) -> str:
        return times.ago(moment, clock.now())

    def until(moment: datetime) -> str:
        return times.until(moment, clock.now())

    def due(moment: datetime) -> str:
        return times.due(moment, clock.now())

    def age(moment: datetime) -> str:
        return times.age((clock.now() - moment).total_seconds())

    def since(moment: datetime) -> str:
        return times.span((clock.now() - moment).total_seconds())

    return {
        "ago": ago,
        "until": until,
        "due": due,
        "age": age,
        "since": since,
        "machine": times.machine,
        "stamp": times.stamp,
        "clock": times.clock,
        "hour": times.hour,
        "weekday": times.weekday,
        "thousands": lambda number: f"{number:,}",
    }
