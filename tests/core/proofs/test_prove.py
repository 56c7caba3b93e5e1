"""The proof as a program of an attempt: taken up, cancelled, told, and insisted on."""

import os
import subprocess
import threading
import time
from pathlib import Path

import msgspec
import pytest

from core.errors import EngineFailed
from core.processes.ours import argv_of
from core.proofs import PROGRAM, insist, prove
from core.proofs.records import BadRecords, Record, RecordWriter, read_records
from core.proofs.spool import Seen, Spool, order_of_drawing
from core.proofs.values import FolderReading, ProgramReading, Proof
from core.work import Copied, LeftAtWork, RunStopped
from tests.core.copying.humble import PUT_DOWN
from tests.core.processes.conftest import until
from tests.core.proofs.conftest import PATH
from tests.doubles import ScriptedContext

A_RECORD = Record(
    path=b"a/b",
    size=3,
    mtime_ns=-5,
    ctime_ns=7,
    inode=2**64 - 1,
    device=9,
    algorithm="sha256",
    digest=b"d" * 32,
)


class Leaving(ScriptedContext):
    """A run whose server goes away while its program is at work."""

    gone = False

    @property
    def asked(self):
        if self.gone:
            raise LeftAtWork

    @asked.setter
    def asked(self, _):
        """Nobody asks for anything else."""


def a_slow_reading(scene, gate):
    """Return a reading that says it is there and waits until the gate is opened."""
    script = (
        f"cd {scene.copy}; touch {gate}.there; while [ ! -e {gate} ]; do sleep 0.05; done; sha256sum one.txt"
    )
    return ProgramReading(argv=("sh", "-c", script), environment=PATH)


@pytest.fixture
def context(tmp_path):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return ScriptedContext(workspace)


def test_a_proof_is_taken_up_after_a_restart_and_answers_the_same(scene, tmp_path):
    scene.has("one.txt")
    scene.carried()
    gate = tmp_path / "gate"
    wishes = scene.wishes(a_slow_reading(scene, gate))
    first = Leaving(scene.work)
    threading.Thread(
        target=lambda: (until(Path(f"{gate}.there").exists), setattr(first, "gone", True))
    ).start()
    with pytest.raises(LeftAtWork):
        prove(first, wishes)

    gate.touch()
    again = prove(ScriptedContext(scene.work), wishes)
    once_more = prove(ScriptedContext(scene.work), wishes)

    assert again.verified
    assert again == once_more
    assert [record.path for record in read_records(Path(again.records))] == [b"one.txt"]


def test_a_proof_that_is_cancelled_leaves_nothing_running(scene, tmp_path, context):
    scene.has("one.txt")
    scene.carried()
    gate = tmp_path / "gate"
    wishes = scene.wishes(a_slow_reading(scene, gate))
    there = Path(f"{gate}.there")
    threading.Thread(target=lambda: (until(there.exists), setattr(context, "asked", "cancel"))).start()

    with pytest.raises(RunStopped):
        prove(context, wishes)

    assert str(gate) not in subprocess.check_output(["/bin/ps", "-eo", "args"], text=True)
    assert not (context.workspace / "proof" / "outcome.json").exists()


def test_a_proof_tells_how_far_it_is_and_keeps_that_out_of_the_log(scene, context):
    scene.has("one.txt", bytes(100_000))
    scene.carried()

    proof = prove(context, scene.wishes())

    assert proof.verified
    assert {progress.stage for progress in context.reported} == {"verify"}
    assert context.reported[-1].total == 200_000
    assert context.infos == context.warnings == []


def test_what_a_program_said_last_is_part_of_why_nothing_is_proved(scene, context):
    scene.has("one.txt")
    scene.carried()
    bad = ProgramReading(argv=("sh", "-c", "echo no such remote >&2; exit 5"), environment=PATH)

    with pytest.raises(EngineFailed) as failed:
        prove(context, scene.wishes(bad))

    assert str(failed.value) == "sh ended with 5 while it read the destination back. It said: no such remote"
    assert failed.value.transient
    assert "Nothing was deleted" in failed.value.hint


def test_what_cannot_be_read_is_never_verified(scene):
    scene.has("one.txt")
    scene.has("closed.txt")
    scene.has("closed/two.txt")
    scene.carried()
    for name in ("closed.txt", "closed"):
        (scene.source / name).chmod(0)
    (scene.work / "wishes.json").write_bytes(msgspec.json.encode(scene.wishes()))

    subprocess.run([*PUT_DOWN, *argv_of(PROGRAM, str(scene.work))], check=True, capture_output=True)

    proof = msgspec.json.decode((scene.work / "outcome.json").read_bytes(), type=Proof)
    assert not proof.verified
    assert proof.problems == {"unreadable": 2}
    assert proof.unreadable == ("closed: permission denied", "closed.txt: in the source, permission denied")
    assert proof.proved == 1


def test_a_file_that_changes_while_it_is_read_is_not_proved(scene, monkeypatch):
    path = scene.has("one.txt", b"before")
    scene.has("two.txt")
    scene.carried()
    whole = os.preadv

    def disturbed(*words):
        path.write_bytes(b"before")  # the same bytes at another time
        return whole(*words)

    monkeypatch.setattr(os, "preadv", disturbed)

    proof = scene.proof()

    assert scene.records(proof) == ["two.txt"]
    assert proof.problems == {"changed": 1}
    assert "changed while it was read" in proof.warnings[0]


def test_a_disk_that_goes_during_the_proof_leaves_it_unproved(scene, monkeypatch):
    for number in range(20):
        scene.has(f"{number}.txt")
    scene.carried()
    whole = os.preadv

    def unplugged(*words):
        for path in scene.source.iterdir():
            path.unlink()
        return whole(*words)

    monkeypatch.setattr(os, "preadv", unplugged)

    proof = scene.proof()

    assert not proof.verified
    assert "is its disk gone?" in proof.unreadable[0]


def test_a_file_that_comes_while_the_source_is_looked_through_is_no_failure(scene, monkeypatch):
    scene.has("one.txt")
    scene.carried()
    whole = os.scandir

    def busy(folder):
        scene.has("late.txt")
        return whole(folder)

    began = time.time_ns()
    monkeypatch.setattr(os, "scandir", busy)

    proof = scene.proof(since_ns=began)

    assert proof.verified
    assert proof.problems == {"changed": 1}


def test_records_that_were_cut_or_changed_are_noticed(tmp_path):
    path = tmp_path / "records"
    with RecordWriter(path) as writer:
        writer.write(A_RECORD)
        writer.write(A_RECORD)
        writer.finish()
    whole = path.read_bytes()

    assert list(read_records(path)) == [A_RECORD, A_RECORD]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(BadRecords):
            list(read_records(path))
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(BadRecords):
            list(read_records(path))
    path.write_bytes(whole + b"x")
    with pytest.raises(BadRecords):
        list(read_records(path))


def test_a_failed_proof_names_what_is_wrong_and_keeps_the_result(scene):
    scene.has("one.txt")
    scene.has("two.txt")
    scene.has("three.txt")
    scene.carried()
    scene.flip("one.txt")
    (scene.copy / "two.txt").unlink()
    proof = scene.proof()

    with pytest.raises(EngineFailed) as failed:
        insist(proof, Copied(since_ns=0, files=2, result={"snapshot": "abc"}))

    assert "1 file differs at the destination, 1 file is missing there" in str(failed.value)
    assert "one.txt: its bytes differ" in str(failed.value)
    assert not failed.value.transient
    result = failed.value.result or {}
    assert result["verified"] is False
    assert result["verification"]["missing"] == ("two.txt: it is not at the destination",)
    assert result["snapshot"] == "abc"


def test_insisting_on_a_good_proof_says_nothing(scene):
    scene.has("one.txt")
    scene.carried()

    insist(scene.proof(), Copied(since_ns=0))
    insist(scene.proof(verify="fast"), Copied(since_ns=0))


def test_every_number_is_drawn_once_whatever_the_seed():
    for seed in range(5):
        assert sorted(order_of_drawing(50, seed)) == list(range(50))
    assert list(order_of_drawing(50, 1)) != list(order_of_drawing(50, 2))


def test_the_largest_numbers_of_a_file_system_are_kept(tmp_path):
    seen = Seen(b"a", 2**62, -1, 2**62, 2**64 - 1, 2**63)
    spool = Spool(tmp_path / "spool")
    spool.add([seen])
    spool.draw_all()

    assert [one for page in spool.pages() for one, _ in page] == [seen]


def test_a_destination_is_read_from_its_disk_and_not_from_memory(scene, monkeypatch):
    dropped = []
    scene.has("one.txt")
    scene.carried()
    whole = os.posix_fadvise
    monkeypatch.setattr(os, "posix_fadvise", lambda *words: (dropped.append(words[3]), whole(*words)))

    proof = scene.proof(FolderReading(root=str(scene.copy)))

    assert proof.verified
    assert os.POSIX_FADV_DONTNEED in dropped
