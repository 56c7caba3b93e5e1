"""What runs have taken away and set aside: known by its receipts, put back on request, let go of when its days are over."""

import logging
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec.structs import replace

from core import sizes
from core.audit import Audit
from core.clearing.accounts import Entry, Listed, account_of, entries_in, listed_in
from core.clearing.orders import FOLDER, Handled
from core.clearing.receipts import PLACE, over_path, receipt_path
from core.clock import Clock
from core.errors import HoldfastError, InvalidOptions, NotFound, WrongState
from core.events import Event, RunMoved
from core.models import GOOD_ID, Moment, Value
from core.packed import thawed
from core.processes.ours import argv_of
from core.states import RunState
from core.storage.atomic import make_folder, storage_errors

log = logging.getLogger(__name__)

QUARANTINE: Final = "quarantine/"
"""How the names of registers begin that hold these."""

KEPT_FOR: Final = timedelta(days=365)
"""How long it is listed what was taken away and is not aside any more."""

PATIENCE: Final = 10.0
"""Seconds that whoever asks for an end waits for it; then it goes on by itself."""

ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

Stand = Literal["aside", "at once", "put back", "emptied"]


class Quarantine(Value, frozen=True, kw_only=True):
    """What a run took away: `taken` files of `taken_bytes`, of which `files` of `bytes` are aside still.

    `empty_at` is when they may go for good; None where nothing is aside. `trouble` is what was wrong when that, or putting back, was
    last tried. `receipt_digest` is the BLAKE3 digest of the first `receipt_bytes` bytes of its receipts.
    """

    run_id: str
    job_id: str
    source: str
    place: str
    remote: bool
    days: int
    taken: int
    taken_bytes: int
    files: int
    bytes: int
    taken_at: Moment
    empty_at: Moment | None
    stand: Stand
    confirmed_by: str = ""
    preview: str = ""
    receipt_digest: str
    receipt_bytes: int
    trouble: str = ""


class Registers(Protocol):
    """Where small things are kept; the manager."""

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has; None where there is none."""
        ...

    def registers(self, beginning: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the registers whose names begin like that."""
        ...

    def set_register(self, name: str, value: Mapping[str, Any] | None, *, why: str = "") -> None:
        """Keep a register, or take it away; durable when it returns."""
        ...


Vouch = Callable[[Quarantine], str]
"""Returns why copies that only a program can read may not be there any more; empty where nothing speaks against it."""


class Quarantines:
    """All of them; safe to use from several threads."""

    def __init__(
        self,
        registers: Registers,
        own_data: Path,
        clock: Clock,
        audit: Audit,
        vouch: Vouch = lambda _one: "",
    ) -> None:
        self._registers = registers
        self._own_data = own_data
        self._clock = clock
        self._audit = audit
        self._vouch = vouch
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._known = False

    # What there is

    def list(self) -> tuple[Quarantine, ...]:
        """Return all of them, the latest first."""
        found = []
        for name, value in self._registers.registers(QUARANTINE).items():
            try:
                found.append(msgspec.convert(thawed(value), Quarantine, strict=False))
            except msgspec.ValidationError:
                log.warning("register %s cannot be read; what it stands for stays where it is", name)
        return tuple(sorted(found, key=lambda one: (one.taken_at, one.run_id), reverse=True))

    @property
    def has_any(self) -> bool:
        """Tell whether any run has taken anything away; answers at once."""
        if not self._known:
            self._known = bool(self._registers.registers(QUARANTINE))
        return self._known

    def get(self, run_id: str) -> Quarantine:
        """Return what a run took away; raises NotFound."""
        kept = self._registers.register(QUARANTINE + run_id) if GOOD_ID.match(run_id) else None
        if kept is None:
            raise NotFound("quarantine", run_id)
        return msgspec.convert(thawed(kept), Quarantine, strict=False)

    @staticmethod
    def wants(event: Event) -> bool:
        """Tell whether something may have been taken away by then."""
        return isinstance(event, RunMoved) and (event.run.over or event.run.state is RunState.PAUSED)

    def heard(self, event: Event) -> None:
        """Look at the receipts of a run that is over, or waits."""
        if isinstance(event, RunMoved):
            self.adopt(event.run.id)

    def receipt(self, run_id: str, offset: int, limit: int) -> tuple[Entry, ...]:
        """Return some files of what a run took away; nothing where it took none. Raises StorageFailed."""
        path = receipt_path(self._own_data, run_id)
        path = path if path.exists() else over_path(self._own_data, run_id)
        if not path.exists():
            return ()
        with storage_errors("The receipts could not be read"):
            return entries_in(path, offset, limit)

    @staticmethod
    def preview(workspace: Path, offset: int, limit: int) -> tuple[Listed, ...]:
        """Return some files of the list that a run would take away, or took away; empty where it has none."""
        return tuple(islice(listed_in(workspace / FOLDER), offset, offset + limit))

    def adopt_all(self) -> None:
        """Look at the receipts of every run: one may have been killed before anybody heard what it did."""
        for path in (self._own_data / PLACE).glob("*.jsonl"):
            self.adopt(path.stem)

    def adopt(self, run_id: str) -> None:
        """Take note of what the receipts of a run say, if it has any, and put it on record."""
        if not GOOD_ID.match(run_id):
            return
        path = receipt_path(self._own_data, run_id)
        known = self._registers.register(QUARANTINE + run_id)
        try:
            if not path.exists() or (known is not None and known.get("receipt_bytes") == path.stat().st_size):
                return
            now = self._read(run_id)
        except OSError as error:
            log.warning("the receipts of run %s cannot be read: %s", run_id, error)
            return
        if now is None:
            return
        self._keep(now, "files were taken away")
        self._audit.note("source.deleted", _words_of(now), by=now.confirmed_by)

    def _read(self, run_id: str) -> Quarantine | None:
        """Return what the receipts of a run say; None where nothing was taken away."""
        account = account_of(receipt_path(self._own_data, run_id))
        if account is None or not account.taken:
            return None
        began = account.began
        taken_at = datetime.fromisoformat(began.at)
        after: Stand = "put back" if account.back else "emptied" if began.quarantine_days else "at once"
        return Quarantine(
            run_id=run_id,
            job_id=began.job_id,
            source=began.source,
            place=began.place,
            remote=not began.roots,
            days=began.quarantine_days,
            taken=account.taken,
            taken_bytes=account.taken_bytes,
            files=account.aside,
            bytes=account.aside_bytes,
            taken_at=taken_at,
            empty_at=taken_at + timedelta(days=began.quarantine_days) if account.aside else None,
            stand="aside" if account.aside else after,
            confirmed_by=began.confirmed_by,
            preview=began.preview,
            receipt_digest=account.digest,
            receipt_bytes=account.length,
        )

    # What is done with it

    def put_back(self, run_id: str) -> Handled:
        """Put back what a run took away, over nothing; raises NotFound, WrongState."""
        self._aside(run_id)
        handled = self._handle("core.clearing.putting_back", run_id)
        words = f"{handled.files:,} files were put back into {self.get(run_id).source}"
        self._settle(run_id, handled, "source.put-back", words)
        return handled

    def empty(self, run_id: str, typed: str) -> Handled | None:
        """Let go of what a run took away, before its time; None while that goes on by itself.

        Raises NotFound, WrongState, or InvalidOptions where the words were not typed.
        """
        one = self._aside(run_id)
        if typed.strip() != words_to_type(one):
            raise InvalidOptions({"typed": f"Type exactly: {words_to_type(one)}"})
        done: list[Handled] = []
        thread = threading.Thread(target=lambda: done.append(self._let_go(one)), name="emptying", daemon=True)
        thread.start()
        thread.join(PATIENCE)
        return done[0] if done else None

    def empty_due(self) -> tuple[threading.Thread, ...]:
        """Let go of everything whose days are over, one after the other; returns who is at it, as that may take long."""
        now = self._clock.now()
        self._forget_before(now - KEPT_FOR)
        due = tuple(one for one in self.list() if one.empty_at is not None and one.empty_at <= now)
        if not due:
            return ()
        thread = threading.Thread(target=self._let_go_of_all, args=(due,), name="emptying", daemon=True)
        thread.start()
        return (thread,)

    def _forget_before(self, moment: datetime) -> None:
        """Let go of the registers of what is over for long; the receipts stay, in a folder beside the others."""
        for one in self.list():
            if one.stand == "aside" or one.taken_at >= moment:
                continue
            path = receipt_path(self._own_data, one.run_id)
            over = over_path(self._own_data, one.run_id)
            with storage_errors("The receipts could not be put away"):
                make_folder(over.parent)
                if path.exists():
                    path.rename(over)
            self._registers.set_register(QUARANTINE + one.run_id, None, why="what it stood for is over")

    def _let_go_of_all(self, due: Sequence[Quarantine]) -> None:
        for one in due:
            try:
                self._let_go(one)
            except HoldfastError as error:
                log.warning("what run %s took away was not let go of: %s", one.run_id, error)
            except Exception:  # one must not keep the others
                log.exception("what run %s took away could not be let go of", one.run_id)

    def _let_go(self, one: Quarantine) -> Handled:
        if one.remote and (why := self._vouch(one)):
            handled = Handled(trouble=why)
        else:
            handled = self._handle("core.clearing.emptying", one.run_id)
        self._settle(
            one.run_id,
            handled,
            "source.emptied",
            f"{handled.files:,} files of {one.source} are gone for good",
        )
        return handled

    def _aside(self, run_id: str) -> Quarantine:
        one = self.get(run_id)
        if one.stand != "aside":
            raise WrongState(
                "Nothing of this run is aside any more.",
                hint="Look at its receipts for what became of each file.",
            )
        return one

    def _handle(self, module: str, run_id: str) -> Handled:
        """Have a program of ours do it; raises WrongState while another is at it."""
        with self._lock:
            if run_id in self._busy:
                raise WrongState("Files of this run are being moved at this moment.", hint="Wait a moment.")
            self._busy.add(run_id)
        try:
            argv = argv_of(module, str(self._own_data), run_id)
            done = subprocess.run(
                argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, cwd="/", check=False
            )
            return msgspec.json.decode(done.stdout, type=Handled)
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s did not come to its end: %s", module, error)
            return Handled(trouble="The program that moves files did not come to its end; try again.")
        finally:
            with self._lock:
                self._busy.discard(run_id)

    def _settle(self, run_id: str, handled: Handled, kind: str, words: str) -> None:
        """Take note of how things stand now, and put it on record."""
        now = self._read(run_id)
        if now is None:
            return
        trouble = trouble_in(handled)
        self._keep(replace(now, trouble=trouble), words)
        self._audit.note(kind, f"{words}. {trouble}".strip() + f" Receipt {now.receipt_digest}.")

    def _keep(self, one: Quarantine, why: str) -> None:
        self._registers.set_register(QUARANTINE + one.run_id, msgspec.to_builtins(one), why=why)


def words_to_type(one: Quarantine) -> str:
    """Return what a person types to let go of what is aside before its time."""
    return f"empty {one.files}"


def trouble_in(handled: Handled) -> str:
    """Return what was wrong, in words; empty where nothing was."""
    if handled.trouble:
        return handled.trouble
    if not handled.kept_files:
        return ""
    first = handled.kept[0]
    more = f" and {handled.kept_files - 1:,} more" if handled.kept_files > 1 else ""
    return f"Still aside: {first.path} ({first.why}){more}."


def _words_of(one: Quarantine) -> str:
    how = f"set aside for {one.days} days" if one.days else "deleted at once"
    by = f" agreed to by {one.confirmed_by}," if one.confirmed_by else ""
    return (
        f"{one.taken:,} files ({sizes.size(one.taken_bytes)}) of {one.source} were {how},{by} after their copies at "
        f"{one.place} were read back. List {one.preview}, receipt {PLACE}/{one.run_id}.jsonl with "
        f"BLAKE3 {one.receipt_digest} over its first {one.receipt_bytes} bytes."
    )
