"""The list of jobs keeps everything in its address."""

from tests.fastapi_app.pages.conftest import a_failed_run, words


def names_on(page):
    return [words(name) for name in page.select("#list tbody .name")]


def follow(reader, page, word):
    link = next(link for link in page.select("#list footer a") if link.text == word)
    return reader.open(link["href"])


def test_a_page_of_the_list_leads_on_and_back(world, reader):
    every = [f"job {number:03}" for number in range(120)]
    for name in every:
        world.a_job(name)

    first = reader.open("/jobs?sort=name")
    second = follow(reader, first, "Next")
    third = follow(reader, second, "Next")
    back_to_second = follow(reader, third, "Previous")
    back_to_first = follow(reader, back_to_second, "Previous")

    assert [names_on(page) for page in (first, second, third)] == [every[:50], every[50:100], every[100:]]
    assert words(third.select_one("#list header .sub")) == "101 to 120 of 120"
    assert names_on(back_to_second) == every[50:100]
    assert names_on(back_to_first) == every[:50]
    assert [link.text for link in first.select("#list footer a")] == ["Next"]
    assert [link.text for link in third.select("#list footer a")] == ["Previous"]
    assert [link.text for link in back_to_first.select("#list footer a")] == ["Next"]


def test_searching_keeps_the_state_that_was_chosen(world, reader):
    for name in ("photos", "music"):
        a_failed_run(world, world.a_job(name))
    world.a_job("photos of last year")
    filtered = reader.open("/jobs?state=failed")

    kept = filtered.select_one("form[role=search] input[type=hidden]")
    page = reader.open(f"/jobs?{kept['name']}={kept['value']}&q=photos")

    assert names_on(page) == ["photos"]
    assert words(page.select_one(".chips [aria-current]")).startswith("Failing")
    assert page.select_one("#q")["value"] == "photos"


def test_a_search_without_a_match_says_so(world, reader):
    world.a_job("photos")

    page = reader.open("/jobs?q=nowhere")

    empty = page.select_one("#list .empty")
    assert "No job matches." in words(empty)
    assert empty.a["href"] == "/jobs?all=1"


def test_an_empty_list_leads_to_the_first_job(reader):
    page = reader.open("/jobs")

    assert "No jobs yet." in words(page.select_one("#list .empty"))
    assert page.select_one('#list .empty a[href="/jobs/new"]')


def test_chips_count_the_jobs_of_each_state(world, reader):
    a_failed_run(world, world.a_job("photos"))
    world.a_job("music")

    page = reader.open("/jobs")

    chips = {
        words(chip).rpartition(" ")[0]: words(chip).rpartition(" ")[2] for chip in page.select(".chips a")
    }
    assert chips["All"] == "2"
    assert chips["Failing"] == "1"
    assert chips["Never run"] == "1"


def test_a_sort_that_is_none_is_refused_in_words(world, reader):
    page = reader.open("/jobs?sort=colour")

    assert reader.status == 422
    assert "Jobs can be sorted by" in words(page.select_one("[data-problem]"))


def test_a_state_that_there_is_none_of_is_said_in_words_instead_of_showing_every_job(world, browser):
    world.a_job("not to be shown")

    page = browser.get("/jobs", params={"state": "bogus"}, headers={"Accept": "text/html"})

    assert page.status_code == 422
    assert "bogus" in page.text
    assert "not to be shown" not in page.text
