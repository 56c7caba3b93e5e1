import pytest

from core.models import AfterFailed, AfterWhen, Backoff, Expectation, Retry
from fastapi_app.presenters.terms import (
    after_sentence,
    groups_sentence,
    limit_sentence,
    retry_sentence,
    rhythm_sentence,
)


@pytest.mark.parametrize(
    ("retry", "sentence"),
    [
        ({"max_attempts": 1}, "Is not tried again when it fails."),
        ({"max_attempts": 2}, "Tries again after 30 s."),
        ({"max_attempts": 4}, "Tries again after 30 s, 1 min and 2 min."),
        (
            {"max_attempts": 4, "jitter": True},
            "Tries again after up to 30 s, 1 min and 2 min.",
        ),
        (
            {"max_attempts": 100},
            "Tries again after 30 s, 1 min, 2 min, 4 min, 8 min, 16 min and so on, up to 1 h; 99 times at most.",
        ),
        (
            {"max_attempts": 3, "backoff": Backoff.FIXED, "wait": 90.0},
            "Tries again after 1 min 30 s, twice at most.",
        ),
        (
            {"max_attempts": 3, "backoff": Backoff.DECORRELATED, "wait": 1.0},
            "Tries again after up to 3 s and 9 s.",
        ),
    ],
)
def test_promised_waits_are_told_in_a_sentence(retry, sentence):
    assert retry_sentence(Retry(**retry)) == sentence


def test_what_comes_before_is_told_in_a_sentence():
    succeeded, ended, either = AfterWhen.ALL_SUCCEEDED, AfterWhen.ALL_ENDED, AfterWhen.ANY_ENDED

    assert after_sentence([], succeeded, AfterFailed.SKIP) == ""
    assert (
        after_sentence(["photos"], succeeded, AfterFailed.SKIP)
        == "Begins after “photos”, when it has succeeded; if it does not, it is skipped."
    )
    assert (
        after_sentence(["photos", "mail"], succeeded, AfterFailed.RUN)
        == "Begins after “photos” and “mail”, when all of them have succeeded; if one does not, it runs all the same."
    )
    assert (
        after_sentence(["a", "b"], ended, AfterFailed.SKIP)
        == "Begins after “a” and “b”, when all of them are over, well or not."
    )
    assert (
        after_sentence(["a", "b"], either, AfterFailed.SKIP)
        == "Begins after “a” and “b”, as soon as any of them is over."
    )
    assert "“7” and 3 others" in after_sentence(list("01234567890"), ended, AfterFailed.SKIP)


def test_limits_groups_and_rhythms_are_told_in_sentences():
    assert limit_sentence(None, None) == groups_sentence(()) == rhythm_sentence(None) == ""
    assert limit_sentence(600.0, None) == "An attempt is ended after 10 min."
    assert limit_sentence(None, 5_400.0) == "A run is ended after 1 h 30 min, waits and all."
    assert (
        limit_sentence(600.0, 3_600.0)
        == "An attempt is ended after 10 min, a run with all its waits after 1 h."
    )
    assert groups_sentence(("to nas-02", "night")) == "Takes a place in “to nas-02” and “night”."
    assert (
        rhythm_sentence(Expectation(every=93_600, ping="https://example.org"))
        == "At least one good run every 1 d 2 h, with 1 h of grace. Every success is told to an address outside."
    )
