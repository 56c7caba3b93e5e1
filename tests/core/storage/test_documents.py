"""Jobs and runs that people wrote by hand: what cannot be so is refused at its place."""

from datetime import UTC, datetime

import pytest

from core.errors import InvalidOptions, InvalidYaml
from core.models import Attempt
from core.states import RunState
from core.storage.documents import document_of, job_from, run_from
from tests.builders import WHEN, a_kept_job, a_kept_run

JOB = "3f2a1b4c-0000-4000-8000-000000000001"
RUN = "91bb0000-0000-4000-8000-000000000003"

FIRST = Attempt(number=1, worker="here", started_at=WHEN)
A_JOB = document_of(a_kept_job(JOB)).decode()
A_RUN = document_of(
    a_kept_run(RUN, JOB, state=RunState.RUNNING, attempt=1, attempts=(FIRST,), started_at=WHEN)
).decode()


def refusal(read, text: str) -> tuple[str, str]:
    """Return what is said of the text, and the line it points at."""
    with pytest.raises(InvalidYaml) as refused:
        read(text.encode())
    assert refused.value.line is not None
    return str(refused.value), text.split("\n")[refused.value.line - 1]


@pytest.mark.parametrize("state", ["running", "pausing", "cancelling"])
def test_a_run_at_work_without_an_attempt_is_refused_at_its_place(state):
    text = document_of(a_kept_run(RUN, JOB)).decode().replace("state: queued", f"state: {state}")

    message, line = refusal(run_from, text)

    assert "has an attempt; this one has none" in message
    assert line == f"state: {state}"


@pytest.mark.parametrize("number", [0, 2])
def test_a_run_whose_last_attempt_has_another_number_is_refused_at_its_place(number):
    text = A_RUN.replace("attempt: 1", f"attempt: {number}")

    message, line = refusal(run_from, text)

    assert message.startswith(f"attempt: It says {number}, but the last of its attempts is number 1")
    assert line == f"attempt: {number}"


def test_a_run_that_counts_attempts_it_does_not_have_is_refused():
    text = document_of(a_kept_run(RUN, JOB)).decode().replace("attempt: 0", "attempt: 3")

    assert refusal(run_from, text) == ("attempt: It says 3, but it has no attempts.", "attempt: 3")


@pytest.mark.parametrize("value", ["0", "-1", str(2**53), str(2**63)])
@pytest.mark.parametrize(
    ("read", "text", "line"),
    [(job_from, A_JOB, "version: 1"), (run_from, A_RUN, "version: 1"), (run_from, A_RUN, "number: 1")],
)
def test_a_count_that_cannot_be_one_is_refused_at_its_place(read, text, line, value):
    wrong = line.replace("1", value)

    message, found = refusal(read, text.replace(line, wrong))

    assert message.startswith(line.split(":")[0])
    assert found.endswith(wrong)


@pytest.mark.parametrize("value", ["-1", str(2**53)])
def test_a_count_of_attempts_that_cannot_be_one_is_refused_at_its_place(value):
    message, line = refusal(run_from, A_RUN.replace("attempt: 1", f"attempt: {value}"))

    assert message.startswith("attempt: ")
    assert line == f"attempt: {value}"


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize(
    ("read", "text", "field"),
    [(job_from, A_JOB, "updated_at"), (run_from, A_RUN, "created_at")],
)
def test_a_time_that_no_page_can_show_in_utc_is_refused_at_its_place(read, text, field, time):
    hurt = text.replace(f'{field}: "2026-11-21T07:42:00Z"', f'{field}: "{time}"')

    message, line = refusal(read, hurt)

    assert message == f"{field}: In UTC this time is outside the years 1 to 9999."
    assert line == f'{field}: "{time}"'


def test_a_time_of_an_attempt_that_no_page_can_show_is_refused_at_its_place():
    hurt = A_RUN.replace('  started_at: "2026-11-21T07:42:00Z"', '  started_at: "0001-01-01T00:00:00+14:00"')

    message, line = refusal(run_from, hurt)

    assert message.startswith("attempts.0.started_at: ")
    assert "+14:00" in line


def test_times_of_other_zones_are_taken_in_utc_so_that_they_sort_with_ours():
    text = A_RUN.replace("2026-11-21T07:42:00Z", "2026-11-21T21:42:00+14:00")

    run = run_from(text.encode())

    for at in (run.created_at, run.started_at, run.attempts[0].started_at):
        assert str(at) == str(datetime(2026, 11, 21, 7, 42, tzinfo=UTC))


@pytest.mark.parametrize("value", [str(2**64), str(-(2**63) - 1), "0x1" + "0" * 16, "9" * 390])
def test_a_number_that_no_answer_in_json_can_hold_is_refused_at_its_place(value):
    message, line = refusal(run_from, A_RUN.replace("  done: 0", f"  done: {value}"))

    assert message == "A whole number may have at most 64 bits."
    assert line == f"  done: {value}"


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_a_number_that_no_answer_in_json_can_hold_is_refused_before_it_is_written(value):
    with pytest.raises(InvalidOptions):
        document_of(a_kept_job(JOB, options={"rate_kib": value}))


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63)])
def test_the_largest_numbers_are_kept_as_they_are(value):
    kept = document_of(a_kept_job(JOB, options={"rate_kib": value}))

    assert job_from(kept).options["rate_kib"] == value
