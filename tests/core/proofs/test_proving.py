"""Copies read back in every way: what is called verified, and what never is."""

import os
import time
from pathlib import Path

import pytest

from core.proofs.children import reading
from core.proofs.readers import CannotRead
from core.proofs.records import read_records
from core.proofs.values import FolderReading, ProgramReading, RemoteRsyncReading
from tests.core.proofs.conftest import LARGE, PATH, an_hour_ago
from tests.faults.reports import Effort
from tests.faults.samples import samples_of_damage

WAYS = ("folder", "digests", "tar", "rsync")
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


def a_copied_tree(scene):
    scene.has("letter.txt", b"Dear all, ...")
    scene.has("photos/2026/one.jpg", os.urandom(3_000))
    scene.has("photos/2026/empty.jpg", b"")
    scene.has("photos/large.raw", bytes(LARGE))
    scene.has("odd names/ä *?[x] \\ 'q' \"d\" #012.txt")
    scene.carried()


@EVERY_WAY
def test_a_copy_that_is_equal_is_verified(scene, way):
    a_copied_tree(scene)

    proof = scene.proof(way)

    assert proof.verified, proof
    assert (proof.files, proof.proved) == (5, 5)
    assert proof.proved_bytes == proof.bytes > LARGE
    assert proof.sentence.startswith("All 5 files were read back from the destination and match")
    assert scene.records(proof) == sorted(scene.records(proof))
    assert len(scene.records(proof)) == 5


@EVERY_WAY
@pytest.mark.parametrize("name", ["photos/2026/one.jpg", "photos/large.raw"])
def test_a_flipped_bit_is_found_however_the_destination_is_read(scene, way, name):
    a_copied_tree(scene)
    scene.flip(name)

    proof = scene.proof(way)

    assert not proof.verified
    assert proof.problems == {"damaged": 1}
    assert proof.damaged[0].startswith(name)
    assert name not in scene.records(proof)
    assert proof.proved == 4


@pytest.mark.parametrize("way", ["folder", "digests", "tar", "restored", "rsync"])
def test_a_sample_of_every_file_finds_the_flipped_bit_too(scene, way):
    for number in range(12):
        scene.has(f"{number}.txt", os.urandom(100))
    scene.carried()
    scene.flip("7.txt")

    proofs = [
        scene.proof(way, verify="sample", confidence=0.9, good_share=0.6, seed=seed) for seed in range(6)
    ]

    assert {proof.sample for proof in proofs} == {4}
    assert {proof.verified for proof in proofs} == {True, False}
    for proof in proofs:
        assert proof.verified == ("7.txt" not in str(proof.damaged))
        assert proof.proved == (4 if proof.verified else 3)
        assert not (scene.work / "restored").exists()


@EVERY_WAY
def test_a_file_that_is_missing_at_the_destination_is_named(scene, way):
    a_copied_tree(scene)
    (scene.copy / "letter.txt").unlink()

    proof = scene.proof(way)

    assert not proof.verified
    assert proof.missing == ("letter.txt: it is not at the destination",)
    assert proof.sentence == "4 of 5 files were read back and found equal; 1 are missing there."


@EVERY_WAY
def test_a_file_that_came_during_the_run_is_a_warning_and_no_failure(scene, way):
    a_copied_tree(scene)
    began = time.time_ns()
    scene.has("late.txt")

    proof = scene.proof(way, since_ns=began)

    assert proof.verified
    assert (proof.proved, proof.problems) == (5, {"changed": 1})
    assert "late.txt" in proof.warnings[0]
    assert "late.txt" not in scene.records(proof)
    assert (scene.source / "late.txt").exists()


def test_a_file_dated_in_the_future_is_held_against_the_copy(scene):
    a_copied_tree(scene)
    later = time.time() + 10**8
    os.utime(scene.source / "letter.txt", (later, later))
    began = time.time_ns()
    scene.flip("letter.txt")

    proof = scene.proof(since_ns=began + 1)

    assert not proof.verified
    assert proof.problems == {"damaged": 1}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_link_leads_to_is_never_read(scene, way, tmp_path):
    secret = tmp_path / "outside" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("secret")
    scene.has("file.txt")
    (scene.source / "link.txt").symlink_to(secret)
    (scene.source / "folder").symlink_to(secret.parent)
    scene.carried()

    proof = scene.proof(way)

    assert proof.verified
    assert (proof.files, proof.proved) == (1, 1)
    assert scene.records(proof) == ["file.txt"]
    assert ("2 symbolic links were not looked at" in proof.sentence) == (way != "folder")


def test_a_link_that_leads_elsewhere_at_the_destination_is_found(scene):
    scene.has("file.txt")
    (scene.source / "link").symlink_to("file.txt")
    (scene.source / "gone").symlink_to("file.txt")
    scene.carried()
    (scene.copy / "link").unlink()
    (scene.copy / "link").symlink_to("/etc/passwd")
    (scene.copy / "gone").unlink()

    proof = scene.proof()

    assert not proof.verified
    assert proof.damaged == ("link: the link leads elsewhere at the destination",)
    assert proof.missing == ("gone: the link is not at the destination",)
    assert scene.proof(FolderReading(root=str(scene.copy), links=False)).verified


def test_a_link_in_a_files_place_is_no_copy_of_it(scene):
    a_copied_tree(scene)
    (scene.copy / "letter.txt").unlink()
    (scene.copy / "letter.txt").symlink_to(scene.source / "letter.txt")
    shifted = scene.copy / "moved"
    (scene.copy / "photos").rename(shifted)
    (scene.copy / "photos").symlink_to(shifted)

    proof = scene.proof()

    assert not proof.verified
    assert proof.problems == {"damaged": 1, "missing": 3}


def test_the_very_file_of_the_source_is_no_copy_of_itself(scene):
    path = scene.has("one.txt")
    scene.copy.mkdir()
    (scene.copy / "one.txt").hardlink_to(path)

    proof = scene.proof()

    assert not proof.verified
    assert "very file of the source" in proof.damaged[0]


@pytest.mark.parametrize("way", ["folder", "tar", "rsync"])
def test_a_name_that_is_no_text_is_proved_where_it_can_be_told(scene, way):
    for name in ("two\nlines", "\udcff\udcfe", "\\#012", "ends\r"):
        scene.has(name, name.encode(errors="surrogateescape"))
    scene.carried()

    good = scene.proof(way)
    scene.flip("two\nlines")
    bad = scene.proof(way)

    assert good.verified
    assert good.proved == 4
    assert not bad.verified
    assert bad.damaged == ("two\\nlines: its bytes differ",)


@pytest.mark.parametrize("name", ["two\nlines", "\udcff\udcfe", "ends\r"])
@pytest.mark.parametrize("verify", ["full", "sample", "fast"])
def test_a_name_that_cannot_be_told_in_a_list_is_never_called_verified(scene, name, verify):
    scene.has(name)
    scene.has("plain.txt")
    scene.carried()

    proof = scene.proof("digests", verify=verify)

    assert not proof.verified
    assert "cannot be told in a list" in str(proof.unreadable)


def test_a_destination_cannot_speak_for_another_file_by_a_name_with_a_line_break(scene):
    scene.has("victim.txt")
    scene.carried()
    digests = (
        f'cd {scene.copy} && for f in *; do printf "%s  %s\\n" $(sha256sum <"$f" | cut -c1-64) "$f"; done'
    )
    naive = ProgramReading(
        argv=("sh", "-c", digests),
        sizes_argv=("find", str(scene.copy), "-type", "f", "-printf", "%s;%P\\n"),
        environment=PATH,
    )
    good = scene.proof(naive)
    digest = next(read_records(Path(good.records))).digest.hex()
    (scene.copy / "victim.txt").unlink()
    (scene.copy / f"x\n{digest}  victim.txt").write_bytes(b"anything")

    proof = scene.proof(naive)

    assert good.verified
    assert not proof.verified
    assert "line break" in proof.unreadable[0]
    assert proof.records == ""


def test_two_that_go_by_one_name_prove_nothing(scene):
    scene.has("one.txt", b"one")
    scene.carried()
    script = 'sha256sum one.txt | sed "s,x,x,"; echo other | sha256sum | sed "s,-,one.txt,"'
    twice = ProgramReading(argv=("sh", "-c", f"cd {scene.copy} && {{ {script}; }}"), environment=PATH)

    proof = scene.proof(twice)

    assert not proof.verified
    assert "two that go by this name" in proof.unreadable[0]


def test_rsync_vouches_only_for_what_it_names(scene):
    a_copied_tree(scene)
    (scene.copy / "letter.txt").unlink()
    blind = RemoteRsyncReading(
        argv=("rsync", "-rlt", "--exclude=letter.txt"), place=f"{scene.copy}/", environment=PATH
    )

    proof = scene.proof(blind)

    assert not proof.verified
    assert proof.unreadable == ("letter.txt: rsync did not compare it",)


@pytest.mark.parametrize("code", [1, 23])
def test_a_program_that_ends_badly_proves_nothing(scene, code):
    scene.has("one.txt", b"one")
    scene.carried()
    script = f"cd {scene.copy} && sha256sum one.txt; exit {code}"
    bad = ProgramReading(argv=("sh", "-c", script), environment=PATH)

    with pytest.raises(CannotRead) as told:
        scene.proof(bad)

    assert str(told.value) == f"sh ended with {code} while it read the destination back."
    assert not (scene.work / "records").exists()


def test_a_destination_that_is_gone_proves_nothing(scene):
    scene.has("one.txt")
    scene.carried()
    ways = scene.ways
    scene.copy.rename(scene.copy.with_name("elsewhere"))

    for way in ("folder", "digests", "tar"):
        with pytest.raises(CannotRead):
            scene.proof(ways[way])
    with pytest.raises(CannotRead):
        scene.proof(ProgramReading(argv=("/no/such/program",), environment=PATH))

    assert not scene.proof(ways["rsync"]).verified


@pytest.mark.parametrize("cut", [700, 3_000])
def test_an_archive_that_breaks_off_proves_nothing_of_what_it_lacks(scene, cut):
    scene.has("a.bin", os.urandom(5_000))
    scene.carried()
    script = f"tar -C {scene.copy} -cf - . | head -c {cut}"
    bad = ProgramReading(argv=("sh", "-c", script), environment=PATH, understood="tar")

    try:
        proof = scene.proof(bad)
    except CannotRead as error:
        said = str(error)
    else:
        said = "" if proof.verified else proof.missing[0]

    assert said in {
        "The archive in which the destination was given back is damaged or breaks off.",
        "a.bin: it is not at the destination",
    }


@pytest.mark.parametrize("way", ["folder", "digests", "rsync"])
def test_a_fast_look_never_says_verified(scene, way):
    a_copied_tree(scene)

    good = scene.proof(way, verify="fast")
    scene.flip("photos/2026/one.jpg")
    flipped = scene.proof(way, verify="fast")
    (scene.copy / "photos/2026/one.jpg").write_bytes(b"short")
    (scene.copy / "letter.txt").unlink()
    bad = scene.proof(way, verify="fast")

    assert not good.verified
    assert "nothing was read back" in good.sentence
    assert flipped.problems == {}
    assert (good.proved, good.records) == (0, "")
    assert bad.problems == {"damaged": 1, "missing": 1}


def test_a_fast_look_at_what_cannot_be_listed_says_so(scene):
    scene.has("one.txt")
    scene.carried()

    proof = scene.proof("tar", verify="fast")

    assert not proof.verified
    assert "cannot be listed" in proof.sentence


def test_a_sample_says_how_sure_it_makes_us(scene):
    for number in range(300):
        scene.has(f"{number}.txt", b"%d" % number)
    scene.carried()

    proof = scene.proof(verify="sample", confidence=0.95, good_share=0.99)

    assert proof.verified
    assert proof.sample == proof.proved < 300
    assert proof.sentence == (
        f"{proof.sample} of 300 files, drawn at random, were read back and are good: "
        "95 % sure that at least 99 % of the files are good."
    )


def test_a_drawn_file_that_changed_is_replaced_by_another(scene):
    for number in range(40):
        scene.has(f"{number}.txt", b"%d" % number)
    scene.carried()
    began = time.time_ns()
    for number in range(20):
        scene.has(f"{number}.txt", b"other")

    proof = scene.proof(verify="sample", confidence=0.9, good_share=0.8, since_ns=began)

    assert proof.verified
    assert proof.proved == proof.sample
    assert proof.problems["changed"] > 0


def test_what_is_left_out_and_what_is_our_own_is_no_part_of_the_proof(scene, tmp_path):
    scene.has("keep/one.txt")
    scene.has("drop/two.tmp")
    scene.has("own/data.bin")
    scene.has(".holdfast-quarantine/run/three.txt")
    scene.copy.mkdir()
    (scene.copy / "keep").mkdir()
    (scene.copy / "keep/one.txt").write_bytes(b"some bytes")

    proof = scene.proof(patterns=("*.tmp",), folders_left_out=(str(scene.source / "own"),))

    assert proof.verified
    assert scene.records(proof) == ["keep/one.txt"]


def test_an_empty_source_proves_nothing(scene):
    scene.carried()

    proof = scene.proof()

    assert not proof.verified
    assert proof.sentence == "There was no file to read back."
    assert proof.problems == {}


def test_a_source_that_is_not_there_proves_nothing(scene):
    scene.carried()

    with pytest.raises(CannotRead, match="cannot be opened"):
        scene.proof(source=str(scene.source / "gone"))


def test_a_record_says_what_the_file_was_when_it_was_read(scene):
    path = scene.has("one.txt")
    scene.carried()

    proof = scene.proof(since_ns=an_hour_ago())
    record = next(read_records(Path(proof.records)))

    info = path.stat()
    assert (record.size, record.mtime_ns, record.ctime_ns) == (
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
    )
    assert (record.inode, record.device, record.path) == (info.st_ino, info.st_dev, b"one.txt")


def test_a_program_carries_the_mark_of_its_run(monkeypatch):
    monkeypatch.setenv("HOLDFAST_RUN", "run-1:1")
    monkeypatch.setenv("OTHER", "not passed on")

    with reading(("/usr/bin/env",), {"A": "b"}) as stream:
        said = stream.read().split()

    assert sorted(said) == [b"A=b", b"HOLDFAST_RUN=run-1:1"]


def test_a_sample_overlooks_no_more_than_it_says(tmp_path):
    tally = samples_of_damage(Effort(seed=26, whole=False), tmp_path)

    assert tally.number == 240
    assert tally.wrongs == []


def test_a_copy_is_not_verified_where_most_of_its_source_changed_meanwhile(scene):
    for number in range(5):
        scene.has(f"{number}.txt", b"some bytes")
    scene.carried()
    for number in range(3):
        (scene.copy / f"{number}.txt").unlink()  # and all were given another mode since the program began

    most = scene.proof(since_ns=an_hour_ago())
    (scene.source / "0.txt").unlink()
    half = scene.proof(since_ns=an_hour_ago())

    assert (most.verified, most.proved, most.problems) == (False, 2, {"changed": 3})
    assert (half.verified, half.proved, half.problems) == (True, 2, {"changed": 2})
