"""A configuration of borgmatic: a job that runs it, as Holdfast has no kind of its own for borg."""

from collections.abc import Mapping
from typing import Any, Final

from core.errors import InvalidYaml
from core.imports.values import Found, PlannedJob, Remark
from core.storage import yaml_text

SECTIONS: Final = ("location", "storage", "retention", "consistency", "output", "hooks")
"""How older versions group what newer ones have side by side."""

NEEDED: Final = frozenset({"source_directories", "repositories"})
SHOWN: Final = {
    "source_directories": "It copies these folders",
    "repositories": "It goes to these repositories",
    "exclude_patterns": "It leaves out these patterns",
}


def read(text: str, files: Mapping[str, str], *, path: str = "") -> Found:  # noqa: ARG001 - it names none
    """Return the job that a configuration would be; `path` is where its file lies on this machine."""
    try:
        config = yaml_text.read(text)
    except InvalidYaml as error:
        where = f"line {error.line}" if error.line else "the file"
        return Found(left_out=(Remark(place=where, words=f"This cannot be read: {error}"),))
    if not isinstance(config, dict):
        return Found(left_out=(Remark(place="the file", words="This is no configuration of borgmatic."),))
    flat = _flat(config)
    if not NEEDED & flat.keys():
        words = "This is no configuration of borgmatic: it has neither source_directories nor repositories."
        return Found(left_out=(Remark(place="the file", words=words),))
    if not path.startswith("/"):
        words = "Left out: say where the file lies on this machine, by its whole path."
        return Found(left_out=(Remark(place="the file", words=words),))
    job = PlannedJob(
        place="the file",
        name=f"borgmatic {path.rpartition('/')[2]}"[:200],
        kind="command",
        options={"argv": ["borgmatic", "--config", path, "--verbosity", "1"], "repeat": True},
    )
    return Found(jobs=(job,), understood=_understood(flat), left_out=_left_out(flat))


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if name in SECTIONS and isinstance(value, dict):
            flat |= value
        else:
            flat[name] = value
    return flat


def _understood(flat: Mapping[str, Any]) -> tuple[Remark, ...]:
    remarks = [
        Remark(place="the file", words="A job that runs borgmatic with this file, for Holdfast to watch.")
    ]
    for name, words in SHOWN.items():
        listed = flat[name] if isinstance(flat.get(name), list) else ()
        named = [_name_of(each) for each in listed if isinstance(each, str | dict)]
        if named:
            remarks.append(Remark(place=name, words=f"{words}: {', '.join(named[:20])}."))
    return tuple(remarks)


def _left_out(flat: Mapping[str, Any]) -> tuple[Remark, ...]:
    others = sorted(name[:40] for name in flat if name not in SHOWN)
    remarks = [
        Remark(
            place="repositories",
            words="Holdfast has no kind for borg: borgmatic goes on copying, and Holdfast does not prove its copies.",
        ),
        Remark(place="the file", words="It has no time in it; give the job one."),
    ]
    if others:
        remarks.append(
            Remark(place="the file", words=f"borgmatic goes on doing by itself: {', '.join(others[:40])}.")
        )
    return tuple(remarks)


def _name_of(value: Any) -> str:  # noqa: ANN401 - a text, or an object with a label and a path
    if isinstance(value, str):
        return _without_login(value)[:200]
    return _without_login(str(value.get("label") or value.get("path") or "?"))[:200]


def _without_login(text: str) -> str:
    head, scheme, rest = text.partition("://")
    return f"{head}{scheme}{rest.rpartition('@')[2]}" if scheme else text
