"""A command: a program and its arguments, run as they stand, without a shell."""

import os
import shlex
import shutil
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from core.commanding import arguments, environment
from core.engines.programs import ProgramEngine
from core.work import Fact, RunContext, Surroundings

Arguments = Annotated[
    tuple[str, ...],
    BeforeValidator(arguments.entered),
    AfterValidator(arguments.checked),
    Field(max_length=1_000_000),
]


class CommandEngine(ProgramEngine):
    """Runs a program with a list of arguments, and judges it by its exit code.

    No shell comes between: `$HOME`, `*`, `|` and `>` are plain letters. Its environment is built from nothing.
    """

    kind: ClassVar = "command"
    label: ClassVar = "Run a command"
    summary: ClassVar = "Any program with its arguments, followed live and judged by its exit code."

    argv: Arguments = Field(
        title="Command",
        description="The program and its arguments: one line as you would type it, or one argument a line",
        json_schema_extra={"widget": "arguments", "group": "what"},
    )

    def _problems(self, surroundings: Surroundings) -> dict[str, str]:
        problems = super()._problems(surroundings)
        if problem := self._problem_of_program():
            problems["argv"] = problem
        return problems

    def _problem_of_program(self) -> str:
        name = self.argv[0]
        if "/" in name and not name.startswith("/"):
            return "Write the program's whole path, from / on, or its name alone."
        if self._program is not None:
            return ""
        if not name.startswith("/"):
            return f"There is no program {name[:100]} in {self._path}."
        if not Path(name).is_file():
            return f"There is no program {name[:200]}."
        return f"{name[:200]} may not be executed."

    @property
    def _path(self) -> str:
        return self.env.get("PATH") or environment.PATH

    @property
    def _program(self) -> str | None:
        """Return where the program is; None where it is not."""
        try:
            return shutil.which(self.argv[0], path=self._path)
        except (OSError, ValueError):
            return None

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return what is wrong, where the program is, and what its arguments are."""
        found = super().facts(surroundings)
        if any(fact.field == "argv" for fact in found):
            return found
        real = os.path.realpath(self._program or "")
        count = len(self.argv) - 1
        with_ = f"with {count} argument{'s' if count != 1 else ''}" if count else "without arguments"
        return (Fact(field="argv", good=True, text=f"{real}, {with_}"), *found)

    def _program_in_words(self) -> str:
        return Path(self.argv[0]).name

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do, with the whole command first."""
        return (f"The command is {arguments.in_words(self.argv)}", *super().plan_in_words())

    def _typed(self) -> str:
        return shlex.join(self.argv)

    def _argv(self, context: RunContext) -> tuple[str, ...]:
        return self.argv
