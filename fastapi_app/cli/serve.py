"""`holdfast serve`: dashboard, API and local worker."""

from typing import Annotated

import typer
from msgspec.structs import replace

from core.settings import MOST_SLOTS
from fastapi_app.cli.house import settings_for
from fastapi_app.cli.terminal import Data, say


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            help="The address to listen on; others than this machine's need an account first.",
            show_default="127.0.0.1",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="The port; 0 takes any free one.", min=0, max=65535, show_default="8080"),
    ] = None,
    slots: Annotated[
        int | None,
        typer.Option(help="How many runs at once.", min=1, max=MOST_SLOTS, show_default="2"),
    ] = None,
    data: Data = None,
) -> None:
    """Run Holdfast: its dashboard, its API, and a worker on this machine.

    The first start prints a one-time link to make the first account; there are no default passwords. Ctrl-C
    or SIGTERM stops it: nothing new begins, programs that jobs run have HOLDFAST_GRACE seconds (20) to end by themselves,
    and what is left is ended and goes on at the next start, or waits for a word of yours where it must not be repeated.
    Asked twice, it does not wait. SIGHUP and `holdfast restart` begin anew and leave programs at work.

    The environment can say it too: HOLDFAST_HOST, HOLDFAST_PORT, HOLDFAST_SLOTS, HOLDFAST_DATA, and
    HOLDFAST_LOG_LEVEL (info, debug, warning, error), HOLDFAST_LOG_FORMAT (text, json), HOLDFAST_PUBLIC_ORIGIN
    (the address people use, such as https://jobs.example.org, where it is not this machine's own).

    How long things are kept: of each job at least HOLDFAST_KEEP_RUNS runs (50) and all that are not older than
    HOLDFAST_KEEP_DAYS days (400); logs for HOLDFAST_KEEP_LOGS_DAYS days (400), together at most
    HOLDFAST_KEEP_LOGS_MB megabytes (2000); events for HOLDFAST_KEEP_EVENTS_DAYS days (400), the audit for good.

    Holdfast backs its own state up once a day into backups/own-state/ or HOLDFAST_OWN_BACKUP_DIR, and lets that take
    at most HOLDFAST_OWN_BACKUP_MB megabytes (5000); HOLDFAST_OWN_BACKUP=off keeps it from doing so.
    """
    from fastapi_app.server import run_server  # noqa: PLC0415 - the web is loaded only to serve it

    given = {"host": host, "port": port, "slots": slots}
    named = {name: value for name, value in given.items() if value is not None}
    settings = settings_for(data)
    run_server(replace(settings, **named, said=settings.said | named.keys()), _tell_address)


def _tell_address(address: str) -> None:
    if "#" in address:
        say(f"Open {address} once, to make the first account.")
    else:
        say(f"Holdfast runs on {address}")
