"""A proof is about the places it was made of, whatever the job says later."""

from core.drafts import JobPatch
from tests.fastapi_app.pages.conftest import a_verified_run, words


def test_a_proof_of_another_place_is_not_shown_for_todays(world, reader, tmp_path):
    job = world.a_job("photos")
    run = a_verified_run(world, job)
    (tmp_path / "elsewhere").mkdir()
    options = {**job.options, "destination": str(tmp_path / "elsewhere" / "never-copied")}
    world.house.service.manager.edit(job.id, JobPatch(options=options), version=job.version)

    safety = words(reader.open(f"/jobs/{job.id}").select_one("[aria-labelledby=safe]"))
    heading = words(reader.open(f"/jobs/{job.id}").select_one(".head"))
    dashboard = words(reader.open("/").select_one("main"))
    old = words(reader.open(f"/runs/{run.id}").select_one("main"))

    assert "No verified copy yet" in safety
    assert "Verified" not in heading
    assert "never-copied" in heading
    assert "No verified copy" in dashboard
    assert job.options["destination"] in old
    assert "never-copied" not in old
