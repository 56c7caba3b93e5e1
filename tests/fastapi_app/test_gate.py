"""Nobody comes in by default."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from core.people import Role
from core.storage.memory import MemoryStore
from fastapi_app.auth import local_path
from fastapi_app.gate import PUBLIC, public_place
from tests.fastapi_app.conftest import ORIGIN, PASSWORD, Browser

SOME_ID = "3f0c8f9e-0000-4000-8000-000000000000"


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Every method and path that is registered, with ids filled in."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Mount):
            yield "GET", f"{context.path}/anything"
            continue
        path = re.sub(r"\{\w+(:path)?\}", SOME_ID, str(context.path))
        assert "{" not in path, path
        for method in sorted(getattr(route, "methods", None) or ()):
            yield method, path


async def ask(app: Any, method: str, path: str, headers: dict[str, str]) -> tuple[dict[str, Any], int]:
    """Ask with a body that never comes; returns the answer's start and how often the body was asked for."""
    asked, said = 0, []

    async def receive() -> Any:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "client": ("192.0.2.1", 1),
        "server": ("127.0.0.1", 8080),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    async with asyncio.timeout(5):
        await app(scope, receive, send)
    return said[0], asked


def test_a_stranger_is_refused_at_every_route_before_the_body_is_read(world):
    routes = [(method, path) for method, path in routes_of(world.app) if public_place(method, path) is None]
    program = {"host": "127.0.0.1:8080", "content-length": "100", "content-type": "application/json"}
    browser = program | {"accept": "text/html", "origin": ORIGIN}

    for method, path in routes:
        to_program, asked = asyncio.run(ask(world.app, method, path, program))
        to_browser, asked_too = asyncio.run(ask(world.app, method, path, browser))

        headers = dict(to_program["headers"])
        assert (to_program["status"], asked, asked_too) == (401, 0, 0), (method, path)
        assert headers[b"www-authenticate"].startswith(b"Bearer")
        assert headers[b"content-type"] == b"application/problem+json"
        if not path.startswith("/api/"):
            assert to_browser["status"] == 303, (method, path)
            assert dict(to_browser["headers"])[b"location"].startswith(b"/login")
    assert len(routes) > 25


def test_what_is_public_is_written_down_here_too():
    assert {place for _, place in PUBLIC} == {
        "/login", "/setup", "/health", "/livez", "/readyz", "/metrics", "/static/*", "/api/v1/auth/token",
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "//jobs", "/./jobs", "/jobs/", "/JOBS", "/login/../jobs", "/static/../jobs", "/static/%2e%2e/jobs",
        "/login/", "/health/", "/api//v1/jobs", "/api/v1/jobs/", "/api/v1/../v1/jobs", "/%6aobs", "/login%00",
        "/login;x", "/static", "/api/docs", "/api/openapi.json", "/docs", "/openapi.json", "/static/../../etc/passwd",
    ],
)  # fmt: skip
def test_odd_spellings_of_a_path_open_nothing(world, path):
    scope_path = path.replace("%2e", ".").replace("%6a", "j").replace("%00", "\0")

    start, _ = asyncio.run(ask(world.app, "GET", scope_path, {"host": "127.0.0.1:8080"}))

    assert start["status"] in {401, 404}


def test_the_first_start_leads_everything_to_the_set_up_page(make_world):
    world = make_world(store=MemoryStore(), set_up=False)

    for path in ("/", "/jobs", "/login", "/nowhere"):
        page = world.client.get(path, headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/setup")
        told = world.client.get(path)
        assert (told.status_code, told.json()["code"]) == (401, "set-up-first")
    assert world.client.get("/setup").status_code == 200
    assert world.client.post("/api/v1/auth/token", json={}).json()["code"] == "set-up-first"


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "javascript:alert(1)", "", None, "jobs", "/\n//evil.example", " //evil.example", "http:evil",
    ],
)  # fmt: skip
def test_the_page_after_signing_in_is_one_of_ours(wanted):
    assert local_path(wanted) == "/"


def test_the_page_that_was_wanted_comes_after_signing_in(world):
    page = world.client.get("/jobs?q=a%20b&state=failed", headers={"Accept": "text/html"})

    assert page.headers["location"] == "/login?next=%2Fjobs%3Fq%3Da%2520b%26state%3Dfailed"
    assert local_path("/jobs?q=a%20b&state=failed") == "/jobs?q=a%20b&state=failed"


def test_a_script_of_a_page_is_told_where_to_go(world):
    told = world.client.get("/jobs", headers={"Accept": "text/html", "HX-Request": "true"})

    assert (told.status_code, told.headers["hx-redirect"]) == (401, "/login")


def test_a_wrong_token_is_not_mended_by_a_cookie(browser):
    for wrong in ("Bearer holdfast_nonsense", "Bearer ", "Basic YWRhOng=", "Bearer\0"):
        refused = browser.get("/api/v1/jobs", headers={"Authorization": wrong})
        assert refused.status_code == 401

    assert browser.get("/api/v1/jobs").status_code == 200


def test_each_role_does_what_it_may_and_no_more(world, people):
    job = world.a_job()

    answers = {
        role: [
            browser.get("/api/v1/jobs").status_code,
            browser.post(f"/api/v1/jobs/{job.id}/runs").status_code,
            browser.post("/elsewhere").status_code,
        ]
        for role, browser in people.items()
    }

    assert answers[Role.VIEWER] == [200, 403, 403]
    assert answers[Role.OPERATOR] == [200, 202, 403]
    assert answers[Role.ADMIN] == [200, 409, 404]
    refused = people[Role.VIEWER].post(f"/api/v1/jobs/{job.id}/cancel").json()
    assert (refused["code"], "operator" in refused["detail"]) == ("not-allowed", True)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80:80", "[::1", "", "a@localhost"]
)
@pytest.mark.parametrize("path", ["/", "/health", "/login", "/static/app.css", "/api/v1/jobs"])
def test_a_host_that_is_not_ours_is_refused(world, host, path):
    refused = world.client.get(path, headers={"Host": host})

    assert (refused.status_code, refused.json()["code"]) == (421, "wrong-host")


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:9", "LOCALHOST:8080"])
def test_this_machine_has_several_names(world, host):
    assert world.client.get("/livez", headers={"Host": host}).status_code == 200


def test_two_hosts_are_none(world):
    headers = [("host", "127.0.0.1:8080"), ("host", "evil.example")]
    refused = world.client.get("/livez", headers=headers)

    assert refused.status_code == 421


OTHER_PAGES = [
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1:9090"},
    {"Origin": "https://127.0.0.1:8080"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8080.evil.example"},
    {"Origin": "", "Sec-Fetch-Site": ""},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("page", OTHER_PAGES)
def test_a_write_from_another_page_is_refused(world, browser, page):
    job = world.a_job()

    refused = browser.post(f"/api/v1/jobs/{job.id}/runs", headers=page)

    assert (refused.status_code, refused.json()["code"]) == (403, "cross-site")
    assert world.house.service.manager.runs_of(job.id) == ()


@pytest.mark.parametrize("page", [{}, {"Origin": "", "Sec-Fetch-Site": "same-origin"}])
def test_a_write_from_our_own_page_is_accepted(world, browser, page):
    assert browser.post(f"/api/v1/jobs/{world.a_job().id}/runs", headers=page).status_code == 202


def test_a_write_without_the_token_of_the_session_is_refused(world, browser):
    path = "/preferences"
    other = world.signed_in()
    form = {"Content-Type": "application/x-www-form-urlencoded", "X-CSRF-Token": ""}

    statuses = [
        browser.post(path, headers={"X-CSRF-Token": ""}).status_code,
        browser.post(path, headers={"X-CSRF-Token": other.csrf}).status_code,
        browser.post(path, headers=form, content="theme=dark").status_code,
        browser.post(path, headers=form, content=f"theme=dark&csrf={other.csrf}").status_code,
        browser.post(path, headers=form, content=f"theme=dark&csrf={browser.csrf}").status_code,
        browser.post(path, data={"theme": "dark"}).status_code,
    ]

    assert statuses == [403, 403, 403, 403, 303, 303]


def test_a_program_with_a_token_needs_no_page(world):
    job = world.a_job()

    assert world.client.post(f"/api/v1/jobs/{job.id}/runs", headers=world.bearer()).status_code == 202


@pytest.mark.parametrize("page", OTHER_PAGES[:6])
def test_signing_in_from_another_page_is_refused(world, page):
    form = {"username": "ada", "password": PASSWORD}

    refused = world.client.post("/login", data=form, headers=page)
    token = world.client.post("/api/v1/auth/token", json=form, headers=page)

    assert (refused.status_code, token.status_code) == (403, 403)
    assert "set-cookie" not in refused.headers


def sign_in(world: Any, **headers: str) -> Any:
    form = {"username": "ada", "password": PASSWORD}
    return world.client.post("/login", data=form, headers={"Origin": ORIGIN} | headers)


def cookie_in(answer: Any) -> str:
    value: str = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    return value


def test_the_session_cookie_is_for_this_site_and_for_no_script(make_world):
    world = make_world(store=MemoryStore(), public_origin="https://jobs.example.org")

    plain = sign_in(world)
    by_proxy = sign_in(world, Host="jobs.example.org", Origin="https://jobs.example.org")

    own = plain.headers["set-cookie"].lower()
    assert plain.status_code == 303
    assert own.startswith("holdfast_session=")
    assert {"httponly", "path=/", "samesite=strict"} <= {part.strip() for part in own.split(";")}
    assert "secure" not in own
    assert "domain" not in own
    public = by_proxy.headers["set-cookie"]
    assert public.startswith("__Host-holdfast_session=")
    assert "Secure" in public
    assert by_proxy.headers["strict-transport-security"] == "max-age=31536000"


def test_behind_a_proxy_the_public_origin_rules(make_world):
    world = make_world(store=MemoryStore(), public_origin="https://jobs.example.org")

    assert sign_in(world, Host="jobs.example.org", Origin="http://jobs.example.org").status_code == 403
    assert sign_in(world, Host="jobs.example.org", Origin=ORIGIN).status_code == 403


def test_a_session_that_somebody_planted_is_not_taken_over(world):
    planted = "cGxhbnRlZCBieSBzb21lYm9keSBlbHNl"

    answer = sign_in(world, Cookie=f"holdfast_session={planted}")

    assert answer.status_code == 303
    assert len(cookie_in(answer)) == 43
    assert cookie_in(answer) != planted
    assert Browser(world.client, planted).get("/api/v1/jobs").status_code == 401


def test_logout_ends_the_session_on_the_server(world, browser):
    assert browser.get("/api/v1/jobs").status_code == 200

    left = browser.post("/logout")

    assert left.status_code == 303
    assert 'holdfast_session=""' in left.headers["set-cookie"]
    assert browser.get("/api/v1/jobs").status_code == 401


def test_cookies_of_other_programs_on_this_machine_do_not_matter(browser):
    others = 'odd={"a":1}; =; ;; x y=z; \x01=\x02; holdfast=1'

    answer = browser.get(
        "/api/v1/jobs", headers={"Cookie": f"{others}; holdfast_session={browser.cookie}; [=]"}
    )

    assert answer.status_code == 200


def test_a_session_survives_a_restart_of_the_server(make_world):
    world = make_world()
    browser, program = world.signed_in(), world.bearer()
    make_world.stop(world.client)

    again = make_world()

    assert Browser(again.client, browser.cookie).get("/api/v1/jobs").status_code == 200
    assert again.client.get("/api/v1/jobs", headers=program).status_code == 200


def test_every_answer_carries_the_headers_that_protect_its_reader(world, browser):
    answers = [
        world.client.get("/login"),
        world.client.get("/health"),
        world.client.get("/", headers={"Accept": "text/html"}),
        world.client.get("/api/v1/jobs"),
        world.client.get("/livez", headers={"Host": "evil.example"}),
        browser.get("/"),
        browser.get("/api/v1/jobs"),
        browser.get("/api/v1/jobs/nonsense"),
        browser.get("/nowhere", headers={"Accept": "text/html"}),
        world.client.request("TRACE", "/"),
        world.client.get("/static/app.css"),
    ]

    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    assert {answer.headers["cache-control"] for answer in answers[:-1]} == {"no-store"}
    assert answers[-1].headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "CONNECT", "PUT", "MAKEUP"])
@pytest.mark.parametrize("path", ["/", "/api/v1/jobs", "/health", "/nowhere"])
def test_methods_that_nothing_understands_are_refused(world, method, path):
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}

    refused = world.client.request(method, path, headers=headers)

    assert refused.status_code == 405
    assert not [name for name in refused.headers if name.startswith("access-control")]


READABLE = [
    "/",
    "/jobs",
    "/api/v1/jobs",
    "/api/v1/kinds",
    "/api/docs",
    "/health",
    "/livez",
    "/login",
    "/static/app.css",
]


@pytest.mark.parametrize("path", READABLE)
def test_what_can_be_read_can_be_asked_about_without_its_body(world, browser, path):
    # The token of forms is another text in each page: only uncompressed do two of them have one length.
    asking = {"Accept": "text/html", "Accept-Encoding": "identity"}
    whole = browser.get(path, headers=asking)

    head = browser.request("HEAD", path, headers=asking)

    assert (head.status_code, head.content) == (whole.status_code, b"")
    for name in ("content-type", "content-length", "cache-control", "etag"):
        assert head.headers.get(name) == whole.headers.get(name)
    strange = world.client.request("HEAD", "/api/v1/jobs")
    assert (strange.status_code, strange.content) == (401, b"")


def test_asking_about_what_cannot_be_read_is_still_refused(world, browser):
    job = world.a_job()

    assert browser.request("HEAD", f"/api/v1/jobs/{job.id}/pause").status_code == 405
    assert browser.request("HEAD", "/api/v1/nowhere").status_code == 404


def test_another_method_in_a_header_changes_nothing(world, browser):
    job = world.a_job()

    answer = browser.get(f"/api/v1/jobs/{job.id}", headers={"X-HTTP-Method-Override": "DELETE"})

    assert answer.status_code == 200
    assert world.house.service.manager.job(job.id).job == job
