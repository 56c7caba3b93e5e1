"""`holdfast quarantine`: what runs have taken away from their sources, putting it back, letting go of it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from core.errors import NotFound
from fastapi_app.api.quarantines import HandledOut, QuarantineOut, ReceiptOut
from fastapi_app.cli.house import House, OwnHouse, the_house
from fastapi_app.cli.terminal import AsJson, Data, note, say, say_json, say_table, shown
from fastapi_app.presenters.sizes import size
from fastapi_app.presenters.texts import plural

NOTHING: Final = "No run has taken anything away from its source."
GOES_ON: Final = "It goes on by itself; `holdfast quarantine list` says how it stands."
MOST: Final = 1_000
PATIENCE: Final = 600.0
SHORTEST: Final = 4

app = typer.Typer(help="What runs have taken away from their sources and set aside.", no_args_is_help=True)

WhichRun = Annotated[str, typer.Argument(help="Id of the run, or how it begins.", show_default=False)]


@app.command("list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """List what runs have taken away, the latest first."""
    with the_house(data) as house:
        found = _all(house)
    if as_json:
        say_json([one.model_dump(mode="json") for one in found])
    elif not found:
        say(NOTHING)
    else:
        say_table(
            ("taken", "files", "size", "stands", "goes for good", "source", "run"),
            [_row(one) for one in found],
        )


@app.command("show")
def show(run: WhichRun, data: Data = None, as_json: AsJson = False) -> None:
    """List the files that a run took away, each with its digest and what became of it."""
    with the_house(data) as house:
        one = _one(house, run)
        files = _receipt(house, one.run_id)
    if as_json:
        say_json({"quarantine": one.model_dump(mode="json"), "files": [file.model_dump() for file in files]})
        return
    say(f"{plural(one.taken, 'file')} of {shown(one.source)}; the copies are at {shown(one.place)}.")
    if one.trouble:
        note(one.trouble)
    say_table(
        ("stands", "size", "digest", "file"),
        [(file.state, str(file.size), f"{file.algorithm}:{file.digest}", shown(file.path)) for file in files],
    )
    if one.taken > len(files):
        say(f"The first {len(files):,}; all of them are in the receipts, receipts/{one.run_id}.jsonl.")


@app.command("put-back")
def put_back(run: WhichRun, data: Data = None) -> None:
    """Put back what a run took away; no file that is there is written over."""
    with the_house(data) as house:
        one = _one(house, run)
        if isinstance(house, OwnHouse):
            handled = HandledOut.of(house.quarantines.put_back(one.run_id))
        else:
            handled = HandledOut(**_ask(house, "POST", f"/quarantines/{one.run_id}/put-back"))
    _tell(handled, "put back")


@app.command("empty")
def empty(
    run: WhichRun,
    *,
    typed: Annotated[str, typer.Option("--typed", help="What is to be typed, without being asked.")] = "",
    data: Data = None,
) -> None:
    """Let go for good of what a run took away, where its copies are still good."""
    with the_house(data) as house:
        one = _one(house, run)
        words = typed or typer.prompt(f"These {plural(one.files, 'file')} go for good. Type {one.typed!r}")
        if isinstance(house, OwnHouse):
            done = house.quarantines.empty(one.run_id, words)
            handled = HandledOut.of(done) if done else None
        else:
            answer = _ask(house, "DELETE", f"/quarantines/{one.run_id}", params={"typed": words})
            handled = HandledOut(**answer) if answer else None
    if handled is None:
        say(GOES_ON)
    else:
        _tell(handled, "gone for good")


def _tell(handled: HandledOut, what: str) -> None:
    say(f"{plural(handled.files, 'file')} {what}.")
    if handled.trouble:
        note(handled.trouble)
        raise typer.Exit(1)


def _row(one: QuarantineOut) -> tuple[str, ...]:
    return (
        f"{one.taken_at:%Y-%m-%d %H:%M}",
        f"{one.taken:,}",
        size(one.taken_bytes),
        one.stand if one.files in {0, one.taken} else f"{one.files:,} aside",
        f"{one.empty_at:%Y-%m-%d}" if one.empty_at else "",
        shown(one.source),
        one.run_id[:8],
    )


def _all(house: House) -> list[QuarantineOut]:
    if isinstance(house, OwnHouse):
        return [QuarantineOut.of(one) for one in house.quarantines.list()]
    answer = _ask(house, "GET", "/quarantines", params={"limit": MOST})
    return [QuarantineOut(**item) for item in answer["items"]]


def _one(house: House, which: str) -> QuarantineOut:
    fitting = [one for one in _all(house) if len(which) >= SHORTEST and one.run_id.startswith(which)]
    if len(fitting) != 1:
        raise NotFound("quarantine", which, hint="`holdfast quarantine list` names those there are.")
    return fitting[0]


def _receipt(house: House, run_id: str) -> list[ReceiptOut]:
    if isinstance(house, OwnHouse):
        return [ReceiptOut.of(entry) for entry in house.quarantines.receipt(run_id, 0, MOST)]
    answer: Mapping[str, Any] = _ask(house, "GET", f"/runs/{run_id}/deletion", params={"limit": MOST})
    return [ReceiptOut(**item) for item in answer["receipt"]]


def _ask(house: House, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - the JSON answer
    from fastapi_app.cli.door import RemoteHouse  # noqa: PLC0415 - only where a server runs

    assert isinstance(house, RemoteHouse)  # noqa: S101 - there are two kinds of houses
    return house.ask(method, path, timeout=PATIENCE, **request)
