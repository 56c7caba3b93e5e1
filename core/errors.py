"""What can go wrong, and what a person can do about it.

Every error has a `code` that programs can rely on, a message that says what happened, and a
`hint` that says what to do next. Only `fastapi_app/errors.py` and the command line turn them
into something shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class HoldfastError(Exception):
    """Something Holdfast can name."""

    code: str = "error"
    hint: str = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class NotFound(HoldfastError):
    """What was asked for is not here."""

    code = "not-found"
    hint = "It may have been deleted. Look in the list."

    def __init__(self, what: str, name: str, *, hint: str | None = None) -> None:
        super().__init__(f"There is no {what} {name!r}.", hint=hint)


class VersionConflict(HoldfastError):
    """Someone else changed it first."""

    code = "version-conflict"
    hint = "Reload to see their change, then make yours again."

    def __init__(self, name: str, expected: int, actual: int) -> None:
        super().__init__(f"{name} is at version {actual}, not {expected}.")
        self.expected = expected
        self.actual = actual


class WrongState(HoldfastError):
    """What was asked for does not fit the state of the run."""

    code = "wrong-state"
    hint = "Look at its present state; it may have moved on meanwhile."


class AlreadyRunning(WrongState):
    """The job has a run that is not over yet, and a job never overlaps itself."""

    code = "already-running"
    hint = "Wait for it, or cancel it first."


class DefinitionMistaken(WrongState):
    """A person edited the job's file and made a mistake; until it is put right nobody else edits the job."""

    code = "definition-mistaken"
    hint = "Put the file right, or discard that edit on the job's page, then try again."

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was edited by hand and cannot be read as it is.")


class NothingToAct(WrongState):
    """The job has no run that this could be done to."""

    hint = "Start the job first."

    def __init__(self, name: str, verb: str) -> None:
        super().__init__(f"{name!r} has no run at present that could be {verb}.")


class LateReport(WrongState):
    """An attempt that was taken away has nothing more to say about its run."""

    code = "late-report"


class InvalidOptions(HoldfastError):
    """What was entered cannot be accepted.

    `problems` maps a field's dotted place ("options.source") to one sentence.
    """

    code = "invalid-options"
    hint = "Correct the fields named, then send it again."

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


class InvalidYaml(HoldfastError):
    """A text is not YAML that Holdfast reads, or a value cannot be written as such.

    `line` and `column` count from 1; None where they cannot be told.
    """

    code = "invalid-yaml"
    hint = "Correct the place named, then try again."

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class Refused(HoldfastError):
    """It is understood and will not be done, because it could do harm."""

    code = "refused"


class StorageFailed(HoldfastError):
    """A change could not be made durable. It did not happen."""

    code = "storage-failed"
    hint = "Look at the disk that holds Holdfast's data, then try again."


class StorageFull(StorageFailed):
    """There is no room for the change. It did not happen."""

    code = "storage-full"
    hint = "Free some space on the disk that holds Holdfast's data, then try again."


class Overtaken(HoldfastError):
    """Another process changed the same job at the same moment. It did not happen."""

    code = "overtaken"
    hint = "Look at the job, then try again."


class StoreInUse(HoldfastError):
    """Another process holds the data folder."""

    code = "store-in-use"
    hint = "Use the one that is running, stop it first, or name another folder with --data."


class StoreUnreadable(HoldfastError):
    """The data folder cannot be used as it is, and was not touched."""

    code = "store-unreadable"


class EngineFailed(HoldfastError):
    """An attempt did not reach its aim.

    `transient` says that waiting may help; trying again is not the engine's business. `result`
    is what can be said all the same about what was done; `warnings` what to know beside it. `code` is a word of
    its own for what went wrong, where there is one.
    """

    code = "engine-failed"

    def __init__(  # each word is one fact about the failure
        self,
        message: str,
        *,
        hint: str | None = None,
        transient: bool = False,
        result: Mapping[str, Any] | None = None,
        warnings: Sequence[str] = (),
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code or type(self).code
        self.transient = transient
        self.result = result
        self.warnings = tuple(warnings)


class Unreachable(EngineFailed):
    """The remote or the destination could not be reached; waiting may help. Breakers count these."""

    code = "unreachable"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, transient=True)
