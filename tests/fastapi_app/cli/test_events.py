"""`holdfast events` and `holdfast audit`, as a person calls them."""

import json

import pytest

from core.acting import Actor, acting_as
from core.drafts import JobDraft
from core.service import Service
from core.settings import Settings


@pytest.fixture
def busy(data, source, tmp_path):
    """A store in which ana made a job and changed it, with nobody at work any more."""
    service = Service(Settings(data=data, slots=0))
    service.start()
    options = {"source": str(source), "destination": str(tmp_path / "copy")}
    with acting_as(Actor(name="ana", origin="127.0.0.1")):
        job = service.manager.create(JobDraft(name="photos\u00a0=x", kind="copy", options=options))
        service.manager.delete(job.id)
    service.stop()
    return job


def test_what_happened_is_listed_by_command(holdfast, busy):
    listed = holdfast("events")
    told = json.loads(holdfast("events", "--json", "--person", "ana", "--kind", "job.deleted").stdout)
    table = holdfast("events", "--export", "csv")
    nothing = holdfast("events", "--search", "no such word")

    assert [line.split()[5] for line in listed.stdout.splitlines()[1:]] == ["job.created", "job.deleted"]
    assert "photos\\xa0=x" in listed.stdout
    assert [(one["kind"], one["by"]) for one in told] == [("job.deleted", "ana")]
    assert len(table.stdout.splitlines()) == 3
    assert nothing.stdout == "Nothing that matches has happened.\n"


@pytest.mark.parametrize("words", [("--export", "xml"), ("--since", "soon"), ("--search", "x" * 300)])
def test_a_question_about_events_that_makes_no_sense_is_refused_by_the_command(holdfast, busy, words):
    refused = holdfast("events", *words)

    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_the_audit_is_shown_and_verified_by_command(holdfast, data, busy):
    shown = holdfast("audit", "show")
    good = holdfast("audit", "verify")
    head = good.stdout.split()[-1].removesuffix(".")
    (path,) = (data / "audit").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[1])
    bad = holdfast("audit", "verify", "--json")
    path.write_bytes(b"".join(lines))
    noted = holdfast("audit", "verify", "--head", head)
    other = holdfast("audit", "verify", "--head", "0" * 64)

    assert "ana" in shown.stdout
    assert (good.returncode, good.stdout.startswith("good     2 entries")) == (0, True)
    assert bad.returncode == 1
    assert "Entry 1 was removed before this line." in json.loads(bad.stdout)["flaws"][0]["message"]
    assert (noted.returncode, other.returncode) == (0, 1)


def test_where_there_is_no_audit_the_command_says_so(holdfast, tmp_path):
    refused = holdfast("audit", "verify", "--data", tmp_path / "nowhere")

    assert refused.returncode == 2
    assert "--data" in refused.stderr
