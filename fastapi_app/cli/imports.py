"""`holdfast import`: what people have of other programs becomes destinations and jobs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.errors import InvalidOptions, Refused
from core.imports.values import LONGEST_TEXT, SOURCES, SourceType
from fastapi_app.api.imports import MadeOut, PreviewOut, RemarkOut
from fastapi_app.cli.house import House, OwnHouse, the_house
from fastapi_app.cli.terminal import AsJson, Data, note, say, say_json, shown
from fastapi_app.presenters.texts import plural

PATIENCE: Final = 60.0
NOTHING_MADE: Final = 1


def import_(
    source_type: Annotated[
        str, typer.Argument(help=f"What it is: {', '.join(SOURCES)}.", show_default=False)
    ],
    file: Annotated[
        Path, typer.Argument(help="The file; - reads what comes in, as from crontab -l.", show_default=False)
    ],
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make what is shown; without, it is only shown.")
    ] = False,
    enable: Annotated[
        bool, typer.Option("--enable", help="Let the jobs run by their schedules at once.")
    ] = False,
    more: Annotated[
        list[Path] | None,
        typer.Option("--file", help="A file that it names, such as one with a password. Can be given often."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show what a file of another program would become here, and make it with --apply.

    Nothing in the file is run, and secrets are kept with the destinations without being shown. Jobs are made disabled.
    """
    entry = {
        "source": _source(source_type),
        "text": _text_of(file),
        "files": {str(path): _text_of(path) for path in more or []},
        "path": "" if str(file) == "-" else str(file.absolute()),
    }
    with the_house(data) as house:
        preview = _preview(house, entry)
        made = _apply(house, preview.hash, enable=enable) if apply else None
    if as_json:
        say_json({"preview": preview.model_dump(mode="json"), "made": made and made.model_dump(mode="json")})
    else:
        _tell(preview)
        _tell_made(made)
    if made is not None and (made.failed or not (made.jobs or made.destinations)):
        raise typer.Exit(NOTHING_MADE)


def _source(text: str) -> SourceType:
    found = next((source for source in SOURCES if source == text), None)
    if found is None:
        raise InvalidOptions({"source_type": f"This must be one of {', '.join(SOURCES)}."})
    return found


def _text_of(path: Path) -> str:
    try:
        text = _content_of(path).decode()
    except OSError as error:
        message = f"{shown(str(path))} cannot be read: {error.strerror}."
        raise Refused(message, hint="Name a file that you may read.") from None
    except UnicodeDecodeError:
        raise Refused(f"{shown(str(path))} is no text.", hint="Name a file of text in UTF-8.") from None
    if len(text) > LONGEST_TEXT:
        raise Refused(
            f"{shown(str(path))} is longer than a file of settings is.", hint="Name the right file."
        )
    return text


def _content_of(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read(LONGEST_TEXT + 1)
    with path.open("rb") as file:
        return file.read(LONGEST_TEXT + 1)


def _preview(house: House, entry: Mapping[str, Any]) -> PreviewOut:
    if isinstance(house, OwnHouse):
        shown_ = house.imports.preview(entry["source"], entry["text"], entry["files"], path=entry["path"])
        return PreviewOut.of(shown_)
    return PreviewOut(**_ask(house, "/imports", entry))


def _apply(house: House, digest: str, *, enable: bool) -> MadeOut:
    if isinstance(house, OwnHouse):
        return MadeOut.of(house.imports.apply(digest, enable=enable))
    return MadeOut(**_ask(house, f"/imports/{digest}/apply", {"enable": enable}))


def _ask(house: House, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    from fastapi_app.cli.door import RemoteHouse  # noqa: PLC0415 - only where a server runs

    assert isinstance(house, RemoteHouse)  # noqa: S101 - there are two kinds of houses
    answer: Mapping[str, Any] = house.ask("POST", path, timeout=PATIENCE, json=dict(body))
    return answer


def _tell(preview: PreviewOut) -> None:
    for destination in preview.destinations:
        how = (
            f"is there already: {destination.same_as}"
            if destination.same_as
            else f"of type {destination.type}"
        )
        say(f"Destination {shown(destination.name)}, {how}.")
        _tell_problems(destination.problems)
    for job in preview.jobs:
        when = f", {shown(job.cron)}" if job.cron else ""
        say(f"Job {shown(job.name)}, of kind {job.kind}{when}.")
        _tell_problems(job.problems)
    _tell_remarks("Understood", preview.understood)
    _tell_remarks("Left out", preview.left_out)
    for path in preview.files:
        note(f"It names {shown(path)}; give it along with --file {shown(path)}.")


def _tell_problems(problems: list[str]) -> None:
    for problem in problems:
        say(f"  cannot be made: {shown(problem)}")


def _tell_remarks(title: str, remarks: list[RemarkOut]) -> None:
    if remarks:
        say(f"{title}:")
    for remark in remarks:
        say(f"  {shown(remark.place)}: {shown(remark.words)}")


def _tell_made(made: MadeOut | None) -> None:
    if made is None:
        say("Nothing was made. Add --apply to make it.")
        return
    _tell_remarks("Failed", made.failed)
    say(f"Made {plural(len(made.destinations), 'destination')} and {plural(len(made.jobs), 'job')}.")
