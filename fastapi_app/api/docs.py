"""What the API offers: as OpenAPI for programs, as a page for people."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.requests import Request

from fastapi_app.dependencies import Person, TheHouse

router = APIRouter(prefix="/api", include_in_schema=False)


@router.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    """Return the API's description."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
def docs(request: Request, house: TheHouse, _: Person) -> HTMLResponse:
    """Return a page that lists what can be asked."""
    routes = [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("description") or operation.get("summary", ""),
            "answers": ", ".join(sorted(operation.get("responses", {}))),
        }
        for path, operations in _paths(request).items()
        for method, operation in operations.items()
    ]
    theme = request.cookies.get("theme", "auto")
    trouble = house.disk.trouble
    return HTMLResponse(
        house.templates.render("pages/api_docs.html", theme=theme, routes=routes, trouble=trouble)
    )


def _paths(request: Request) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    return paths
