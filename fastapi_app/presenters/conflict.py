"""Two versions of a job side by side, when somebody saved theirs while another was still typing."""

from msgspec.structs import replace

from core.models import Job
from fastapi_app.presenters.fields import Field
from fastapi_app.presenters.forms import Compared, Conflict, Group, JobForm


def with_theirs(form: JobForm, theirs: JobForm, saved: Job, *, version: int, by_hand: bool) -> JobForm:
    """Return the form with what was typed at that version, and beside it what was saved meanwhile.

    `by_hand` says that it was saved in the file of the job.
    """
    found = {field.name: field for group in theirs.groups for field in group.fields}
    pairs = [(field, found[field.name]) for group in form.groups for field in group.fields]
    return replace(
        form,
        groups=tuple(_beside(group, found) for group in form.groups),
        conflict=Conflict(
            mine=version,
            theirs=saved.version,
            saved_at=saved.updated_at,
            by_hand=by_hand,
            differing=tuple(_compared(mine, other) for mine, other in pairs if mine.value != other.value),
            alike=tuple(_compared(mine, other) for mine, other in pairs if mine.value == other.value),
        ),
    )


def _beside(group: Group, saved: dict[str, Field]) -> Group:
    fields = (
        field if field.value == saved[field.name].value else replace(field, theirs=said(saved[field.name]))
        for field in group.fields
    )
    return replace(group, fields=tuple(fields))


def _compared(mine: Field, theirs: Field) -> Compared:
    return Compared(label=mine.label, mine=said(mine), theirs=said(theirs))


def said(field: Field) -> str:
    """Return what stands in a field as people would say it; nothing where it is empty."""
    if isinstance(field.value, bool):
        return "yes" if field.value else "no"
    return dict(field.choices).get(str(field.value), str(field.value))
