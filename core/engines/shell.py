"""A shell script, kept as a text: for admins, and only where whoever runs Holdfast has switched it on."""

import contextlib
import os
import shlex
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import Field

from core.commanding.arguments import problem_of_text
from core.engines.programs import ProgramEngine
from core.errors import StorageFailed
from core.work import RunContext, Surroundings

LONGEST: Final = 200_000
SHELLS: Final = {"sh": "/bin/sh", "bash": "/bin/bash"}
OFF: Final = "Shell scripts are switched off here. Whoever runs Holdfast can start it with HOLDFAST_SHELL=on."


class ShellEngine(ProgramEngine):
    """Runs a script with `sh -eu`: it stops at the first command that fails and at a variable that is not set."""

    kind: ClassVar = "shell"
    label: ClassVar = "Run a shell script"
    summary: ClassVar = (
        "A script with pipes and loops. Off unless switched on; only admins make and change them."
    )
    admin_only: ClassVar = True

    script: str = Field(
        min_length=1,
        max_length=LONGEST,
        title="Script",
        description="It ends at the first command that fails (-e) and at a variable that is not set (-u)",
        json_schema_extra={"widget": "words", "group": "what"},
    )
    shell: Literal["sh", "bash"] = Field(
        default="sh",
        title="Shell",
        description="Which shell reads it",
        json_schema_extra={"group": "what"},
    )

    @classmethod
    def off(cls, surroundings: Surroundings) -> str:
        """Return that scripts are switched off, where they are."""
        return OFF if surroundings.shells is False else ""

    def _problems(self, surroundings: Surroundings) -> dict[str, str]:
        problems = super()._problems(surroundings)
        if off := self.off(surroundings):
            problems["script"] = off
        elif not self.script.strip():
            problems["script"] = "This is needed."
        elif problem := problem_of_text(self.script):
            problems["script"] = f"The script {problem}"
        if self.user:
            problems["user"] = (
                "A script runs as who Holdfast is; let it call runuser for what another is to do."
            )
        if not Path(SHELLS[self.shell]).exists():
            problems["shell"] = f"There is no {SHELLS[self.shell]} on this machine."
        return problems

    def _program_in_words(self) -> str:
        return "The script"

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do."""
        lines = len(self.script.splitlines())
        noun = "line" if lines == 1 else "lines"
        return (
            f"A script of {lines:,} {noun} is read by {SHELLS[self.shell]} -eu.",
            *super().plan_in_words(),
        )

    def _typed(self) -> str:
        return shlex.join((SHELLS[self.shell], "-eu", "-c", self.script.replace("\r\n", "\n")))

    def _argv(self, context: RunContext) -> tuple[str, ...]:
        """Return the shell and the file of the script: nothing of the script is ever an argument."""
        path = context.workspace / "script"
        try:
            self._write(path)
        except OSError as error:
            message = f"The script cannot be kept: {error.strerror}."
            raise StorageFailed(message) from error
        return (SHELLS[self.shell], "-eu", "--", str(path))

    def _write(self, path: Path) -> None:
        new = path.with_name("script.new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8", newline="\n") as file:
            file.write(self.script.replace("\r\n", "\n"))
        new.rename(path)
