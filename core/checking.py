"""Looks at a store as it lies there, changes nothing, and names everything that is wrong with it."""

import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.clock import Clock
from core.destinations.registered import DESTINATION, Registered, kept_in
from core.destinations.secret_files import FOLDER
from core.drafts import JobDraft, checked
from core.engines import engine_for
from core.engines.base import EngineMaker
from core.errors import HoldfastError, InvalidOptions, InvalidYaml, StorageFailed, StoreUnreadable
from core.models import Job, Value
from core.people import User
from core.storage import migration, yaml_text
from core.storage.archive import BadArchive, Told
from core.storage.auth_files import AuthFiles
from core.storage.base import Problem
from core.storage.checked import bad_lines, lines_of
from core.storage.definitions import Definition, definition_from, definition_of, same
from core.storage.folder import StoreFolder
from core.storage.history import History
from core.storage.lines import seed_of
from core.storage.looking import content, printable, problem_of, walk
from core.storage.marker import FORMAT, WITH_A_JOURNAL, read_marker
from core.storage.old_segments import content_of_kept, kept_segments
from core.storage.opening import Opened, read_state
from core.storage.unpacking import entries_of
from core.work import Surroundings

LOOKS: Final = 3
PAUSE: Final = 0.3
"""How often, and how many seconds apart, a store is looked at that somebody may be changing."""

MOST_NAMED: Final = 20
"""Of how many files that all have the same fault each is named."""

OTHERS: Final = 0o077


class Checked(Value, frozen=True, kw_only=True):
    """What was found. `notes` is what is worth knowing and no fault."""

    folder: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    jobs: int = 0
    runs: int = 0
    number: int = 0

    @property
    def clean(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems


class Check:
    """One look at a folder."""

    def __init__(self, root: Path, clock: Clock, *, make_engine: EngineMaker = engine_for) -> None:
        self._root = root.absolute()
        self._folder = StoreFolder(self._root, clock)
        self._make_engine = make_engine
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._state: Opened | None = None

    def check(self) -> Checked:
        """Name everything that is wrong."""
        if self._is_a_store():
            self._look_at_state()
            self._look_at_definitions()
            self._look_at_older_runs()
            self._look_at_logs()
            self._look_at_rights()
            self._look_at_accounts()
            self._look_at_secrets()
            self._look_at_quarantine()
        return self._checked()

    def verify(self, backups: Iterable[Path], told: Told | None = None) -> Checked:
        """Name everything that is wrong, and read every byte that has a checksum."""
        self.check()
        if self._state is not None:
            self._read_every_line()
            self._read_old_segments()
        return self.files(backups, told)

    def files(self, backups: Iterable[Path], told: Told | None = None) -> Checked:
        """Name what is wrong with backups; read every byte of them."""
        for path in backups:
            try:
                entries_of(path, told)
            except BadArchive as error:
                self._problems.append(Problem(path=self._told(path), message=f"{error} {error.hint}"))
        return self._checked()

    def _checked(self) -> Checked:
        state = self._state
        return Checked(
            folder=str(self._root),
            problems=tuple(self._problems),
            notes=tuple(self._notes),
            jobs=len(state.rows.jobs) if state else 0,
            runs=len(state.rows.runs) + len(state.rows.older) if state else 0,
            number=state.n if state else 0,
        )

    # Whether there is a store

    def _is_a_store(self) -> bool:
        """Tell whether there is a store of this format to look into; name what is there in its place."""
        if not self._root.is_dir():
            return self._name(self._root, "There is no such folder. Name the store's with --data.")
        try:
            self._folder.check()
        except StoreUnreadable as error:
            return self._name(self._root, f"{error} {error.hint}".strip())
        marker = read_marker(self._root / "store.yaml")
        if not os.path.lexists(self._root / "store.yaml"):
            return self._name(self._root, "There is no store in this folder yet.")
        if marker is None:
            self._name(self._root / "store.yaml", "It cannot be read. The next start writes it anew.")
        elif marker.store != self._folder.store_id:
            message = "It says something else than its copy and the state. The next start writes it anew."
            self._name(self._root / "store.yaml", message)
        if self._folder.format < FORMAT:
            self._name_what_is_to_be_brought_up()
            return self._folder.format >= WITH_A_JOURNAL
        if holder := self._folder.holder:
            self._notes.append(f"The store is in use{holder}.")
        return True

    def _name(self, path: Path, message: str) -> bool:
        self._problems.append(Problem(path=self._told(path), message=message))
        return False

    def _told(self, path: Path) -> str:
        return str(path.relative_to(self._root)) if path.is_relative_to(self._root) else str(path)

    def _name_what_is_to_be_brought_up(self) -> None:
        plan = migration.plan(self._folder)
        if self._folder.format < WITH_A_JOURNAL:  # the others are looked into as they stand
            self._problems += plan.problems
        self._notes.append(
            f"The store is of an older format. The next start, or `holdfast store migrate`, brings its "
            f"{plan.jobs} jobs and {plan.runs} runs up to format {FORMAT}, and keeps a copy of all of it."
        )

    # What it says

    def _look_at_state(self) -> None:
        """Read the state as a start would; what somebody was just changing is looked at again."""
        self._state = read_state(self._folder)
        lasting = self._state.problems
        for _ in range(LOOKS - 1):
            if not lasting:
                break
            time.sleep(PAUSE)
            self._state = read_state(self._folder)
            lasting = tuple(problem for problem in lasting if problem in self._state.problems)
        self._problems += lasting

    def _look_at_definitions(self) -> None:
        assert self._state is not None  # noqa: S101 - it was looked at first
        jobs, placed = self._state.rows.jobs, self._state.placed
        known = {place.file: job_id for job_id, place in placed.items()}
        found: dict[str, str] = {}
        for below, folder in walk(self._root / "jobs"):
            if folder.trouble is not None:
                words = f"The folder cannot be read: {os.strerror(folder.trouble.errno or 0).lower()}."
                self._problems.append(problem_of(below, InvalidYaml(words)))
            for file in sorted(folder.files):
                job_id = self._look_at_definition(file, known.get(file))
                if job_id is not None:
                    self._name_twin(file, job_id, found, placed[job_id].file if job_id in placed else file)
                    found.setdefault(job_id, file)
        for job_id in jobs.keys() - found.keys():
            place = placed.get(job_id)
            if place is None or place.behind or os.path.lexists(self._root / "jobs" / place.file):
                continue
            message = f"The definition of the job {jobs[job_id].name!r} is gone."
            self._problems.append(Problem(path=f"jobs/{place.file}", message=message, job_id=job_id))

    def _look_at_definition(self, file: str, owner: str | None) -> str | None:
        """Name what is wrong with a definition; return whose it is, None where it has no id."""
        text = b""
        try:
            text = content(self._root / "jobs" / file).text
            definition = definition_from(text)
        except FileNotFoundError:
            return owner
        except InvalidYaml as error:
            self._problems.append(problem_of(file, error, job_id=owner))
            return owner
        assert self._state is not None  # noqa: S101 - as above
        job_id = definition.id or owner
        job = self._state.rows.jobs.get(job_id or "")
        if job is None or not same(replace(definition, id=job_id), definition_of(job)):
            self._look_at_edit(file, definition, job, text)
        return job_id

    def _look_at_edit(self, file: str, definition: Definition, job: Job | None, text: bytes) -> None:
        """Name what keeps an edit, or a new file, from being taken over."""
        place = self._state.placed.get(job.id) if self._state and job else None
        if place is not None and place.behind:
            return
        fields = {name: getattr(definition, name) for name in JobDraft.__struct_fields__}
        try:
            checked(JobDraft(**fields), self._make_engine, self._surroundings())
        except InvalidOptions as error:
            self._problems += _invalid(file, error, text, job)
        except HoldfastError as error:
            path, job_id = f"jobs/{printable(file)}", job.id if job else None
            self._problems.append(Problem(path=path, message=f"{error} {error.hint}".strip(), job_id=job_id))
        else:
            what = "is a new job" if job is None else "was edited"
            self._notes.append(f"jobs/{printable(file)} {what}; Holdfast takes it over while it runs.")

    def _surroundings(self) -> Surroundings:
        registers = self._state.rows.registers if self._state else {}
        return Surroundings(own_data=self._root, destinations=Registered(registers.get, self._root))

    def _name_twin(self, file: str, job_id: str, found: dict[str, str], used: str) -> None:
        if job_id in found:
            twin = file if found[job_id] == used or file != used else found[job_id]
            message = f"It has the same id as jobs/{printable(used)}, which is used. Leave the id out to have a copy."
            self._problems.append(Problem(path=f"jobs/{printable(twin)}", message=message))

    def _look_at_older_runs(self) -> None:
        assert self._state is not None  # noqa: S101 - as above
        rows = self._state.rows
        history = History(self._folder, self._problems.append)
        for job_id, run_ids in rows.older_ids.items():
            missing = set(run_ids) - {run.id for run in history.read(job_id)}
            if missing:
                path = self._told(self._folder.history_path(job_id))
                message = f"{len(missing)} older runs of this job are not there."
                self._problems.append(Problem(path=path, message=message, job_id=job_id))
        left = [path for path in (self._root / "runs").glob("*/*.yaml") if path.stem not in rows.jobs]
        if left:
            self._notes.append(
                f"{len(left)} files hold runs of jobs that are gone; `holdfast store compact`."
            )

    def _look_at_logs(self) -> None:
        assert self._state is not None  # noqa: S101 - as above
        rows, strays = self._state.rows, 0
        for path in (self._root / "logs").glob("*/*.log"):
            try:
                if not stat.S_ISREG(path.lstat().st_mode):
                    self._name(path, "It is no plain file.")
                elif path.stem not in rows.runs and path.stem not in rows.older:
                    strays += 1
            except FileNotFoundError:
                continue
        if strays:
            self._notes.append(f"{strays} logs belong to no run that is known.")

    # Whose it is

    def _look_at_rights(self) -> None:
        """Name what this user does not own, and secrets that others can read."""
        strangers: list[Path] = []
        for path, status in _everything(self._root):
            if status.st_uid != os.geteuid():
                strangers.append(path)
            elif self._is_secret(path, status) and stat.S_IMODE(status.st_mode) & OTHERS:
                self._name(path, f"Others can read it (mode {stat.S_IMODE(status.st_mode):04o}): chmod 600.")
        for path in strangers[:MOST_NAMED]:
            self._name(path, f"It belongs to another user than the one that looks ({os.geteuid()}).")
        if len(strangers) > MOST_NAMED:
            self._name(self._root, f"{len(strangers) - MOST_NAMED} more files belong to other users.")
        if stat.S_IMODE(self._root.stat().st_mode) & OTHERS:
            self._notes.append("Others can look into the folder itself: chmod 700.")

    def _look_at_accounts(self) -> None:
        if (self._root / "auth").is_dir():
            try:
                AuthFiles(self._root / "auth").read_people("users", User)
            except StoreUnreadable as error:
                self._name(self._root / "auth", f"{error} {error.hint}")

    def _is_secret(self, path: Path, status: os.stat_result) -> bool:
        if stat.S_ISLNK(status.st_mode):  # whose mode says nothing
            return False
        return path.parent.name == "auth" or path.is_relative_to(self._root / FOLDER)

    def _look_at_secrets(self) -> None:
        """Name destinations that cannot be read, secrets that are not there, and folders that are open or links."""
        assert self._state is not None  # noqa: S101 - it was looked at first
        registers = self._state.rows.registers
        for name in (name for name in registers if name.startswith(DESTINATION)):
            kept = kept_in(name.removeprefix(DESTINATION), registers[name])
            if kept is None:
                self._problems.append(Problem(path=f"state/{printable(name)}", message="It cannot be read."))
                continue
            for secret, stamp in kept.stamps.items():
                places = [self._root / FOLDER / kept.id / file for file in (secret, f"{secret}~{stamp}")]
                if not any(_is_plain(place) for place in places):
                    self._name(places[0], "The secret is not there. Enter it again at the destination.")
        for folder in (self._root / FOLDER, *sorted((self._root / FOLDER).glob("*"))):
            self._look_at_secret_folder(folder, registers)

    def _look_at_secret_folder(self, folder: Path, registers: Mapping[str, object]) -> None:
        try:
            status = folder.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(status.st_mode):
            self._name(folder, "It is no folder; nothing but folders of secrets belongs there.")
        elif stat.S_IMODE(status.st_mode) & OTHERS:
            self._name(
                folder, f"Others can look into it (mode {stat.S_IMODE(status.st_mode):04o}): chmod 700."
            )
        if folder.name != FOLDER and DESTINATION + folder.name not in registers:
            self._notes.append(f"{self._told(folder)} belongs to no destination; the next start removes it.")

    def _look_at_quarantine(self) -> None:
        kept = [status.st_size for _, status in _everything(self._root / "quarantine")]
        if kept:
            self._notes.append(f"{len(kept)} pieces lie in quarantine ({sum(kept):,} bytes).")

    # Every byte

    def _read_every_line(self) -> None:
        """Name every line of the state and of older runs whose checksum does not fit."""
        named = {(problem.path, problem.line) for problem in self._problems}
        paths = [(path, path.stem) for path in sorted((self._root / "state").glob("*-*.yaml"))]
        paths += [(path, f"runs-{path.stem}") for path in sorted((self._root / "runs").glob("*/*.yaml"))]
        for path, scope in paths:
            try:
                lines = list(lines_of(path.read_bytes(), seed_of(self._folder.store_id, scope)))
            except FileNotFoundError:  # a newer generation took its place
                continue
            except OSError as error:
                self._name(path, f"It could not be read: {os.strerror(error.errno or 0).lower()}.")
                continue
            for bad in bad_lines(lines):
                if (self._told(path), bad.line) not in named and not _is_end(path, bad.raw):
                    self._problems.append(Problem(path=self._told(path), line=bad.line, message=bad.why))

    def _read_old_segments(self) -> None:
        for number, paths in kept_segments(self._root / "backups" / "segments").items():
            for path in paths:
                try:
                    text = content_of_kept(path)
                except StorageFailed as error:
                    self._name(path, str(error))
                    continue
                lines = list(lines_of(text, seed_of(self._folder.store_id, f"journal-{number}")))
                for bad in bad_lines(lines):
                    self._problems.append(Problem(path=self._told(path), line=bad.line, message=bad.why))


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_end(path: Path, raw: bytes) -> bool:
    """Tell whether a bad line is the end of the journal, where somebody may just be writing."""
    return path.name.startswith("journal-") and path.read_bytes().endswith(raw)


def _invalid(file: str, error: InvalidOptions, text: bytes, job: Job | None) -> Iterator[Problem]:
    places = yaml_text.places(text)
    for field, words in error.problems.items():
        way = tuple(int(step) if step.isdecimal() else step for step in field.split("."))
        line, column = next((places[way[:n]] for n in range(len(way), -1, -1) if way[:n] in places), (1, 1))
        yield Problem(
            path=f"jobs/{printable(file)}",
            message=f"{field}: {words}",
            line=line,
            column=column,
            job_id=job.id if job else None,
        )


def _everything(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder) / name
            try:
                yield path, path.lstat()
            except FileNotFoundError:
                continue
