"""The form of a destination, made from what its type says about its settings and secrets."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.models import NOTHING, Value
from core.places.forms import SECRETS, Form, forms
from fastapi_app.presenters.fields import Field
from fastapi_app.presenters.option_fields import choices_of, widget_of
from fastapi_app.presenters.texts import Exactly, plural

KEPT: Final = "kept; leave it empty to keep it"
COMMON: Final = (
    "folder",
    "ssh",
    "restic-local",
    "restic-sftp",
    "restic-rest",
    "rclone-webdav",
    "rclone-s3",
    "rclone-b2",
)
"""The types that stand first."""
WIDE: Final = frozenset({"toggle", "secret-text", "host-key"})
TITLES: Final[Mapping[str, str]] = {
    "": "Where it is",
    "encryption": "Encryption",
    "more": "More",
}


class TypeCard(Value, frozen=True, kw_only=True):
    """A type of destination to choose."""

    id: str
    label: str
    summary: str


class FieldGroup(Value, frozen=True, kw_only=True):
    """Fields that belong together; a `folded` one shows them when somebody asks."""

    title: str
    fields: tuple[Field, ...]
    folded: bool = False
    opened: bool = False


class DestinationForm(Value, frozen=True, kw_only=True):
    """Everything that the page of a form shows."""

    type: str
    label: str
    name: Field
    groups: tuple[FieldGroup, ...]
    address: str
    title: str
    to_fix: str = ""
    version: int = 0
    destination: str = ""
    back: str = ""


def type_cards() -> tuple[tuple[TypeCard, ...], tuple[TypeCard, ...]]:
    """Return the types that most people want, and the others."""
    cards = {each.id: TypeCard(id=each.id, label=each.label, summary=each.summary) for each in forms()}
    first = tuple(cards.pop(name) for name in COMMON if name in cards)
    return first, tuple(cards.values())


def destination_form(  # what stands in it, and what is known of that
    form: Form,
    values: Mapping[str, Any],
    *,
    problems: Mapping[str, str] = NOTHING,
    kept: tuple[str, ...] = (),
    **about: Any,  # noqa: ANN401 - fields of DestinationForm
) -> DestinationForm:
    """Return the form with what stands in it; `kept` are the names of secrets that are there already."""
    name = _known(
        Field(
            id="name",
            name="name",
            label="Name",
            value=Exactly(values.get("name", "")),
            help="What you call it",
        ),
        problems.get("name", ""),
    )
    grouped: dict[str, list[Field]] = {"": []}
    for group, field in _fields(form, values, problems, kept):
        grouped.setdefault(group, []).append(field)
    wrong = [field for fields in (*grouped.values(), [name]) for field in fields if field.wrong]
    return DestinationForm(
        type=form.id,
        label=form.label,
        name=name,
        groups=tuple(
            FieldGroup(
                title=TITLES.get(group, group.capitalize()),
                fields=tuple(fields),
                folded=bool(group),
                opened=any(field.wrong or field.value for field in fields),
            )
            for group, fields in grouped.items()
            if fields
        ),
        to_fix=f"{plural(len(wrong), 'field')} to fix first." if wrong else "",
        **about,
    )


def wrong_fields(form: DestinationForm) -> tuple[tuple[str, str], ...]:
    """Return each field that is to be fixed: its label, and what is wrong."""
    fields = (form.name, *(field for group in form.groups for field in group.fields))
    return tuple((field.label, field.truth) for field in fields if field.wrong)


def _fields(
    form: Form, values: Mapping[str, Any], problems: Mapping[str, str], kept: tuple[str, ...]
) -> Iterator[tuple[str, Field]]:
    for name, about in form.properties.items():
        problem = problems.get(name) or problems.get(f"settings.{name}", "")
        field = _known(_field(form, name, about, values.get(name), kept), problem)
        yield "more" if field.widget == "host-key" else str(about.get("group", "")), field


def _field(form: Form, name: str, about: Mapping[str, Any], value: object, kept: tuple[str, ...]) -> Field:
    widget = widget_of(about, {})
    value = about.get("default", "") if value is None else value
    has = name.startswith(SECRETS) and name.removeprefix(SECRETS) in kept
    shown_if = next(iter(about.get("shown_if", {}).items()), None)
    needed = name in form.required and not has
    return Field(
        id=f"field-{name.replace('.', '-').replace('_', '-')}",
        name=name,
        label=str(about.get("title") or name) + ("" if needed or widget == "toggle" else " (optional)"),
        help=str(about.get("description", "")),
        widget=widget,
        choices=choices_of(about, {}),
        value=value in {True, "true"}
        if widget == "toggle"
        else Exactly("" if about.get("writeOnly") else value),
        placeholder=KEPT if has else str(about.get("placeholder", "")),
        wide=widget in WIDE,
        shown_if=(shown_if[0], str(shown_if[1]).lower()) if shown_if else None,
    )


def _known(field: Field, problem: str) -> Field:
    if not problem:
        return field
    return Field(
        **{name: getattr(field, name) for name in Field.__struct_fields__} | {"truth": problem, "good": False}
    )
