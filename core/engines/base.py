"""What an engine is: the code that does one kind of job.

Its fields are its options: from them come the form, the API, the command line and the reference
page. Field extras understood by the form: `json_schema_extra={"widget": "folder" | "patterns" |
"rate" | "choice" | "toggle", "group": "...", "shown_if": {"field": value}, "choices": {value: "its words"}}`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from core.errors import Refused
from core.work import Fact, Outcome, RunContext, Surroundings


class Engine(BaseModel, ABC):
    """Does one kind of job.

    `stages` are the names of its steps in order; `can_pause` that it goes on where it was;
    `repeatable` that it may be run again after a crash without a person's word. `harmless` is what
    a failed run has not touched, whatever made it fail, and `deletes` what runs remove, both in
    words for people; empty where nothing of the kind can be promised. `uses_programs` is that whatever
    it does outside of memory is done by programs it has executed: where the server is killed, the same attempt
    runs again and takes them up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    stages: ClassVar[Sequence[str]] = ()
    harmless: ClassVar[str] = ""
    deletes: ClassVar[str] = ""
    can_pause: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False
    uses_programs: ClassVar[bool] = False
    proves: ClassVar[bool] = False
    """Whether its runs make copies and can prove that they are good."""
    can_rehearse: ClassVar[bool] = False
    """Whether it can find out what a run would do without doing it."""
    admin_only: ClassVar[bool] = False
    """Whether only an admin may make and change jobs of the kind."""

    @classmethod
    def off(cls, surroundings: Surroundings) -> str:  # noqa: ARG003 - most kinds can always be used
        """Return why the kind cannot be used in this house; empty where it can."""
        return ""

    @property
    def may_repeat(self) -> bool:
        """Tell whether a run with these options may be run again after a crash without a person's word."""
        return self.repeatable

    @property
    def reaches(self) -> tuple[str, ...]:
        """Return the names of the remotes and destinations a run needs; a breaker guards each for all that share it."""
        return ()

    @property
    def destinations(self) -> tuple[str, ...]:
        """Return the ids of the destinations that a run writes to or looks at."""
        beginning = "destination:"
        return tuple(name.removeprefix(beginning) for name in self.reaches if name.startswith(beginning))

    @property
    def needs_admin(self) -> bool:
        """Tell whether only an admin may give a job these options, as they run commands or remove data."""
        return self.admin_only

    def command_in_words(self, surroundings: Surroundings) -> tuple[str, ...]:
        """Return what a person would type to do the same without Holdfast, one line each; secrets are named by file."""
        return ()

    def check(self, surroundings: Surroundings) -> None:
        """Raise InvalidOptions if these options cannot work here; fast, touches no content."""

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return the checked truth below the form's fields; at most two seconds of work."""
        return ()

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do, one sentence each, for people."""
        return ()

    def rehearse(self, context: RunContext) -> Outcome:
        """Find out what a run would do, and write nothing; for kinds that say `can_rehearse`.

        The result has `sentence`, the counts `new`, `changed`, `removed` and `bytes`, and `changes`: pairs of "new",
        "changed" or "removed" and a path, up to a thousand of them.
        """
        message = f"A job of kind {self.kind!r} cannot be tried without doing it."
        raise Refused(message)

    @abstractmethod
    def run(self, context: RunContext) -> Outcome:
        """Make one attempt. Raises EngineFailed, or RunStopped when asked to stop."""


EngineMaker = Callable[[str, Mapping[str, Any]], Engine]
"""Makes the engine of a kind with its options; raises NotFound or InvalidOptions."""
