"""`holdfast backup`: one verified backup, here and now."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.destinations.known import GOOD_DESTINATION_ID
from core.drafts import LONGEST_NAME, JobDraft
from core.engines import BY_PROGRAMS, engine_for
from core.errors import InvalidOptions
from core.listing import JobQuery
from core.models import Job, Run, frozen
from core.states import RunState
from fastapi_app.cli.follow import follow, watcher_for
from fastapi_app.cli.house import House, the_house
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, shown
from fastapi_app.presenters import sizes

FAILED: Final = 1
NOT_VERIFIED: Final = 3
CANCELLED: Final = 130
CUT: Final = " … "
COPIERS: Final = ("copy", *BY_PROGRAMS)


class Verify(StrEnum):
    """How the copy is proven."""

    FULL = "full"
    SAMPLE = "sample"
    FAST = "fast"


def backup(
    source: Annotated[Path, typer.Argument(help="The folder to copy.", show_default=False)],
    destination: Annotated[
        str,
        typer.Argument(
            help="The folder that holds the copy, made if only it is missing; or a destination with a path below it, "
            "nas:photos, or without one, nas:",
            show_default=False,
        ),
    ],
    *,
    engine: Annotated[str, typer.Option(help=f"What does the copying: {', '.join(COPIERS)}.")] = "copy",
    verify: Annotated[
        Verify,
        typer.Option(
            help="full reads everything back and compares; sample reads as much as it takes to be 95 % sure; "
            "fast looks at sizes and times only, which proves little.",
        ),
    ] = Verify.FULL,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="A pattern to leave out, as in .gitignore. Can be given often."),
    ] = None,
    bandwidth_limit: Annotated[
        str | None,
        typer.Option(help="At most this much a second: 10 MB/s, 512 KiB/s, or a number of bytes."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="An option of the engine, name=value (mirror=true). Can be given often."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Copy a folder and prove that the copy is good.

    What is already there and unchanged is not copied again, and nothing at the destination is deleted. The
    run is kept, so that the dashboard shows it too. Ctrl-C stops it; the next time it goes on from there.

    Exit code: 0 when the copy was read back and is good, 1 when something is not safe, 2 when it could not
    begin, 3 when it was copied but not read back (--verify fast), 130 when it was stopped.
    """
    _refuse_odd_letters(source=source, destination=Path(destination))
    there = _place(engine, destination)
    options: dict[str, Any] = {
        "source": str(source.absolute()),
        "destination": there,
        "verify": verify.value,
        "exclude": exclude or [],
        "bandwidth_limit": bandwidth_limit,
    }
    options |= _more(option or [], options)
    draft = JobDraft(
        name=_name(f"{source.absolute()} to {there}"),
        kind=engine,
        options=options,
        tags=("command line",),
    )
    with the_house(data, at_work=True) as house:
        job = _the_job(house, draft)
        run = follow(house, house.start(job.id).id, watcher_for(silent=as_json))
        _tell(run, as_json=as_json)
    raise typer.Exit(exit_code(run))


def _place(engine: str, text: str) -> str:
    """Return a destination as a job names it: one that an admin has made, or the whole path of a folder."""
    name, colon, _ = text.partition(":")
    if engine in BY_PROGRAMS and colon and GOOD_DESTINATION_ID.match(name):
        return text if text != f"{name}:" else name
    return str(Path(text).absolute())


def _more(pairs: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the engine; a name that is given more than once has a list. Raises InvalidOptions."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name in given:
            why = "has an option of its own here." if name in given else "needs a value: name=value."
            raise InvalidOptions({f"options.{shown(name)}": f"{shown(name)} {why}"})
        before = found.get(name)
        found[name] = (
            value if before is None else [*(before if isinstance(before, list) else [before]), value]
        )
    return found


def _refuse_odd_letters(**paths: Path) -> None:
    """Raise InvalidOptions for a path whose bytes are no text: it could not be written down."""
    problems = {
        f"options.{name}": f"{shown(str(path))} is not UTF-8. Rename it, or name a folder above it."
        for name, path in paths.items()
        if not _is_text(path)
    }
    if problems:
        raise InvalidOptions(problems)


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(words: str) -> str:
    """Return the words as a job's name, with the middle left out where they are too long."""
    words = shown(words)
    half = (LONGEST_NAME - len(CUT)) // 2
    return words if len(words) <= LONGEST_NAME else words[:half] + CUT + words[-half:]


def _the_job(house: House, draft: JobDraft) -> Job:
    """Return the job that does exactly this already, or a new one."""
    wanted = frozen(engine_for(draft.kind, draft.options).model_dump(mode="json"))
    same = house.list_jobs(JobQuery(kinds=(draft.kind,), limit=None))
    found = (item.job for item in same.items if item.job.options == wanted and item.job.enabled)
    return next(found, None) or house.create(draft)


def exit_code(run: Run) -> int:
    """Return what the shell is told: 0 only for what did what was asked, and of a copy only if it was read back."""
    if run.state == RunState.COMPLETED:
        return 0 if (run.result or {}).get("verified", True) is True else NOT_VERIFIED
    return CANCELLED if run.state in {RunState.CANCELLED, RunState.PAUSED} else FAILED


def _tell(run: Run, *, as_json: bool) -> None:
    if as_json:
        say_json(run)
        return
    for warning in run.warnings:
        say(f"Warning: {shown(warning)}")
    for line in _verdict(run):
        say(shown(line))


def _verdict(run: Run) -> list[str]:
    result = run.result or {}
    lines = []
    if run.error is not None:
        lines += [f"Failed: {run.error.message}", run.error.hint]
    elif run.state != RunState.COMPLETED:
        lines.append(
            f"{run.state.capitalize()}. What was copied so far stays; run it again to go on from there."
        )
    if "copied" in result:
        copied, unchanged = result["copied"], result.get("unchanged", 0)
        noun = "file" if copied == 1 else "files"
        lines.append(
            f"Copied {copied:,} {noun}, {sizes.size(result.get('copied_bytes', 0))}; {unchanged:,} unchanged."
        )
    if sentence := (result.get("verification") or {}).get("sentence"):
        lines.append(str(sentence))
    return [line for line in lines if line]
