from math import inf, nan

import pytest

from core.drafts import checked
from core.errors import InvalidOptions
from core.models import Expectation, Retry
from core.work import Surroundings
from tests.builders import a_draft
from tests.doubles import make_scripted_engine


def problems(tmp_path, **fields):
    with pytest.raises(InvalidOptions) as refused:
        checked(a_draft(**fields), make_scripted_engine, Surroundings(own_data=tmp_path))
    return set(refused.value.problems)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"retry": Retry(max_attempts=0)}, "retry.max_attempts"),
        ({"retry": Retry(max_attempts=101)}, "retry.max_attempts"),
        ({"retry": Retry(wait=nan)}, "retry.wait"),
        ({"retry": Retry(wait=7_200)}, "retry.wait"),
        ({"retry": Retry(longest_wait=inf)}, "retry.longest_wait"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": nan}, "timeout"),
        ({"run_timeout": 1e12}, "run_timeout"),
        ({"timeout": 60, "run_timeout": 30}, "run_timeout"),
        ({"groups": ("a", "")}, "groups"),
        ({"groups": ("to, nas-02",)}, "groups"),
        ({"groups": ("line\nbreak",)}, "groups"),
        ({"groups": tuple(map(str, range(11)))}, "groups"),
        ({"groups": ("a" * 61,)}, "groups"),
        ({"after": tuple(map(str, range(101)))}, "after"),
        ({"expect": Expectation(every=1)}, "expect.every"),
        ({"expect": Expectation(every=nan)}, "expect.every"),
        ({"expect": Expectation(every=60, grace=inf)}, "expect.grace"),
        ({"expect": Expectation(every=60, ping="ftp://example.org")}, "expect.ping"),
        ({"expect": Expectation(every=60, ping="https://")}, "expect.ping"),
        ({"expect": Expectation(every=60, ping="https://[")}, "expect.ping"),
        ({"expect": Expectation(every=60, ping="https://example.org/a b")}, "expect.ping"),
        ({"expect": Expectation(every=60, ping="https://example.org:x")}, "expect.ping"),
    ],
)
def test_what_cannot_be_agreed_is_refused_at_its_field(tmp_path, fields, place):
    assert problems(tmp_path, **fields) == {place}


def test_everything_that_is_wrong_is_named_at_once(tmp_path):
    found = problems(tmp_path, name="", timeout=0.0, groups=("",), retry=Retry(max_attempts=0))

    assert found == {"name", "timeout", "groups", "retry.max_attempts"}


def test_what_can_be_agreed_is_kept_tidy(tmp_path):
    draft = a_draft(
        after=("a", " a", "b"),
        groups=(" to nas-02 ", "to nas-02"),
        retry=Retry(max_attempts=100, wait=0.0),
        timeout=60.0,
        run_timeout=60.0,
        expect=Expectation(every=93_600, ping="https://example.org:8443/ping/3f?x=1"),
    )

    good = checked(draft, make_scripted_engine, Surroundings(own_data=tmp_path))

    assert (good.after, good.groups) == (("a", "b"), ("to nas-02",))
    assert (good.retry, good.expect) == (draft.retry, draft.expect)
