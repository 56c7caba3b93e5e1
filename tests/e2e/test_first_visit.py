"""The ground the other browser tests stand on."""

from playwright.sync_api import expect


def test_after_the_one_time_link_the_dashboard_opens_without_a_complaint(page):
    answer = page.goto("/")

    assert answer.status == 200
    expect(page.locator("main")).to_be_visible()


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
