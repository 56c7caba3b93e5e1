"""What runs of copying kinds ask and show on their pages."""

import pytest

from core.drafts import JobDraft
from core.work import Outcome, Question
from tests.fastapi_app.pages.conftest import VERIFIED, a_failed_run, a_verified_run, words

QUESTION = Question(
    id="q1",
    about="delete",
    sentence="Take 2 files (1.2 MB) away from /srv/photos?",
    details=("The job asks each time.", "a.jpg", "b <b>.jpg"),
    answers={"keep": "Keep them all", "delete": "Take 2 files away"},
    typed="delete 2",
)


@pytest.fixture
def asking(world):
    """A run that asks before it deletes."""
    job = world.a_job("photos")
    run = world.a_running_run(job)
    return world.house.service.manager.hold(run.id, run.attempt, QUESTION)


def forms_of(page):
    return page.select("#question form")


def test_a_run_that_asks_shows_its_question_with_the_careful_answer_first(reader, asking):
    page = reader.open(f"/runs/{asking.id}")

    panel = page.select_one("#question")
    assert "Take 2 files (1.2 MB) away from /srv/photos?" in words(panel)
    assert "b <b>.jpg" in words(panel)
    assert [words(button) for button in panel.select("button")] == ["Keep them all", "Take 2 files away"]
    assert panel.select_one(f'a[href="/runs/{asking.id}/deletion"]')
    assert "Resume" not in words(page.select_one(".head"))


def test_a_run_that_asks_is_shown_as_needing_somebody_everywhere(reader, asking):
    dashboard, jobs, job = reader.open("/"), reader.open("/jobs"), reader.open(f"/jobs/{asking.job_id}")

    assert words(dashboard.h1).startswith("One job needs you.")
    assert QUESTION.sentence in words(dashboard.select_one("#board-needs"))
    for page in (dashboard, jobs):
        assert page.select_one(f'a.btn[href="/runs/{asking.id}"]').text == "Answer"
    assert "Needs you" in words(jobs.select_one("tbody"))
    assert job.select_one("#question")


def test_an_answer_is_given_without_scripts(world, reader, asking):
    careful, _ = forms_of(reader.open(f"/runs/{asking.id}"))

    answer = reader.send(careful, careful.button)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{asking.id}")
    given = world.house.service.manager.answered(asking.id)
    assert (given.question, given.answer, given.by) == ("q1", "keep", "ada")
    assert not reader.open(f"/runs/{asking.id}").select_one("#question")


def test_an_answer_that_was_not_typed_right_is_told_beside_it(world, reader, asking):
    _, harmful = forms_of(reader.open(f"/runs/{asking.id}"))

    page = reader.read(reader.send(harmful, harmful.button, typed="delete 3"))

    assert reader.status == 422
    assert "Type exactly: delete 2" in words(page.select_one("#question"))
    assert world.house.service.manager.answered(asking.id) is None


def test_an_answer_to_another_question_is_refused(world, reader, asking):
    careful, _ = forms_of(reader.open(f"/runs/{asking.id}"))

    reader.read(reader.send(careful, careful.button, question="q0"))

    assert reader.status == 409
    assert world.house.service.manager.question(asking.id) is not None


def test_what_is_wrong_with_a_copy_is_named_file_by_file(world, reader):
    proof = {
        "mode": "full",
        "sentence": "3 of 60 files are not as they should be.",
        "proved": 57,
        "proved_bytes": 1_000_000,
        "damaged": ["a<i>.jpg"],
        "missing": ["b.jpg"],
        "unreadable": [],
        "problems": {"damaged": 1, "missing": 25, "changed": 2},
    }
    run = a_verified_run(world, world.a_job("photos"), verified=False, verification=proof)

    panel = reader.open(f"/runs/{run.id}").select_one("section[aria-labelledby=proof]")

    said = words(panel)
    assert "Damaged: 1 a<i>.jpg" in said
    assert "Missing: 25 b.jpg and 24 more" in said
    assert "57 files, 1.0 MB" in said
    assert "2 files, for the next run to prove" in said
    assert not panel.select('[data-st="ok"]')


def test_what_was_taken_from_the_source_and_what_stayed_is_shown(world, reader):
    deletion = {
        "files": 2,
        "bytes": 1_200_000,
        "kept": [{"path": "c.jpg", "why": "It changed."}],
        "kept_files": 1,
        "mode": "quarantine",
        "sentence": "2 files were taken away and kept aside for 7 days; 1 stay.",
        "receipt": "receipts/one.jsonl",
    }
    run = a_verified_run(world, world.a_job("photos"), deletion=deletion)

    panel = reader.open(f"/runs/{run.id}").select_one("section[aria-labelledby=deletion]")

    assert "2 files taken away, 1.2 MB" in words(panel)
    assert "c.jpg It changed." in words(panel)
    assert panel.select_one('a[href="/quarantines"]')
    assert "receipts/one.jsonl" in words(panel)


def test_each_of_several_copies_is_shown_with_a_proof_of_its_own(world, reader):
    copies = [
        {"destination": "nas", "kind": "rsync", "state": "completed", "verified": True, "sentence": "All."},
        {"destination": "b2", "kind": "restic", "state": "completed", "verified": False, "sentence": ""},
        {"destination": "usb", "kind": "copy", "state": "failed", "verified": False, "sentence": "Full."},
    ]
    run = a_verified_run(world, world.a_job("photos"), verified=False, copies=copies)

    rows = reader.open(f"/runs/{run.id}").select("section[aria-labelledby=copies] li")

    assert [words(row.select_one(".st")) for row in rows] == ["Verified", "Copied, not verified", "Failed"]


def test_a_copy_without_any_evidence_is_never_good(world, reader):
    run = world.a_running_run(world.a_job("photos"))
    world.house.service.manager.complete(run.id, run.attempt, Outcome())

    page = reader.open(f"/runs/{run.id}")

    assert "Copied, not verified" in words(page.select_one(".head"))
    assert not page.select('main [data-st="ok"]')


def test_runs_that_ended_well_with_warnings_have_a_chip_of_their_own(world, reader):
    warned, good = world.a_job("warned"), world.a_job("good")
    run = world.a_running_run(warned)
    world.house.service.manager.complete(run.id, run.attempt, Outcome(result=VERIFIED, warnings=("A.", "B.")))
    a_verified_run(world, good)

    page = reader.open("/jobs?state=warned")

    assert words(page.select_one('.chips a[aria-current="true"]')) == "With warnings 1"
    (row,) = page.select("tbody tr")
    assert "warned" in words(row)
    assert "Verified, with 2 warnings" in words(row)


def test_a_snapshot_that_is_gone_is_not_green(world, reader):
    run = a_verified_run(world, world.a_job("photos"), snapshot="31c9023b", repository="safe")
    gone = {run.id: {"snapshot": "31c9023b" + 56 * "0", "since": "2026-11-20T00:00:00Z"}}
    looked_at(world, {"at": "2026-11-20T00:00:00Z", "gone": gone})

    panel = reader.open(f"/runs/{run.id}").select_one("section[aria-labelledby=proof]")

    assert "31c9023b Gone from the destination Gone from the repository since 2026-11-20." in words(panel)
    assert panel.select_one("dd .st")["data-st"] == "failed"


def looked_at(world, seen):
    """Have a repository looked at."""
    world.house.service.manager.change_registers(lambda _: {"snapshots/safe": seen})


def test_a_snapshot_that_a_lost_run_had_finished_is_shown_with_it(world, reader, tmp_path):
    (tmp_path / "password").write_text("pw")
    options = {"destination": str(tmp_path / "repository"), "password_file": str(tmp_path / "password")}
    draft = JobDraft(name="kept safe", kind="restic", options=world.options() | options)
    job = world.house.service.manager.create(draft, asked_by="ada")
    run = a_failed_run(world, job)
    before = reader.open(f"/runs/{run.id}").select_one("section[aria-labelledby=proof]")
    looked_at(world, {"at": "2026-11-20T00:00:00Z", "there": {run.id: "99c9023b" + 56 * "0"}})

    panel = reader.open(f"/runs/{run.id}").select_one("section[aria-labelledby=proof]")

    assert before is None
    assert "99c9023b Found at the destination" in words(panel)


def test_a_result_of_any_shape_is_shown_without_a_mistake_of_ours(world, reader):
    odd = {"verification": {"sentence": 7, "damaged": 3, "problems": [1]}, "copies": "no", "deletion": [1]}
    run = a_verified_run(world, world.a_job("photos"), **odd, snapshot={"a": 1}, reread=5)

    page = reader.open(f"/runs/{run.id}")

    assert reader.status == 200
    assert not page.select("section[aria-labelledby=deletion], section[aria-labelledby=copies]")
