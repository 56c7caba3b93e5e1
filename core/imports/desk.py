"""Where imports are shown and made: what is made is exactly what was shown, by its hash."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from itertools import starmap
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from core.acting import actor
from core.destinations.known import Destination
from core.drafts import JobDraft, checked
from core.engines import engine_for
from core.errors import HoldfastError, InvalidOptions, NotFound, Refused
from core.imports import backrest, borgmatic, crontab, rclone_conf, restic_files
from core.imports.values import (
    LONGEST_TEXT,
    MOST_FILES,
    MOST_THINGS,
    SOURCES,
    Found,
    Made,
    PlannedDestination,
    PlannedJob,
    Preview,
    Remark,
    SourceType,
)
from core.listing import JobQuery
from core.manager import JobManager
from core.packed import thawed
from core.places.book import DestinationBook
from core.places.drafts import DestinationDraft
from core.places.remote import NEEDED
from core.work import Surroundings

KEPT: Final = 20
"""Previews that can still be asked for; a restart forgets them."""

TAG: Final = "imported"
STAND_IN: Final = "stand-in"
LONG_AGO: Final = datetime.fromtimestamp(0, UTC)
SAME_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "ssh": ("host", "port", "user", "path"),
    "restic": ("repository",),
    "rclone": ("backend", "options", "path", "encrypt"),
}
"""The settings by which a destination is the one that a file tells of."""

READERS: Final[Mapping[SourceType, Callable[[str, Mapping[str, str]], Found]]] = {
    "rclone": rclone_conf.read,
    "restic": restic_files.read,
    "backrest": backrest.read,
    "crontab": crontab.read,
}


class Imports:
    """Safe to use from several threads; for admins only."""

    def __init__(
        self, manager: Callable[[], JobManager], book: DestinationBook, surroundings: Surroundings
    ) -> None:
        self._manager = manager
        self._book = book
        self._surroundings = surroundings
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[str, Preview] = OrderedDict()
        self._lock = threading.Lock()

    def preview(
        self, source: SourceType, text: str, files: Mapping[str, str] | None = None, *, path: str = ""
    ) -> Preview:
        """Return what would be made of a file; `files` are others that it names, `path` where it lies itself.

        Nothing is made, run or read from the disk. Raises InvalidOptions, and Refused for who is no admin.
        """
        _admins_only()
        files = files or {}
        _check(source, text, files)
        read = partial(borgmatic.read, path=path) if source == "borgmatic" else READERS[source]
        found = self._looked_over(_bounded(read(text.removeprefix("\ufeff"), files)))
        # With a key of ours, as the hash of a short password could be guessed.
        digest = blake2b(msgspec.json.encode((source, found)), key=self._key, digest_size=16)
        shown = Preview(hash=digest.hexdigest(), source=source, found=found)
        with self._lock:
            self._kept[shown.hash] = shown
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return shown

    def shown(self, digest: str) -> Preview:
        """Return what was shown under a hash; raises NotFound."""
        _admins_only()
        with self._lock:
            found = self._kept.get(digest)
        if found is None:
            raise NotFound(
                "preview", digest[:40], hint="It was forgotten. Look at the file again, then make it."
            )
        return found

    def apply(self, digest: str, *, enable: bool = False) -> Made:
        """Make what was shown under that hash, once; jobs have their schedules and start only where they are enabled.

        Raises NotFound; what cannot be made is told and keeps nothing else from being made.
        """
        found = self.shown(digest).found
        with self._lock:
            if self._kept.pop(digest, None) is None:
                raise NotFound("preview", digest[:40], hint="Somebody has made it just now.")
        ids, failed = self._make_destinations(found)
        jobs, more = self._make_jobs(found, ids, enable=enable)
        made = {
            ids[each.ref]: each.draft.name
            for each in found.destinations
            if each.ref in ids and not each.same_as
        }
        return Made(destinations=made, jobs=jobs, failed=(*failed, *more))

    # What it would be here

    def _looked_over(self, found: Found) -> Found:
        """Return it with what is there already, and with what stands in the way."""
        known = self._book.list()
        names: set[str] = set()
        destinations = []
        seen: set[str] = set()
        for planned in found.destinations:
            if planned.ref in seen:
                continue
            seen.add(planned.ref)
            destinations.append(self._placed(planned, known, names))
        good = {each.ref for each in destinations if not each.problems}
        good |= {f"{each.id}:" for each in known} | {f"{each.name}:" for each in known}
        kinds = {each.ref: each.draft for each in destinations}
        jobs = self._jobs_looked_over(found.jobs, good, kinds)
        return replace(
            found, destinations=tuple(destinations), jobs=jobs, files=tuple(dict.fromkeys(found.files))
        )

    def _placed(
        self, planned: PlannedDestination, known: tuple[Destination, ...], names: set[str]
    ) -> PlannedDestination:
        for each in known:
            if _is_same(planned, each):
                return replace(planned, same_as=each.id)
        draft, number = planned.draft, 2
        taken = {each.name.casefold() for each in known} | names
        while draft.name.casefold() in taken:
            draft = replace(draft, name=f"{planned.draft.name[:70]} {number}")
            number += 1
        names.add(draft.name.casefold())
        try:
            return replace(planned, draft=self._book.check(draft))
        except InvalidOptions as error:
            problems = tuple(starmap(_problem_in_words, error.problems.items()))
            return replace(planned, draft=draft, problems=problems)

    def _jobs_looked_over(
        self, jobs: tuple[PlannedJob, ...], good: set[str], drafts: Mapping[str, DestinationDraft]
    ) -> tuple[PlannedJob, ...]:
        there = {
            (item.job.name, item.job.kind) for item in self._manager().list_jobs(JobQuery(limit=None)).items
        }
        looked_over = []
        for job in jobs:
            problems = []
            if job.ref and job.ref not in good:
                problems.append(f"Its destination {_shown_ref(job.ref)} is not there and cannot be made yet.")
            if (job.name, job.kind) in there:
                problems.append("There is a job of this name and kind.")
            if not problems:
                problems += self._problems_of_options(job, drafts.get(job.ref))
            there.add((job.name, job.kind))
            looked_over.append(replace(job, problems=tuple(problems)))
        return tuple(looked_over)

    def _problems_of_options(self, job: PlannedJob, draft: DestinationDraft | None) -> list[str]:
        """Return what is wrong with a job here; a destination that is not made yet has a stand-in."""
        options, around = dict(job.options), self._surroundings
        if job.ref:
            known = self._book.list()
            there = next((each.id for each in known if job.ref in {f"{each.id}:", f"{each.name}:"}), STAND_IN)
            options["destination"] = _place(there, job.below)
            if there == STAND_IN and draft is not None:
                around = replace(around, destinations=_StandIn(draft))
        entered = JobDraft(name=job.name, kind=job.kind, options=options, schedule=job.schedule)
        try:
            checked(entered, engine_for, around)
        except InvalidOptions as error:
            return [_problem_in_words(field, words) for field, words in error.problems.items()]
        except HoldfastError as error:
            return [str(error)]
        return []

    # Making it

    def _make_destinations(self, found: Found) -> tuple[dict[str, str], list[Remark]]:
        ids = {f"{each.name}:": each.id for each in self._book.list()}
        ids |= {f"{each.id}:": each.id for each in self._book.list()}
        failed = []
        for planned in found.destinations:
            if planned.problems:
                continue
            try:
                ids[planned.ref] = planned.same_as or self._book.create(planned.draft).id
                ids.setdefault(f"{planned.ref}:", ids[planned.ref])
            except HoldfastError as error:
                failed.append(Remark(place=planned.place, words=f"{planned.draft.name}: {error}"))
        return ids, failed

    def _make_jobs(
        self, found: Found, ids: Mapping[str, str], *, enable: bool
    ) -> tuple[dict[str, str], list[Remark]]:
        made, failed = {}, []
        for planned in found.jobs:
            if planned.problems:
                continue
            if planned.ref and planned.ref not in ids:
                failed.append(
                    Remark(place=planned.place, words=f"{planned.name}: its destination was not made.")
                )
                continue
            try:
                job = self._manager().create(_draft_of(planned, ids, enable=enable), asked_by=actor().name)
                made[job.id] = job.name
            except HoldfastError as error:
                failed.append(Remark(place=planned.place, words=f"{planned.name}: {error}"))
        return made, failed


class _StandIn:
    """The only destination there is: one that is not made yet."""

    def __init__(self, draft: DestinationDraft) -> None:
        self._destination = Destination(
            id=STAND_IN,
            name=draft.name,
            type=draft.type,
            settings=draft.settings,
            secrets=tuple(draft.secrets),
            created_at=LONG_AGO,
            updated_at=LONG_AGO,
        )

    def find(self, destination_id: str) -> Destination | None:
        """Return it under its own name."""
        return self._destination if destination_id == STAND_IN else None

    def secret(self, destination_id: str, name: str) -> Path:
        """Raise FileNotFoundError: nothing of it is kept."""
        raise FileNotFoundError(destination_id, name)


def _admins_only() -> None:
    if not actor().admin:
        message = "Only admins may import: it makes destinations, and their secrets are entered with it."
        raise Refused(message, hint="Ask an admin to do it.")


def _check(source: str, text: str, files: Mapping[str, str]) -> None:
    problems = {}
    if source not in SOURCES:
        problems["source"] = f"This must be one of {', '.join(SOURCES)}."
    if len(text) > LONGEST_TEXT or not _is_text(text):
        problems["text"] = f"This must be text of at most {LONGEST_TEXT:,} letters."
    if len(files) > MOST_FILES or any(
        len(each) > LONGEST_TEXT or not _is_text(each) for each in files.values()
    ):
        problems["files"] = f"These are at most {MOST_FILES} texts."
    if problems:
        raise InvalidOptions(problems)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bounded(found: Found) -> Found:
    if len(found.destinations) <= MOST_THINGS and len(found.jobs) <= MOST_THINGS:
        return found
    remark = Remark(place="the file", words=f"It has more than {MOST_THINGS}; the rest is left out.")
    return replace(
        found,
        destinations=found.destinations[:MOST_THINGS],
        jobs=found.jobs[:MOST_THINGS],
        left_out=(remark, *found.left_out),
    )


def _is_same(planned: PlannedDestination, known: Destination) -> bool:
    """Tell whether a destination is where the planned one would be."""
    if planned.draft.type != known.type:
        return False
    mine, theirs = thawed(planned.draft.settings), thawed(known.settings)
    defaults: Mapping[str, object] = {"port": 22}
    return all(
        mine.get(name, defaults.get(name)) == theirs.get(name, defaults.get(name))
        for name in SAME_BY.get(planned.draft.type, ())
    )


def _problem_in_words(field: str, words: str) -> str:
    place, _, name = field.partition(".")
    if place == "secrets" and words == NEEDED:
        secret = name.replace("_", " ")
        return f"Its {secret} is not in the file. Make this destination by hand, then read the file again."
    return f"{_said_of(field)}: {words}"


def _said_of(field: str) -> str:
    """Return a field as words: "options.known_hosts_file" is "Known hosts file"."""
    return field.rsplit(".", maxsplit=1)[-1].replace("_", " ").capitalize()


def _shown_ref(ref: str) -> str:
    return repr(ref.rstrip(":")[:80])


def _place(destination_id: str, below: str) -> str:
    return f"{destination_id}:{below}" if below else destination_id


def _draft_of(planned: PlannedJob, ids: Mapping[str, str], *, enable: bool) -> JobDraft:
    options = dict(planned.options)
    if planned.ref:
        options["destination"] = _place(ids[planned.ref], planned.below)
    return JobDraft(
        name=planned.name,
        kind=planned.kind,
        options=options,
        schedule=planned.schedule,
        tags=(TAG,),
        enabled=enable,
    )
