"""The job that somebody names on the command line."""

from typing import Annotated

import typer

from core.errors import HoldfastError, NotFound
from core.listing import JobQuery
from core.models import JobOverview
from fastapi_app.cli.house import House

Which = Annotated[
    str, typer.Argument(help="The job's name, its id, or the beginning of its id.", show_default=False)
]


class Ambiguous(HoldfastError):
    """More than one job is called that."""

    code = "ambiguous"
    hint = "Use the id from `holdfast job list`."


def find_job(house: House, which: str) -> JobOverview:
    """Return the one job of that name or id; raises NotFound or Ambiguous."""
    everything = house.list_jobs(JobQuery(limit=None)).items
    found = [item for item in everything if which in {item.job.id, item.job.name}]
    found = found or [item for item in everything if len(which) > 3 and item.job.id.startswith(which)]  # noqa: PLR2004
    if not found:
        raise NotFound("job", which)
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} jobs are called {which!r}.")
    return found[0]
