"""One thing done to many jobs: previewed without doing it, done in groups, and taken back where the opposite exists.

The API and the pages both do it here. What a preview says follows from the same commands that do it, stopped before
anything is kept; so it cannot say something else than what would happen now.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Final

from core.drafts import JobPatch
from core.errors import HoldfastError, InvalidOptions, NotFound, Overtaken, VersionConflict, WrongState
from core.listing import JobQuery
from core.manager import JobManager
from core.models import Trigger, Value
from core.states import RunState
from core.storage.base import Commitment

AT_ONCE: Final = 100
"""How many are decided before it is waited for what they come to."""


class Verb(StrEnum):
    """What can be done to many jobs. The last are what takes others back."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    REQUEUE = "requeue"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    TAG = "tag"
    UNTAG = "untag"
    KEEP = "keep"


OPPOSITES: Final[Mapping[Verb, Verb]] = {
    Verb.START: Verb.CANCEL,
    Verb.REQUEUE: Verb.CANCEL,
    Verb.PAUSE: Verb.RESUME,
    Verb.RESUME: Verb.PAUSE,
    Verb.ENABLE: Verb.DISABLE,
    Verb.DISABLE: Verb.ENABLE,
    Verb.TAG: Verb.UNTAG,
    Verb.UNTAG: Verb.TAG,
    Verb.DELETE: Verb.KEEP,
}
"""What takes each back; cancelling cannot be taken back."""

BEGIN: Final = frozenset({Verb.START, Verb.REQUEUE})
EDIT: Final = frozenset({Verb.ENABLE, Verb.DISABLE, Verb.TAG, Verb.UNTAG})


class Refusal(Value, frozen=True, kw_only=True):
    """A job to which it is not done, and why."""

    job_id: str
    code: str
    message: str


class Wish(Value, frozen=True, kw_only=True):
    """What is to be done on whose behalf; `tag` is for tags, `gently` has jobs go that can be kept for a while."""

    verb: Verb
    by: str = ""
    tag: str = ""
    trigger: Trigger = Trigger.MANUAL
    gently: bool = False


class Told(Value, frozen=True, kw_only=True):
    """What came of one job: nothing against it, or why it was refused; `changed` where it was not so before.

    `left` is what it was left as: the version of the job, the id of the run, or since when it goes. It is empty
    where another of them is to begin it.
    """

    job_id: str
    refusal: Refusal | None = None
    changed: bool = True
    left: str = ""


Act = Callable[[str], str | None]
"""Does it to one job; returns what it is left as, or None where it was so already."""

Decided = tuple[Told, tuple[Commitment, ...]]
"""What came of one job, and what is to be waited for until that is durable."""


class Bulk:
    """Does one thing to many jobs."""

    def __init__(self, manager: JobManager) -> None:
        self._manager = manager

    def named(self, job_ids: Iterable[str]) -> tuple[str, ...]:
        """Return these jobs, each once, those that others come after first; raises NotFound for one that is gone."""
        found = [self._manager.job(job_id).job.id for job_id in dict.fromkeys(job_ids)]
        return self._manager.in_order(found)

    def gone(self, job_ids: Iterable[str]) -> tuple[Refusal, ...]:
        """Return a refusal for each of these that is gone."""
        found = []
        for job_id in dict.fromkeys(job_ids):
            try:
                self._manager.job(job_id)
            except NotFound:
                found.append(_gone(job_id))
        return tuple(found)

    def matching(self, query: JobQuery) -> tuple[str, ...]:
        """Return all jobs that match, those that others come after first."""
        found = [item.job.id for item in self._manager.list_jobs(query).items]
        return self._manager.in_order(found)

    def preview(self, wish: Wish, job_ids: Iterable[str]) -> Iterator[Told]:
        """Give what would become of each job now; nothing is done."""
        act, begun = self._act(wish), set[str]()
        for job_id in job_ids:
            told = self._rehearsed(wish, act, job_id, begun)
            if told.refusal is None:
                begun.add(job_id)
            yield told

    def _rehearsed(self, wish: Wish, act: Act, job_id: str, begun: set[str]) -> Told:
        try:
            if wish.verb in EDIT:  # every option would be looked at, and none of them changes
                self._manager.check_stays(job_id)
                return Told(job_id=job_id, changed=self._would_edit(wish, job_id))
            if wish.verb in BEGIN and self._follows(job_id, begun):
                return Told(job_id=job_id)
            if wish.verb is Verb.DELETE and wish.gently and self._manager.going(job_id) is not None:
                return Told(job_id=job_id, changed=False)
            with self._manager.rehearsed():
                act(job_id)
            return Told(job_id=job_id)
        except HoldfastError as error:
            return self._refused(job_id, error)

    def do(self, wish: Wish, job_ids: Iterable[str]) -> Iterator[Told]:
        """Do it to one job after the other; give what came of each, once that is durable.

        Those that come after another of them are started by that one, when it is over.
        """
        begun, act = set[str](), self._act(wish)

        def decided(job_id: str) -> Decided:
            if wish.verb in BEGIN and self._follows(job_id, begun):
                return Told(job_id=job_id), ()
            told, commitments = self._decided(act, job_id)
            if told.refusal is None:
                begun.add(job_id)
            return told, commitments

        return self._in_groups(act, decided, job_ids)

    def take_back(self, wish: Wish, left: Mapping[str, str]) -> Iterator[Told]:
        """Do the opposite, which `wish` says, to each job that is still as it was left; a newer change stays."""
        act = self._act_back(wish, left)
        return self._in_groups(act, partial(self._decided, act), left)

    def _in_groups(
        self, act: Act, decided: Callable[[str], Decided], job_ids: Iterable[str]
    ) -> Iterator[Told]:
        rest = iter(job_ids)
        while group := tuple(islice(rest, AT_ONCE)):
            all_decided = [decided(job_id) for job_id in group]
            yield from (self._settled(act, told, commitments) for told, commitments in all_decided)

    def _decided(self, act: Act, job_id: str) -> Decided:
        try:
            with self._manager.unwaited() as commitments:
                told = _done(act, job_id)
        except HoldfastError as error:
            return self._refused(job_id, error), ()
        return told, tuple(commitments)

    def _settled(self, act: Act, told: Told, commitments: Iterable[Commitment]) -> Told:
        try:
            for commitment in commitments:
                commitment.wait()
        except Overtaken:  # another process was first: it is decided again, by itself
            try:
                return _done(act, told.job_id)
            except HoldfastError as error:
                return self._refused(told.job_id, error)
        except HoldfastError as error:
            return self._refused(told.job_id, error)
        return told

    def _follows(self, job_id: str, begun: set[str]) -> bool:
        """Tell whether the job is started by one of these, after which it comes."""
        overview = self._manager.job(job_id)
        job, latest = overview.job, overview.latest_run
        waits = latest is not None and latest.state == RunState.BLOCKED
        return (waits or (job.enabled and job.schedule is None)) and not begun.isdisjoint(job.after)

    def _refused(self, job_id: str, error: HoldfastError) -> Told:
        gone = self.gone((job_id,)) if isinstance(error, NotFound) else ()
        refusal = gone[0] if gone else Refusal(job_id=job_id, code=error.code, message=str(error))
        return Told(job_id=job_id, refusal=refusal, changed=False)

    # What is done to one

    def _act(self, wish: Wish) -> Act:
        manager = self._manager
        acts: Mapping[Verb, Act] = {
            Verb.START: lambda one: manager.start(one, trigger=wish.trigger, asked_by=wish.by).id,
            Verb.PAUSE: lambda one: self._on_present(one, "paused", manager.pause),
            Verb.RESUME: lambda one: self._on_present(one, "resumed", manager.resume),
            Verb.CANCEL: lambda one: self._on_present(one, "cancelled", manager.cancel),
            Verb.REQUEUE: lambda one: self._requeue(one, wish.by),
            Verb.DELETE: lambda one: self._let_go(one, wish.by) if wish.gently else self._delete(one),
        }
        return (lambda one: self._edit(wish, one)) if wish.verb in EDIT else acts[wish.verb]

    def _act_back(self, wish: Wish, left: Mapping[str, str]) -> Act:
        manager, begun = self._manager, frozenset(left.values())
        acts: Mapping[Verb, Act] = {
            Verb.CANCEL: lambda one: self._cancel_begun(one, left[one], begun),
            Verb.RESUME: lambda one: manager.resume(left[one]).id,
            Verb.PAUSE: lambda one: manager.pause(left[one]).id,
            Verb.KEEP: lambda one: manager.keep_after_all(one, since=left[one]).id,
        }
        return (lambda one: self._edit_back(wish, one, left[one])) if wish.verb in EDIT else acts[wish.verb]

    def _let_go(self, job_id: str, by: str) -> str | None:
        known = self._manager.going(job_id)
        going = self._manager.let_go(job_id, by)
        return None if known == going else going.since.isoformat()

    def _delete(self, job_id: str) -> str:
        self._manager.delete(job_id)
        return ""

    def _edit(self, wish: Wish, job_id: str, version: int | None = None) -> str | None:
        if not self._would_edit(wish, job_id):
            return None
        return str(self._manager.edit(job_id, self._patch(wish, job_id), version=version).version)

    def _edit_back(self, wish: Wish, job_id: str, left: str) -> str | None:
        try:
            return self._edit(wish, job_id, int(left))
        except VersionConflict as error:
            name = self._manager.job(job_id).job.name
            message = f"{name!r} was changed since; that change stays."
            raise WrongState(message, hint="Look at the job, and change it there.") from error

    def _cancel_begun(self, job_id: str, run_id: str, begun: frozenset[str]) -> str | None:
        """Cancel the run that was begun, or the one that followed another of them; no other."""
        if run_id:
            return self._manager.cancel(run_id).id
        latest = self._manager.job(job_id).latest_run
        if latest is None or latest.over or latest.flow not in begun:
            return None
        return self._manager.cancel(latest.id).id

    def _would_edit(self, wish: Wish, job_id: str) -> bool:
        job, patch = self._manager.job(job_id).job, self._patch(wish, job_id)
        return patch != JobPatch(enabled=job.enabled) and patch != JobPatch(tags=job.tags)

    def _patch(self, wish: Wish, job_id: str) -> JobPatch:
        tags = self._manager.job(job_id).job.tags
        if wish.verb is Verb.TAG:
            return JobPatch(tags=tags if wish.tag in tags else (*tags, wish.tag))
        if wish.verb is Verb.UNTAG:
            return JobPatch(tags=tuple(tag for tag in tags if tag != wish.tag))
        return JobPatch(enabled=wish.verb is Verb.ENABLE)

    def _on_present(self, job_id: str, verb: str, act: Callable[[str], object]) -> str:
        with self._manager.present_run(job_id, verb) as run:
            act(run.id)
            return run.id

    def _requeue(self, job_id: str, by: str) -> str:
        """Ask for a run like the latest; raises WrongState where there was none."""
        overview = self._manager.job(job_id)
        if overview.latest_run is None:
            message = f"{overview.job.name!r} has never run."
            raise WrongState(message, hint="Start it.")
        return self._manager.requeue(overview.latest_run.id, asked_by=by).id


def fingerprint_of(job_ids: Iterable[str]) -> str:
    """Return a word that is another one for other jobs."""
    return hashlib.sha256("\n".join(sorted(job_ids)).encode()).hexdigest()


def check(wish: Wish) -> None:
    """Raise InvalidOptions where a tag is needed and none was given."""
    if wish.verb in {Verb.TAG, Verb.UNTAG} and not wish.tag.strip():
        raise InvalidOptions({"tag": "Name the tag."})


def _done(act: Act, job_id: str) -> Told:
    left = act(job_id)
    return Told(job_id=job_id, changed=left is not None, left=left or "")


def _gone(job_id: str) -> Refusal:
    return Refusal(job_id=job_id, code=NotFound.code, message="The job is gone: it was deleted meanwhile.")
