"""What is sent is small, and nothing about its length tells a secret."""

import gzip

import pytest
import zstandard

from fastapi_app.codings import coded, coding_for

ASKING = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", ""),
        ("br", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("GZIP;q=0.5, zstd;q=0", "gzip"),
        ("gzip; q=0.0", ""),
        ("identity, *;q=0", ""),
        ("zstandard, gzipped", ""),
    ],
)
def test_a_coding_is_one_that_the_browser_reads(accepted, coding):
    assert coding_for(accepted) == coding


@pytest.mark.parametrize(("coding", "opened"), [("gzip", gzip.decompress), ("zstd", zstandard.decompress)])
@pytest.mark.parametrize("for_good", [True, False])
def test_what_was_made_smaller_is_what_it_was(coding, opened, for_good):
    content = b"<li>photos</li>" * 1_000

    small = coded(content, coding, for_good=for_good)

    assert len(small) < len(content) / 10
    assert opened(small) == content


@pytest.mark.parametrize("path", ["/jobs", "/static/shell.js", "/static/shell.css", "/static/app.css"])
def test_pages_and_files_are_sent_compressed(browser, path):
    plain = browser.get(path, headers=ASKING | {"Accept-Encoding": "identity"})

    for coding in ("gzip", "zstd"):
        small = browser.get(path, headers=ASKING | {"Accept-Encoding": coding})

        assert (small.headers["content-encoding"], small.headers["vary"]) == (coding, "Accept-Encoding")
        assert int(small.headers["content-length"]) < len(plain.content) / 2
    assert "content-encoding" not in plain.headers


def pieces(text):
    return {text[start : start + 8] for start in range(len(text) - 7)}


def test_the_token_of_forms_is_another_text_in_each_page(world, browser):
    def token():
        return (
            browser.get("/jobs", headers=ASKING)
            .text.split('name="csrf-token" content="')[1]
            .partition('"')[0]
        )

    first, second = token(), token()

    assert first != second
    assert not pieces(first) & pieces(second)
    for given in (first, second):
        assert browser.post("/preferences", headers={"X-CSRF-Token": given}).status_code == 303


@pytest.mark.parametrize(
    "broken",
    [
        str.upper,
        lambda token: token[:-2],
        lambda token: token + "00",
        lambda token: token[2:] + "zz",
        lambda token: "0" * len(token),
        lambda token: token.replace(token[:4], "  \t\t"),
    ],
)
def test_a_token_that_was_changed_is_none(browser, broken):
    statuses = browser.post("/preferences", headers={"X-CSRF-Token": broken(browser.csrf)}).status_code

    assert statuses == (303 if broken is str.upper else 403)
