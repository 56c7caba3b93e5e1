"""`holdfast store`: looks after what Holdfast itself remembers."""

import contextlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from core.checking import Check, Checked
from core.clock import SystemClock
from core.errors import InvalidOptions
from core.storage import migration
from core.storage.archive import Told
from core.storage.base import Problem
from core.storage.marker import FORMAT
from core.storage.moment import Moment, Restored, restore_at
from core.storage.restoring import restore as restore_archive
from fastapi_app.cli.caretaker import a_store, back_up, bring_up, compacted, known_backups, new_file
from fastapi_app.cli.house import settings_for
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, shown
from fastapi_app.presenters import sizes

LONGEST_NUMBER: Final = 18


def _examples(*lines: str) -> str:
    """Return the end of a command's help; the mark keeps each line as it is."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


app = typer.Typer(
    help="What Holdfast itself remembers: check it, back it up, restore it, bring it up to date.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(
    "check", epilog=_examples("holdfast store check", "holdfast store check --data /srv/holdfast --json")
)
def check(data: Data = None, as_json: AsJson = False) -> None:
    """Look at everything, change nothing, and name each problem with its file and line.

    Works beside a running server. Exit code 0 when nothing is wrong, 1 when something is.
    """
    _tell_found(Check(settings_for(data).data, SystemClock()).check(), as_json=as_json)


@app.command(
    "verify",
    epilog=_examples(
        "holdfast store verify", "holdfast store verify /mnt/usb/holdfast-20261121T074200Z.tar.zst"
    ),
)
def verify(
    backups: Annotated[
        list[Path] | None, typer.Argument(help="Backup files to verify too.", show_default=False)
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Check, and read back every checksum there is: state, journal, older runs, and every own backup.

    Exit code 0 when all is as it was written, 1 when something is not.
    """
    settings = settings_for(data)
    looked = Check(settings.data, SystemClock())
    with _progress(silent=as_json) as told:
        if backups and not (settings.data / "store.yaml").exists():
            found = looked.files(backups, told)
        else:
            found = looked.verify([*known_backups(settings), *(backups or ())], told)
    _tell_found(found, as_json=as_json)


@app.command(
    "backup", epilog=_examples("holdfast store backup", "holdfast store backup /mnt/usb/ --with-logs")
)
def backup(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The file to write, or a folder to put it in.", show_default="a new one beside the others"
        ),
    ] = None,
    with_logs: Annotated[bool, typer.Option("--with-logs", help="The logs of runs, too.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Back up everything Holdfast remembers into one file, read it back, and open it to see that it is whole.

    Works while Holdfast runs, and holds every change acknowledged until then. It contains accounts and the
    secrets of destinations: keep it as you keep a password. Holdfast does this once a day by itself;
    HOLDFAST_OWN_BACKUP_DIR says where.
    """
    settings = settings_for(data)
    target = None if file is None else new_file(file)
    with _progress(silent=as_json) as told:
        made = back_up(settings, target, with_logs=with_logs, told=told)
    if as_json:
        say_json(made)
        return
    size = sizes.size(made["size"])
    say(
        shown(
            f"Backed up {made['jobs']} jobs and {made['runs']} runs into {made['path']} ({size}), and read it back."
        )
    )


@app.command(
    "restore",
    epilog=_examples(
        "holdfast store restore holdfast-20261121T074200Z.tar.zst /srv/restored",
        "holdfast store restore --at 2026-11-21T07:42 /srv/restored --data /srv/holdfast",
        "holdfast store restore --at 120041 /srv/restored",
    ),
)
def restore(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="[FILE] FOLDER", help="The backup, and a folder that is empty or not there yet."
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option(help="The moment to go back to: a time, or the number of a change. Takes no FILE."),
    ] = None,
    backups: Annotated[
        Path | None, typer.Option(help="With --at, a folder with more backups to go back with.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a folder the store that a backup holds, or the store of --data as it was at a moment.

    Nothing is restored over anything: the folder must be empty or not there yet. Times without a zone are
    this machine's.
    """
    file, folder = _file_and_folder(places, at)
    with _progress(silent=as_json) as told:
        if at is None:
            done: Any = restore_archive(file, folder, told)
        else:
            settings = settings_for(data)
            done = restore_at(settings.data, folder, _moment(at), known_backups(settings, backups), told)
    if as_json:
        say_json(done)
        return
    when = datetime.fromtimestamp(done.t / 1000, UTC)
    change = f" (change {done.number})" if done.number else ""
    say(f"Restored {done.jobs} jobs and {done.runs} runs, as of {when:%Y-%m-%d %H:%M:%S} UTC{change}.")
    if isinstance(done, Restored) and done.missing_runs:
        say(f"{done.missing_runs} older runs that were there had been let go of since.")
    say(shown(f"Start Holdfast on it with: holdfast serve --data {folder}"))


@app.command("migrate", epilog=_examples("holdfast store migrate --dry-run", "holdfast store migrate"))
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Bring a store that an older Holdfast wrote up to date, as the next start would do.

    All of it is copied into one file in backups/ first. It can be cut off at any moment and begun again.
    """
    folder = a_store(settings_for(data))
    if folder.format >= FORMAT:
        say_json({"needed": False}) if as_json else say(f"The store is of format {FORMAT} already.")
        return
    if dry_run:
        plan = migration.plan(folder)
        if as_json:
            say_json(plan)
            return
        say(f"{plan.jobs} jobs and {plan.runs} runs would be brought up to format {FORMAT};")
        say(f"{plan.files} files ({sizes.size(plan.bytes)}) would be copied into backups/ first.")
        _tell_problems(plan.problems)
        return
    problems = bring_up(folder)
    if as_json:
        say_json({"needed": True, "problems": problems})
        return
    say(
        f"The store is of format {FORMAT} now. What there was before is in backups/{migration.KIND}-*.tar.zst."
    )
    _tell_problems(problems)


@app.command("compact", epilog=_examples("holdfast store compact"))
def compact(data: Data = None, as_json: AsJson = False) -> None:
    """Let go of what is not needed any more, now: runs and logs kept long enough, the old journal, old backups.

    Holdfast does this by itself; the command is for when room is short.
    """
    settings = settings_for(data)
    a_store(settings)
    freed = compacted(settings)
    if as_json:
        say_json(freed)
        return
    less, now = freed["before"] - freed["after"], sizes.size(freed["after"])
    say(
        f"Freed {sizes.size(less)}; {now} are left."
        if less > 0
        else f"There was nothing to let go of: {now}."
    )
    for part, size in freed["parts"].items():
        if size > 0:
            say(f"  {part.replace('_', ' ')}: {sizes.size(size)} less")


def _file_and_folder(places: list[Path], at: str | None) -> tuple[Path, Path]:
    wanted = 2 if at is None else 1
    if len(places) != wanted:
        told = "a backup and a folder" if at is None else "a folder, and no backup, with --at"
        raise InvalidOptions({"restore": f"Name {told}."})
    return places[0], places[-1]


def _moment(at: str) -> Moment:
    if at.isascii() and at.isdigit() and len(at) <= LONGEST_NUMBER:
        return Moment(number=int(at))
    try:
        when = datetime.fromisoformat(at).astimezone(UTC)
        moment = Moment(t=int(when.timestamp() * 1000))
    except (ValueError, OverflowError, OSError):
        words = f"{at!r:.80} is neither a time such as 2026-11-21T07:42 nor the number of a change."
        raise InvalidOptions({"at": words}) from None
    if when > SystemClock().now():
        raise InvalidOptions({"at": f"{at!r:.80} has not come yet: nobody knows what will be there then."})
    return moment


def _tell_found(found: Checked, *, as_json: bool) -> None:
    if as_json:
        say_json(found)
    else:
        _tell_problems(found.problems)
        for note in found.notes:
            say(shown(f"note     {note}"))
        if found.clean:
            there = f"{found.jobs} jobs and {found.runs} runs, up to change {found.number}; "
            say(f"good     {there if found.number else ''}nothing is wrong.")
    if not found.clean:
        raise typer.Exit(1)


def _tell_problems(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        place = ":".join(
            str(part) for part in (problem.path, problem.line, problem.column) if part is not None
        )
        say(shown(f"PROBLEM  {place}: {problem.message}"))


@contextlib.contextmanager
def _progress(*, silent: bool) -> Iterator[Told]:
    """Show how far it is, on a terminal."""
    if silent or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    columns = (
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, words="")

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None, words=sizes.size(done))

        yield told
