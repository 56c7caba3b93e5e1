"""Every page there is, in one place; `tests/fastapi_app/pages/test_page_list.py` looks whether one is missing."""

from typing import Final, NamedTuple

from core.engines import ENGINES


class Page(NamedTuple):
    """A page: the route that answers it, and an address of it, in which {names} are ids of the filled scene."""

    name: str
    route: str
    address: str
    status: int = 200
    scenes: tuple[str, ...] = ("filled", "empty")
    stranger: bool = False
    """Whether it is for who is not signed in."""


def _at(name: str, route: str, address: str = "", **more: object) -> Page:
    return Page(name, route, address or route, **more)  # type: ignore[arg-type]


def _of(name: str, route: str, address: str) -> Page:
    return Page(name, route, address, scenes=("filled",))


PAGES: Final = (
    _at("dashboard", "/"),
    _at("jobs", "/jobs"),
    _of("jobs-searched", "/jobs", "/jobs?q=archive&sort=name"),
    _at("jobs-without-a-match", "/jobs", "/jobs?q=nothing+is+called+this"),
    *(_at(f"new-{kind}", "/jobs/new", f"/jobs/new?kind={kind}") for kind in ENGINES),
    _of("edit-job", "/jobs/{job_id}/edit", "/jobs/{job}/edit"),
    _of("job", "/jobs/{job_id}", "/jobs/{job}"),
    _of("job-failed", "/jobs/{job_id}", "/jobs/{failed_job}"),
    _of("job-running", "/jobs/{job_id}", "/jobs/{running_job}"),
    _of("job-paused", "/jobs/{job_id}", "/jobs/{paused_job}"),
    _of("job-hostile", "/jobs/{job_id}", "/jobs/{hostile_job}"),
    _of("job-long", "/jobs/{job_id}", "/jobs/{long_job}"),
    _of("run", "/runs/{run_id}", "/runs/{run}"),
    _of("run-failed", "/runs/{run_id}", "/runs/{failed_run}"),
    _of("run-running", "/runs/{run_id}", "/runs/{running_run}"),
    _of("run-asking", "/runs/{run_id}", "/runs/{asking_run}"),
    _of("run-between-attempts", "/runs/{run_id}", "/runs/{retrying_run}"),
    _of("deletion", "/runs/{run_id}/deletion", "/runs/{taken_run}/deletion"),
    _of("job-runs", "/jobs/{job_id}/runs", "/jobs/{job}/runs"),
    _of("job-settings", "/jobs/{job_id}/settings", "/jobs/{job}/settings"),
    _of("job-versions", "/jobs/{job_id}/versions", "/jobs/{job}/versions"),
    _of("job-graph", "/jobs/{job_id}/graph", "/jobs/{running_job}/graph"),
    _of("job-safety", "/jobs/{job_id}/safety", "/jobs/{job}/safety"),
    _of("trial", "/trials/{trial_id}", "/trials/{trial}"),
    _at("queue", "/queue"),
    _at("schedules", "/schedules"),
    _at("dead-letters", "/dead-letters"),
    _at("destinations", "/destinations"),
    _at("destination-types", "/destinations/new"),
    _at("new-destination", "/destinations/new", "/destinations/new?type=ssh"),
    _of("destination", "/destinations/{destination_id}", "/destinations/{destination}"),
    _of("destination-lost", "/destinations/{destination_id}", "/destinations/{lost_destination}"),
    _of("edit-destination", "/destinations/{destination_id}/edit", "/destinations/{destination}/edit"),
    _at("quarantines", "/quarantines"),
    _at("notifications", "/notifications"),
    _at("events", "/events"),
    _at("audit", "/audit"),
    _at("store", "/store"),
    _at("import", "/import"),
    _of("import-shown", "/import/{digest}", "/import/{import}"),
    _of("bulk-result", "/jobs/bulk/{work_id}", "/jobs/bulk/{work}"),
    _at("files", "/files"),
    _at("suggestions", "/suggestions"),
    _at("settings-you", "/settings/you"),
    _at("settings-server", "/settings/server"),
    _at("settings-keeping", "/settings/keeping"),
    _at("settings-about", "/settings/about"),
    _at("users", "/users"),
    _of("user", "/users/{name}", "/users/olga"),
    _at("set-up", "/setup", scenes=("untouched",), stranger=True),
    _at("login", "/login", stranger=True),
    _at("nowhere", "", "/nowhere", status=404),
)

NO_PAGES: Final = {
    "/runs/{run_id}/manifest": "a file",
    "/runs/{run_id}/log": "a file",
    "/runs/{run_id}/kept/{number}": "a file",
    "/runs/{run_id}/lines": "lines of a log",
    "/jobs/{job_id}/more": "what a row of the list opens",
    "/jobs/{job_id}/runs.csv": "a file",
    "/jobs.csv": "a file",
    "/files/{kind}/{name}": "a file",
    "/palette": "what the palette lists",
    "/settings": "leads to the settings of whoever asks",
}
"""What is read with GET and is no page of its own, and what it is."""

LOOKS: Final = tuple((page, scene) for page in PAGES for scene in page.scenes)
"""Every page in every scene that has it."""

VOLATILE: Final = {
    "settings-server": ("[aria-labelledby=here] .rows",),
    "settings-about": ("main dl",),
    "files": ("main tbody",),
    "store": ("main h1 + p", ".stats", "[aria-labelledby=parts] table", "[aria-labelledby=safe] dl"),
}
"""What of a page depends on the machine or the moment, so that a picture has it empty."""
