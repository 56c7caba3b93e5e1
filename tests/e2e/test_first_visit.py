"""The ground the other browser tests stand on."""

from playwright.sync_api import expect


def test_after_the_one_time_link_the_dashboard_opens_without_a_complaint(page):
    answer = page.goto("/")

    assert answer.status == 200
    expect(page.locator("main")).to_be_visible()


def test_a_set_up_link_works_in_a_tab_that_waits_for_it(make_server, new_page):
    server = make_server()
    page = new_page(at=server, storage_state=None)
    page.goto(f"{server.url}/setup#100%")
    expect(page.get_by_label("Set-up code")).to_have_value("100%")

    link = server.setup_link()
    page.evaluate("link => { location.href = link; }", link)

    expect(page.get_by_label("Set-up code")).to_have_value(link.partition("#")[2].removeprefix("code="))
    assert page.url == f"{server.url}/setup"


def test_the_name_in_the_bar_opens_the_way_out(new_page):
    for width in (1440, 390):
        page = new_page(viewport={"width": width, "height": 800})
        page.goto("/")

        page.locator("header.top").get_by_text("ada", exact=True).first.click()

        expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Dark")).to_be_visible()


def test_a_stranger_sees_nothing_but_the_way_in(stranger):
    stranger.goto("/jobs")

    expect(stranger.locator("input[type=password]")).to_be_visible()


def test_a_killed_server_opens_again_at_the_same_address(make_server, new_page, watch):
    server = make_server()
    page = new_page(at=server)
    page.goto("/")
    watch.expect_an_outage()

    server.kill()
    server.start()
    answer = page.goto("/jobs")

    assert answer.status == 200
    expect(page.locator("main")).to_be_visible()
