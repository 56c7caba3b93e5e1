"""A job's sections, a run's page and its log, in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

TALK = (
    "import time\nfor number in range(100_000):\n    print('said', number, flush=True)\n    time.sleep(0.02)"
)
ASK = """async ([address, body]) => {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = {"Content-Type": "application/json", "X-CSRF-Token": token};
  const answer = await fetch(address, {method: "POST", headers, body: JSON.stringify(body)});
  return await answer.json();
}"""


def ask(page: Page, address: str, body: dict[str, Any]) -> dict[str, Any]:
    """Do something through the API, as the person whose page it is."""
    answer: dict[str, Any] = page.evaluate(ASK, [address, body])
    return answer


def a_run(page: Page, name: str, *argv: str) -> dict[str, Any]:
    """Start a job that runs a program; return its run."""
    page.goto("/jobs")
    job = ask(page, "/api/v1/jobs", {"name": name, "kind": "command", "options": {"argv": list(argv)}})
    return ask(page, f"/api/v1/jobs/{job['id']}/runs", {})


@pytest.fixture
def talking(page):
    """The page of a run that says fifty lines a second until it is cancelled."""
    run = a_run(page, "talking", "python3", "-c", TALK)
    page.goto(f"/runs/{run['id']}")
    yield page
    ask(page, f"/api/v1/runs/{run['id']}/cancel", {})


@pytest.fixture
def long_log(page, server):
    """The page of a run whose log has 6,000 lines, every second of them a warning."""
    run = a_run(page, "long", "true")
    page.goto(f"/runs/{run['id']}")
    expect(page.locator("[data-over]")).to_be_visible(timeout=20_000)
    (path,) = server.data.rglob(f"{run['id']}.log")
    levels = ("warn", "info")
    lines = (f"2026-11-21T07:41:18.123Z {levels[number % 2]} said {number}\n" for number in range(6_000))
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)
    page.reload()
    return page


def line_that_says(page: Page, number: int) -> int:
    """Return which line of the long log says a number: its program's own lines come first."""
    return total(page) - 6_000 + number + 1


def total(page: Page) -> int:
    return int(page.locator("[data-log]").get_attribute("data-from") or 0)


def test_what_a_reader_selected_stays_while_fifty_lines_a_second_arrive(talking):
    page, log = talking, talking.get_by_role("log")
    expect(log.locator("li").nth(60)).to_be_attached(timeout=20_000)
    log.evaluate("""box => {
      const line = box.querySelectorAll("li")[20].lastElementChild;
      box.scrollTop = line.parentElement.offsetTop - box.querySelector("ol").offsetTop;
      getSelection().selectAllChildren(line);
    }""")
    before = page.evaluate("[String(getSelection()), document.querySelector('.log').scrollTop]")
    seen = total(page)

    page.wait_for_function(
        "seen => Number(document.querySelector('[data-log]').dataset.from) > seen + 100", arg=seen
    )

    assert page.evaluate("[String(getSelection()), document.querySelector('.log').scrollTop]") == before
    expect(page.locator("[data-again]")).to_have_text(re.compile(r"new lines, follow again"))
    assert int(page.locator("a[data-level=info] span").inner_text().replace(",", "")) > seen + 100
    page.evaluate("getSelection().removeAllRanges()")
    if page.locator("[data-again]").is_visible():
        page.locator("[data-again]").click()
    expect(page.locator("[data-log-said]")).to_contain_text("following")
    page.wait_for_function(
        "box => box.scrollHeight - box.scrollTop - box.clientHeight < 24", arg=log.element_handle()
    )


def test_a_text_is_found_far_from_the_lines_that_are_shown(long_log):
    page, log = long_log, long_log.get_by_role("log")
    expect(log).not_to_contain_text("said 1234")

    page.get_by_label("Search this log").fill("SAID 123")
    page.get_by_role("button", name="Find").click()

    expect(page.locator("[data-hits-said]")).to_have_text("1 of 11")
    expect(log.locator("li[aria-current]")).to_contain_text("said 123")
    page.get_by_role("button", name="Next hit").click()
    expect(page.locator("[data-hits-said]")).to_have_text("2 of 11")
    expect(log.locator("li[aria-current]")).to_contain_text("said 1230")
    expect(log.locator("li[aria-current]")).to_be_in_viewport()
    page.get_by_role("button", name="Previous hit").click()
    page.get_by_role("button", name="Previous hit").click()
    expect(page.locator("[data-hits-said]")).to_have_text("11 of 11")
    expect(log.locator("li[aria-current]")).to_contain_text("said 1239")


def test_a_link_to_a_line_leads_to_it_in_a_log_of_any_length(long_log):
    page, log = long_log, long_log.get_by_role("log")

    page.goto(page.url.partition("#")[0] + f"#L{line_that_says(page, 3_000)}")
    expect(log.locator("li[aria-current]")).to_contain_text("said 3000")
    expect(log.locator("li[aria-current]")).to_be_in_viewport()

    log.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    expect(log.locator(f"#L{line_that_says(page, 3_260)}")).to_be_attached()
    assert log.locator("li").count() <= 2_000


def test_a_link_to_a_line_that_the_chosen_level_hides_shows_it(long_log):
    page, log = long_log, long_log.get_by_role("log")
    page.locator("a[data-level=warn]").click()
    expect(log.locator("li:not([data-st])")).to_have_count(0)

    page.evaluate("number => { location.hash = `#L${number}`; }", line_that_says(page, 2_001))

    expect(log.locator("li[aria-current]")).to_contain_text("said 2001")
    expect(page.locator("a[data-level=info]")).to_have_attribute("aria-current", "true")


def test_a_link_to_a_line_that_is_not_there_says_so_and_shows_the_end(long_log):
    page, log = long_log, long_log.get_by_role("log")

    page.evaluate("() => { location.hash = '#L99999'; }")

    expect(page.get_by_text("This log has no line 99,999.")).to_be_visible()
    expect(log.locator("li").last).to_contain_text("said 5999")


def test_a_level_of_which_no_line_is_says_so(long_log):
    page, log = long_log, long_log.get_by_role("log")

    page.locator("a[data-level=error]").click()

    expect(log.get_by_text("No line is of that level.")).to_be_visible()
    page.locator("a[data-level=info]").click()
    expect(log.get_by_text("No line is of that level.")).to_be_hidden()


def test_warnings_that_came_too_fast_to_be_shown_are_counted(talking, server):
    page = talking
    run = page.locator("[data-log]").get_attribute("data-log")
    expect(page.get_by_role("log")).to_contain_text("said 10")
    (path,) = server.data.rglob(f"{run}.log")

    with path.open("a", encoding="utf-8") as file:
        file.write("".join(f"2026-11-21T07:41:18.123Z warn spoilt {number}\n" for number in range(3_000)))

    expect(page.locator("a[data-level=warn]")).to_contain_text("3,000")


def read_back(log, times: int) -> None:
    for _ in range(times):
        first = log.locator("[data-n]").first.get_attribute("data-n")
        log.evaluate("box => { box.scrollTop = 0; }")
        expect(log.locator("[data-n]").first).not_to_have_attribute("data-n", first)


def test_the_latest_warnings_are_shown_and_their_number_is_said(long_log):
    page, log = long_log, long_log.get_by_role("log")
    expect(page.locator("a[data-level=warn]")).to_contain_text("3,000")

    page.locator("a[data-level=warn]").click()

    expect(page.locator("[data-log-said]")).to_have_text("the last 500 of 3,000 warnings")
    expect(log.locator("li:not([data-st])")).to_have_count(0)
    expect(log.locator("li").last).to_contain_text("said 5998")
    read_back(log, 1)
    expect(page.locator("[data-log-said]")).to_have_text("the last 1,000 of 3,000 warnings")
    expect(log.locator("li").first).to_contain_text("said 4000")


def test_after_reading_back_the_end_of_the_log_is_its_end(long_log):
    page, log = long_log, long_log.get_by_role("log")
    expect(log).to_contain_text("said 5999")

    read_back(log, 5)
    expect(log).not_to_contain_text("said 5999")
    assert log.locator("li").count() <= 2_000
    page.get_by_role("button", name="to the end").click()

    expect(log).to_contain_text("said 5999")
    page.wait_for_function(
        "box => box.scrollHeight - box.scrollTop - box.clientHeight < 24", arg=log.element_handle()
    )


def test_two_versions_are_compared_and_one_is_restored_and_taken_back(page):
    page.goto("/jobs")
    wanted = {"name": "versioned", "kind": "command", "options": {"argv": ["true"]}}
    job = ask(page, "/api/v1/jobs", wanted)
    page.goto(f"/jobs/{job['id']}/edit")
    page.get_by_label("Name", exact=True).fill("renamed")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("h1")).to_have_text("renamed")

    page.get_by_role("link", name="Versions 2").click()
    page.get_by_role("button", name="Compare the chosen two").click()
    expect(page.locator("table.versions")).to_contain_text("versioned")
    expect(page.locator("table.versions")).to_contain_text("renamed")
    page.get_by_role("button", name="Restore version 1").click()

    expect(page.locator("h1")).to_have_text("versioned")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("h1")).to_have_text("renamed")
    expect(page.get_by_role("link", name="Versions 4")).to_be_visible()


def test_a_failed_run_is_read_and_tried_again_on_a_phone(new_page):
    phone = new_page(viewport={"width": 390, "height": 844})
    run = a_run(phone, "breaks", "false")
    phone.goto(f"/runs/{run['id']}")
    expect(phone.locator("[aria-labelledby=outcome] .cause")).to_be_visible(timeout=20_000)

    phone.get_by_role("button", name="Try it again").click()

    expect(phone.locator("h1")).to_contain_text("Run 2 of breaks")
    expect(phone.locator(".head .st")).to_have_text("Failed", timeout=20_000)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
