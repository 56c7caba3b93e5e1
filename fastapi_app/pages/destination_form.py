"""Making and changing a destination: its form, tried before it is kept."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from core.destinations.known import Destination
from core.errors import HoldfastError, InvalidOptions
from core.models import NOTHING
from core.places import forms
from core.places.drafts import DestinationDraft, DestinationPatch
from core.places.forms import Form
from core.places.states import Seen, Standing, standing_of
from core.service import Service
from fastapi_app.auth import local_path
from fastapi_app.dependencies import OnlyAdmins, TheService
from fastapi_app.errors import status_of
from fastapi_app.pages.coming_back import back_with
from fastapi_app.pages.destinations import BackInAddress, looking, to_page
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.presenters.destination_form import destination_form, type_cards, wrong_fields
from fastapi_app.presenters.destinations import seen_view

router = APIRouter(prefix="/destinations", dependencies=[OnlyAdmins])

MOST_FIELDS: Final = 100
TEST: Final = "test"
READY: Final[tuple[Standing, ...]] = ("good", "warned")


async def _values(request: Request) -> dict[str, str]:
    """Return the form's fields; of several of one name, the last that says something."""
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        said = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    return dict(sorted(said, key=lambda pair: bool(pair[1])))


Values = Annotated[dict[str, str], Depends(_values)]


@router.get("/new")
def new(
    canvas: TheCanvas,
    of: Annotated[str, Query(alias="type", max_length=60)] = "",
    back: BackInAddress = "",
) -> HTMLResponse:
    """Show the types of destination there are, or the form of one."""
    way = local_path(back) if back else ""
    if not of:
        common, others = type_cards()
        return canvas.draw(
            "pages/destination_types.html", "destinations", common=common, others=others, back=way
        )
    return _drawn(canvas, forms.form(of), NOTHING, _making(way))


@router.post("/new")
async def create(values: Values, canvas: TheCanvas, service: TheService) -> Response:
    """Make the destination and look at it, or only look; else show what is to be fixed."""
    form = forms.form(values.get("type", ""))
    back = local_path(values["back"]) if values.get("back") else ""
    about = _making(back)
    draft = _draft(form, values)
    if values.get("then") == TEST:
        return await _tried(canvas, service, form, values, draft, about)
    try:
        made = await looking(lambda: service.destinations.create(draft))
    except HoldfastError as error:
        return _refused(canvas, form, values, error, about)
    return await _seen_and_led_on(service, made.id, back)


@router.get("/{destination_id}/edit")
def edit(destination_id: str, canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show the form with what the destination is set to; its secrets stay where they are."""
    destination = service.destinations.destination(destination_id)
    form = forms.form_of(destination)
    values = {"name": destination.name, **forms.values_of(form, destination)}
    return _drawn(canvas, form, values, _editing(destination))


@router.post("/{destination_id}/edit")
async def save(destination_id: str, values: Values, canvas: TheCanvas, service: TheService) -> Response:
    """Change the destination and look at it; what is wrong is shown beside its field."""
    destination = service.destinations.destination(destination_id)
    form = forms.form_of(destination)
    draft = _draft(form, values)
    about = _editing(destination) | {"version": _number(values.get("version", ""))}
    if values.get("then") == TEST:
        return await _tried(canvas, service, form, values, draft, about)
    patch = DestinationPatch(name=draft.name, settings=draft.settings, secrets=draft.secrets)
    try:
        await looking(lambda: service.destinations.edit(destination_id, about["version"], patch))
    except HoldfastError as error:
        return _refused(canvas, form, values, error, about)
    return await _seen_and_led_on(service, destination_id, "")


def _draft(form: Form, values: Mapping[str, str]) -> DestinationDraft:
    said = forms.filled(form, _lines_as_here(values))
    return DestinationDraft(
        name=values.get("name", ""), type=form.type, settings=said.settings, secrets=said.secrets
    )


def _lines_as_here(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values with lines that end as those of this machine; browsers end them in their own way."""
    return {name: value.replace("\r\n", "\n") for name, value in values.items()}


async def _tried(  # what was entered, and what to show it with
    canvas: Canvas,
    service: Service,
    form: Form,
    values: Mapping[str, str],
    draft: DestinationDraft,
    about: dict[str, Any],
) -> HTMLResponse:
    """Look at the place that was entered; nothing is kept."""
    try:
        seen = await looking(lambda: service.probes.try_out(draft, about.get("destination", "")))
    except InvalidOptions as error:
        return _drawn(canvas, form, values, about, problems=error.problems)
    except HoldfastError as error:
        seen = Seen(reachable=False, sentence=str(error), hint=error.hint, code=error.code)
    return _drawn(canvas, form, values, about, seen=seen)


async def _seen_and_led_on(service: Service, destination_id: str, back: str) -> Response:
    """Look at a destination that was just kept; lead back to where it is needed once copies can go there."""
    state = await looking(lambda: service.probes.test(destination_id))
    if back and state.seen.prepared and standing_of(state, service.clock.now()) in READY:
        return see(back_with(back, destination_id))
    return to_page(destination_id, back_with(back, destination_id) if back else "")


def _refused(
    canvas: Canvas, form: Form, values: Mapping[str, str], error: HoldfastError, about: dict[str, Any]
) -> HTMLResponse:
    """Show the form as it was sent, and why it was not taken."""
    if isinstance(error, InvalidOptions):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return _drawn(canvas, form, values, about, problems=error.problems, status=status)
    seen = Seen(reachable=False, sentence=str(error), hint=error.hint, code=error.code)
    return _drawn(canvas, form, values, about, seen=seen, status=status_of(error))


def _drawn(  # the form, and what is said about it
    canvas: Canvas,
    form: Form,
    values: Mapping[str, Any],
    about: dict[str, Any],
    *,
    problems: Mapping[str, str] = NOTHING,
    seen: Seen | None = None,
    status: int = HTTPStatus.OK,
) -> HTMLResponse:
    """Return the page with the form."""
    shown = destination_form(form, values, problems=problems, **about)
    return canvas.draw(
        "pages/destination_form.html",
        "destinations",
        status,
        form=shown,
        types=f"/destinations/new?{urlencode({'back': shown.back})}" if shown.back else "/destinations/new",
        wrong=wrong_fields(shown),
        seen=seen_view(seen) if seen else None,
        asks_again=any(name.startswith(forms.SECRETS) and value for name, value in values.items()),
    )


def _making(back: str) -> dict[str, Any]:
    return {"title": "New destination", "address": "/destinations/new", "back": back}


def _editing(destination: Destination) -> dict[str, Any]:
    return {
        "title": f"Edit {destination.name}",
        "address": f"/destinations/{destination.id}/edit",
        "destination": destination.id,
        "version": destination.version,
        "kept": destination.secrets,
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(10**9)) else 0
