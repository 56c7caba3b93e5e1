"""The restart of Holdfast itself, as after an upgrade."""

from fastapi import APIRouter

from fastapi_app.dependencies import TheService

router = APIRouter(prefix="/restart", tags=["holdfast"])


@router.post("", status_code=202)
def restart(service: TheService) -> None:
    """Begin anew with the same arguments; programs at work stay so and are taken up. An administrator's."""
    service.restart()
