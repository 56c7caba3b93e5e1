"""No page is forgotten where every page is looked at."""

from fastapi_app import pages
from tests.e2e.every_page import NO_PAGES, PAGES


def routes_of(router):
    """Return every route of a router, those of routers in it too."""
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        yield from (route,) if inner is None else routes_of(inner)


def test_every_page_is_on_the_list_of_what_is_looked_at():
    there = {route.path for route in routes_of(pages.router) if "GET" in route.methods}

    listed = {page.route for page in PAGES if page.route} | set(NO_PAGES)

    assert sorted(there - listed) == [], "Add these to tests/e2e/every_page.py."
    assert sorted(listed - there) == [], "These are no pages any more."
