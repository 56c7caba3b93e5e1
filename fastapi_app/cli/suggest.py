"""`holdfast suggest`: what this machine does already and could be a job here."""

from typing import Any

from fastapi_app.api.suggestions import LookedOut
from fastapi_app.cli.house import OwnHouse, the_house
from fastapi_app.cli.terminal import AsJson, Data, note, say, say_json, shown


def suggest(data: Data = None, as_json: AsJson = False) -> None:
    """Look for what copies or keeps something by itself: crontabs, timers, remotes of rclone, repositories of restic.

    Everything is only read, nothing that is found is run or changed, and no job is made by this.
    """
    with the_house(data) as house:
        if isinstance(house, OwnHouse):
            found = LookedOut.of(house.suggestions.look()).model_dump(mode="json")
        else:
            found = _asked(house)
    if as_json:
        say_json(found)
        return
    for place, words in found["places"].items():
        note(f"Looked at {place}: {words}.")
    for one in found["items"]:
        _tell(one)
    if not found["items"]:
        say("Nothing here copies or keeps anything by itself.")


def _asked(house: Any) -> dict[str, Any]:  # noqa: ANN401 - a RemoteHouse, loaded only where a server runs
    answer: dict[str, Any] = house.ask("POST", "/suggestions")
    return answer


def _tell(one: dict[str, Any]) -> None:
    say(f"{shown(one['title'])} ({shown(one['place'])})")
    if one["said"]:
        say(f"  {shown(one['said'])}")
    if one["kind"]:
        say(f"  It could be a job of kind {one['kind']}; the page Suggestions fills its form in.")
    for remark in one["remarks"]:
        say(f"  {shown(remark)}")
