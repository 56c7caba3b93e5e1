"""What is kept is in sight."""

from datetime import timedelta

import pytest

from core.holdings import OwnBackup, Reach, Room
from core.people import Role
from core.storage.base import Problem
from tests.fastapi_app.pages.conftest import Reader, a_verified_run, words


def figures_of(page):
    return {
        words(each.select_one("dt")): words(each.select_one("dd")) for each in page.select(".stats > div")
    }


def facts_of(page):
    return {
        words(name): words(name.find_next_sibling("dd"))
        for facts in page.select(".kv")
        for name in facts.select("dt")
    }


@pytest.fixture
def backed_up(world):
    """A backup of nine hours ago, and a journal that reaches back twelve days."""
    now = world.clock.now()
    backup = OwnBackup(
        name="holdfast-1.tar.zst", made_at=now - timedelta(hours=9), bytes=1_400_000, verified_at=now
    )
    world.house.service.stock.reach = lambda: Reach(backup=backup, earliest=now - timedelta(days=12))
    return backup


def test_the_store_page_says_what_is_held_and_what_that_costs(world, reader, backed_up):
    job = world.a_job()
    run = a_verified_run(world, job)
    world.house.service.logs.write(run.id, "info", "done")
    world.house.service.logs.close(run.id)

    page = reader.open("/store")

    assert figures_of(page)["Jobs"] == "1"
    assert figures_of(page)["Runs"] == "1"
    assert "free" in " ".join(figures_of(page)).lower()
    (row,) = [row for row in page.select("table tbody tr") if words(row.select_one("b")) == "Logs"]
    assert words(row.select("td")[1]) == "1"
    facts = facts_of(page)
    assert facts["Own backup"].startswith("9 h ago Read back and whole, 1.4 MB")
    assert backed_up.name in facts["Own backup"]
    assert facts["Goes back to"].startswith("9 Nov 2026 07:42 UTC")
    assert facts["Runs"] == "The newest 50 of each job, and all that are not older than 400 days"
    assert facts["Logs"] == "Not older than 400 days, together up to 2.0 GB"
    assert facts["Next"] == "Nothing has been kept long enough to go."


def test_the_store_page_names_everything_that_could_not_be_read(world, reader):
    job = world.a_job("photos")
    aside = world.folder / "data" / "quarantine" / "20261121T074200Z-mail.yaml"
    aside.parent.mkdir(parents=True)
    aside.write_bytes(b"\0" * 700)
    manager = world.house.service.manager
    kept = "quarantine/20261121T074200Z-mail.yaml"
    manager.note_mistake("0" * 8, Problem(path="jobs/40/mail.yaml", message="It is all zeros.", kept=kept))
    manager.note_mistake(
        job.id,
        Problem(path="jobs/3f/photos.yaml", message="No such kind.", line=3, column=7, job_id=job.id),
    )

    page = reader.open("/store")

    first, second = page.select('[aria-labelledby="wrong"] li')
    assert "jobs/40/mail.yaml It is all zeros. Kept as quarantine/20261121T074200Z-mail.yaml" in words(first)
    assert "jobs/3f/photos.yaml, line 3, column 7 No such kind." in words(second)
    assert second.select_one("a")["href"] == f"/jobs/{job.id}"
    assert "quarantine/20261121T074200Z-mail.yaml" in words(page.select_one('[aria-labelledby="aside"]'))
    assert "700 B" in words(page.select_one('[aria-labelledby="aside"]'))


def test_only_an_administrator_backs_up_and_compacts_from_the_page(people):
    shown = {}
    for role, browser in people.items():
        page = Reader(browser).open("/store")
        shown[role] = [words(button) for button in page.select(".head button")]

    assert shown == {
        Role.VIEWER: [],
        Role.OPERATOR: [],
        Role.ADMIN: ["Back up now", "Compact now"],
    }
    for role in (Role.VIEWER, Role.OPERATOR):
        for verb in ("backup", "compact"):
            assert people[role].post(f"/store/{verb}").status_code == 403


@pytest.mark.parametrize(
    ("free", "total", "said"),
    [
        (48_000_000, 500_000_000, "Only 48.0 MB of 500 MB are free on the disk."),
        (4_000_000_000, 250_000_000_000, "Only 4.0 GB of 250 GB are free on the disk."),
    ],
)
def test_a_disk_that_is_nearly_full_is_told_before_it_is_full(world, reader, free, total, said):
    world.house.service.stock.room = lambda: Room(free=free, total=total)

    page = reader.open("/store")

    assert f"{said} Make room" in words(page.select_one('[aria-labelledby="see-to"]'))


def test_a_disk_with_room_and_a_new_backup_need_nobody(world, reader, backed_up):
    world.house.service.stock.room = lambda: Room(free=20_000_000_000, total=250_000_000_000)

    assert reader.open("/store").select_one('[aria-labelledby="see-to"]') is None


def test_what_could_not_be_done_is_told_with_its_reason(world, reader):
    def refuses():
        raise OSError(28, "no space")

    housekeeping = world.house.service.housekeeping
    housekeeping.add("the backup of everything", refuses, every=60)
    housekeeping.tend()

    warning = words(reader.open("/store").select_one('[aria-labelledby="see-to"]'))
    assert "Not done: the backup of everything." in warning
    assert "no room left on the disk" in warning


def test_growth_is_told_once_a_day_has_passed(world):
    stock = world.house.service.stock
    (world.folder / "data" / "state").mkdir(parents=True)
    stock.sample()
    world.clock.pass_by(timedelta(days=2))
    (world.folder / "data" / "large").write_bytes(b"x" * 2_000_000)

    reader = Reader(world.signed_in())
    (takes,) = [each for each in reader.open("/store").select(".stats > div") if "Takes" in words(each)]

    assert "2.0 MB more than 2 d ago" in words(takes)


def test_a_backup_asked_for_on_the_page_is_made_read_back_and_shown(make_world):
    world = make_world()
    world.a_job("photos")
    reader = Reader(world.signed_in())
    page = reader.open("/store")
    form, compact = page.select(".head form")

    done = reader.open(reader.send(form).headers["location"])
    compacted = reader.open(reader.send(compact).headers["location"])

    (made,) = (world.folder / "data" / "backups" / "own-state").iterdir()
    assert facts_of(page)["Own backup"].startswith("None yet")
    assert words(done.select_one("[role=status].st")) == "Backed up, read back and found whole."
    assert facts_of(done)["Own backup"].startswith("just now Read back and whole")
    assert made.name in facts_of(done)["Own backup"]
    assert words(compacted.select_one("[role=status].st")).startswith("Compacted: ")
