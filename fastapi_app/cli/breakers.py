"""`holdfast breaker`: what cannot be reached, and having it tried at once."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from core.breakers import Breaker
from core.clock import SystemClock
from core.errors import NotFound
from fastapi_app.cli.house import House, OwnHouse, the_house
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, say_table, shown
from fastapi_app.presenters import times
from fastapi_app.presenters.breakers import BreakerView, breaker_view

NOTHING: Final = "Everything can be reached, as far as anybody knows."
GONE: Final = "It can be reached again, or somebody was first; `holdfast breaker list` names those there are."

app = typer.Typer(help="What cannot be reached, so that runs wait for it.", no_args_is_help=True)


@app.command("list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """List what could not be reached of late, and when it is tried again."""
    with the_house(data) as house:
        found = _breakers(house)
    if as_json:
        say_json(found)
        return
    if not found:
        say(NOTHING)
        return
    rows = [(one.name, one.state, one.sentence, _until(one), one.message) for one in found]
    say_table(("name", "state", "", "tried again", "last error"), rows)


@app.command("reset")
def reset(
    name: Annotated[str, typer.Argument(help="What it guards.", show_default=False)], data: Data = None
) -> None:
    """Let whoever waits for it try at once."""
    with the_house(data) as house:
        if all(one.name != name for one in _breakers(house)):
            raise NotFound("breaker", name, hint=GONE)
        if isinstance(house, OwnHouse):
            house.manager.reset_breaker(name)
        else:
            _ask(house, "POST", f"/breakers/{quote(name, safe='')}/reset")
    say(f"Whoever needs {shown(name)} may try it now.")


def _until(one: BreakerView) -> str:
    return times.stamp(one.until) if one.until else ""


def _breakers(house: House) -> Sequence[BreakerView]:
    now = SystemClock().now()
    known = (
        house.manager.breakers() if isinstance(house, OwnHouse) else _told(_ask(house, "GET", "/breakers"))
    )
    return [breaker_view(name, one, now) for name, one in sorted(known.items())]


def _told(answer: Mapping[str, Any]) -> dict[str, Breaker]:
    fields = Breaker.__struct_fields__
    return {
        item["name"]: Breaker.of({name: item[name] for name in fields if item.get(name) is not None})
        for item in answer["items"]
    }


def _ask(house: House, method: str, path: str) -> Any:  # noqa: ANN401 - the JSON answer
    from fastapi_app.cli.door import RemoteHouse  # noqa: PLC0415 - only where a server runs

    assert isinstance(house, RemoteHouse)  # noqa: S101 - there are two kinds of houses
    return house.ask(method, path)
