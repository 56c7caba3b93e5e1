import base64
import json
from collections.abc import Mapping
from datetime import timedelta

import pytest

from core.drafts import JobPatch
from core.errors import InvalidOptions
from core.listing import ORDERS, JobQuery
from tests.builders import a_job, a_queued_run, a_running_run, some_progress


def names(page):
    return [item.job.name for item in page.items]


def test_what_a_list_hands_out_cannot_be_changed(manager):
    job = a_job(manager, options={"word": "good"})
    page = manager.list_jobs()

    for change in (
        lambda: setattr(page.items[0].job, "name", "mine"),
        lambda: page.items[0].job.options.update(word="mine"),
        lambda: page.items.append(None),
        lambda: page.counts.update(never=5),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change()

    assert isinstance(job.options, Mapping)
    assert manager.list_jobs().items[0].job == job


def test_a_change_is_in_the_next_list(manager):
    manager.list_jobs()
    job = a_job(manager, name="photos")
    created = names(manager.list_jobs())

    manager.edit(job.id, JobPatch(name="pictures"), version=1)
    edited = names(manager.list_jobs())
    run = manager.start(job.id)
    started = dict(manager.list_jobs().counts)
    manager.cancel(run.id)
    cancelled = dict(manager.list_jobs().counts)
    manager.delete(job.id)

    assert (created, edited) == (["photos"], ["pictures"])
    assert (started, cancelled) == ({"queued": 1}, {"cancelled": 1})
    assert names(manager.list_jobs()) == []
    assert dict(manager.counts()) == {}


def test_progress_is_in_the_list_within_a_second(manager, clock):
    run = a_running_run(manager)
    before = manager.list_jobs()

    manager.report(run.id, 1, some_progress(64))
    at_once = manager.list_jobs()
    clock.pass_by(timedelta(seconds=1))
    later = manager.list_jobs()

    assert at_once is before
    assert later.items[0].latest_run.progress == some_progress(64)


def test_a_list_that_nothing_changed_is_the_same_object(manager, clock):
    a_job(manager)
    page = manager.list_jobs()

    clock.pass_by(timedelta(hours=1))

    assert manager.list_jobs() is page


@pytest.mark.parametrize("order", [*ORDERS, *(f"-{order}" for order in ORDERS)])
def test_pages_go_on_exactly_where_the_one_before_ended(manager, clock, order):
    for number in range(137):
        job = a_job(manager, name=f"same {number % 5}")
        if number % 3 == 0:
            manager.start(job.id)
        clock.pass_by(timedelta(milliseconds=number % 2))

    found, cursor = [], None
    while True:
        page = manager.list_jobs(JobQuery(sort=order, limit=10, cursor=cursor))
        found += page.items
        cursor = page.next
        if cursor is None:
            break

    whole = manager.list_jobs(JobQuery(sort=order, limit=None)).items
    keys = [(ORDERS[order.removeprefix("-")](item), item.job.id) for item in found]
    assert tuple(found) == whole
    assert len({item.job.id for item in found}) == 137
    assert keys == sorted(keys, reverse=order.startswith("-"))


LONG_NAMES = {
    "emoji": "\N{WHALE}" * 197,
    "growing in lower case": "\N{GREEK SMALL LETTER IOTA WITH DIALYTIKA AND TONOS}" * 197,
    "quotes": '"' * 197,
}


@pytest.mark.parametrize("order", ["name", "-name"])
@pytest.mark.parametrize("beginning", LONG_NAMES.values(), ids=LONG_NAMES.keys())
def test_a_cursor_is_short_whatever_the_names_and_goes_on_exactly(manager, beginning, order):
    for number in range(12):
        a_job(manager, name=f"{beginning}{number:03}")

    page = manager.list_jobs(JobQuery(sort=order, limit=5))
    found, longest = names(page), 0
    while page.next is not None:
        longest = max(longest, len(page.next))
        page = manager.list_jobs(JobQuery(sort=order, limit=5, cursor=page.next))
        found += names(page)

    assert 0 < longest < 1_000
    assert found == sorted(found, reverse=order == "-name")
    assert len(set(found)) == len(found) == 12


@pytest.mark.parametrize("order", ["name", "-name"])
def test_no_job_is_left_out_after_one_with_a_long_name_that_is_gone(manager, order):
    jobs = {name: a_job(manager, name=name) for name in (f"{'x' * 150}{number:03}" for number in range(9))}
    first = manager.list_jobs(JobQuery(sort=order, limit=4))
    manager.delete(jobs[names(first)[-1]].id)

    rest = manager.list_jobs(JobQuery(sort=order, limit=20, cursor=first.next))

    assert {*names(first), *names(rest)} == set(jobs)


def test_pages_of_a_filtered_list_go_on_where_the_one_before_ended(manager):
    for number in range(30):
        a_job(manager, name=f"{'photos' if number % 2 else 'mail'} {number:02}")

    first = manager.list_jobs(JobQuery(text="PHOTOS", sort="name", limit=10))
    second = manager.list_jobs(JobQuery(text="PHOTOS", sort="name", limit=10, cursor=first.next))

    assert first.total == second.total == 15
    assert names(first) + names(second) == [f"photos {number:02}" for number in range(1, 30, 2)]
    assert second.next is None


def test_filters_on_state_kind_and_tag_are_all_kept(manager):
    a_queued_run(manager, name="a", tags=("offsite",))
    a_job(manager, name="b", tags=("offsite",))
    a_queued_run(manager, name="c", kind="once", tags=("offsite", "more"))
    a_queued_run(manager, name="d")

    assert names(manager.list_jobs(JobQuery(states=("queued",), tags=("offsite",), sort="name"))) == [
        "a",
        "c",
    ]
    assert names(manager.list_jobs(JobQuery(states=("never",)))) == ["b"]
    assert names(manager.list_jobs(JobQuery(kinds=("once",)))) == ["c"]


@pytest.mark.parametrize("query", [{"sort": "size"}, {"cursor": "nonsense"}, {"cursor": "WzFd"}])
def test_a_sort_or_cursor_that_is_none_is_refused(manager, query):
    a_job(manager)

    with pytest.raises(InvalidOptions) as refused:
        manager.list_jobs(JobQuery(**query))

    assert list(refused.value.problems) == list(query)


@pytest.mark.parametrize("order", ["created", "-last-run", "-name"])
def test_a_cursor_of_another_kind_is_refused(manager, order):
    value = "x" if order != "-name" else 5
    for mark in ([order, value, "id"], [order, "2026-11-21T07:42:00", "id"][: 2 + (order != "-name")], 5):
        cursor = base64.urlsafe_b64encode(json.dumps(mark).encode()).decode()

        with pytest.raises(InvalidOptions, match="cursor"):
            manager.list_jobs(JobQuery(sort=order, cursor=cursor))


def test_a_search_finds_words_of_the_places_in_any_case(manager):
    for word in ("/mnt/Grüße/ΣΊΣΥΦΟΣ", "/mnt/\u212aelvin", '/mnt/"quoted"\\path', "/mnt/plain"):
        a_job(manager, name=word[5], options={"word": word})

    found = {
        word: names(manager.list_jobs(JobQuery(text=word)))
        for word in ("GRÜSSE σίσυφος", "kelvin", "QUOTED", "PLAIN /mnt", "nowhere /mnt", "word")
    }

    assert list(found.values()) == [["G"], ["\u212a"], ['"'], ["p"], [], []]
