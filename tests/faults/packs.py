"""Single bits of a repository of restic that change behind our back: a full proof catches each, a sample as often as it claims."""

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.copying.sampling import sample_size
from core.engines.restic import ResticEngine
from core.errors import EngineFailed
from core.proofs.program import carry_out
from core.proofs.readers import CannotRead
from core.proofs.telling import Teller
from core.proofs.values import ProofWishes
from tests.doubles import ScriptedContext
from tests.faults.reports import Effort, Tally
from tests.faults.samples import bounds
from tests.servers import REPOSITORY_PASSWORD, a_repository

FILES = 40
CONFIDENCE = 0.5
SHARE = 0.97
RUN = "run-1"


class Scene:
    """A folder that was backed up once, by a run whose snapshot every later attempt adopts."""

    def __init__(self, place: Path, chance: random.Random) -> None:
        self.place = place
        self.source = place / "source"
        self.source.mkdir()
        for number in range(FILES):
            (self.source / str(number)).write_bytes(chance.randbytes(2_000))
        self.repository = a_repository(place / "repository")
        self.password = place / "password"
        self.password.write_text(REPOSITORY_PASSWORD)
        self._attempts = 0
        self.engine("fast").run(self.context())

    def engine(self, verify: str) -> ResticEngine:
        """Return the job's engine with this proof."""
        return ResticEngine.model_validate(
            {
                "source": self.source,
                "destination": str(self.repository),
                "password_file": self.password,
                "verify": verify,
                "reread_days": 0,
                "guard_changes": False,
                "guard_places": False,
                "sample_confidence": CONFIDENCE,
                "sample_good_share": SHARE,
            }
        )

    def context(self) -> ScriptedContext:
        """Return the context of the next attempt."""
        self._attempts += 1
        workspace = self.place / f"attempt-{self._attempts}"
        workspace.mkdir()
        context = ScriptedContext(workspace, own_data=self.place / "data")
        context.run_id, context.attempt = RUN, self._attempts
        return context

    @property
    def packs(self) -> list[Path]:
        """Return the files of the repository that hold data, contents of files and folders alike."""
        return sorted(path for path in (self.repository / "data").rglob("*") if path.is_file())

    @contextmanager
    def flipped(self, pack: Path, bit: int) -> Iterator[None]:
        """Have one bit of a pack wrong."""
        pack.chmod(0o600)
        good = pack.read_bytes()
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        pack.write_bytes(damaged)
        try:
            yield
        finally:
            pack.write_bytes(good)


def bits_caught_by_full(effort: Effort, place: Path) -> Tally:
    """Flip one bit anywhere in the packs, and let a run prove its snapshot in full."""
    tally = Tally("single bits of a repository, full proof")
    chance = random.Random(effort.seed)
    scene = Scene(place, chance)
    for number in range(effort.of(200, some=4)):
        pack = chance.choice(scene.packs)
        bit = chance.randrange(8 * pack.stat().st_size)
        with scene.flipped(pack, bit):
            caught = not _is_verified(scene)
        tally.tried([] if caught else [f"bit {bit} of {pack.name[:8]} was not caught"], where=str(number))
    if not _is_verified(scene):
        tally.wrongs.append("the good repository was not verified")
    return tally


def _is_verified(scene: Scene) -> bool:
    try:
        return scene.engine("full").run(scene.context()).result["verified"] is True
    except EngineFailed:
        return False


def bits_caught_by_a_sample(effort: Effort, place: Path) -> Tally:
    """Flip one bit of one file, and count how often a sample catches it, against the share that it draws."""
    tally = Tally("single bits of a repository, samples")
    chance = random.Random(effort.seed)
    scene = Scene(place, chance)
    wishes, work = _wishes(scene), place / "work"
    work.mkdir()
    pack = max(scene.packs, key=lambda path: path.stat().st_size)
    contents = pack.read_bytes()
    room = (
        len(contents) - int.from_bytes(contents[-4:], "little") - 4
    )  # behind that stands the pack's own list
    trials, caught = effort.of(200, some=12), 0
    for _ in range(trials):
        with scene.flipped(pack, chance.randrange(8 * room)):
            caught += not _passes(wishes, work, chance.getrandbits(64))
        tally.tried([], where="")
    share = sample_size(FILES, CONFIDENCE, SHARE) / FILES
    low, high = bounds(trials, share)
    tally.notes.append(
        f"{caught} of {trials} caught; each sample draws {share:.1%}, so between {low} and {high} are"
    )
    tally.wrongs += [] if low <= caught <= high else [f"{caught} caught"]
    return tally


def _wishes(scene: Scene) -> ProofWishes:
    engine, context = scene.engine("sample"), scene.context()
    ground = engine.ground(context.surroundings)
    copied = engine.copy_all(context, ground)
    return ProofWishes(
        source=str(scene.source),
        reading=engine.reading(context, ground, copied),
        verify="sample",
        since_ns=copied.since_ns,
        confidence=CONFIDENCE,
        good_share=SHARE,
    )


def _passes(wishes: ProofWishes, work: Path, seed: int) -> bool:
    try:
        return carry_out(wishes, work, Teller(io.BytesIO()), seed).verified
    except CannotRead:
        return False
