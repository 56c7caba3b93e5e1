"""What every kind has that runs a program of the user's choice: where, as whom, with what, and what its end means."""

import os
import pwd
import shlex
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from core.commanding import endings, environment, leavings, patterns
from core.commanding.listening import Listener
from core.engines.base import Engine
from core.errors import EngineFailed, InvalidOptions, Unreachable
from core.hiding import is_secret
from core.masking import Mask
from core.processes.orders import OUTPUT_QUOTA, Exit, Limits, Order
from core.work import Fact, Outcome, RunContext, Surroundings

LONGEST_INPUT: Final = 1_000_000
LONGEST_SECRET_FILE: Final = 32_000
MEGABYTE: Final = 1_000_000
UMASK: Final = 0o022
KEPT: Final = "kept"
"""The folder in a run's workspace that has the files it keeps."""

ROOM: Final = "files"
"""The folder in a run's workspace in which a program works that has no other."""


def numbers_in(value: Any) -> Any:  # noqa: ANN401 - whatever was sent; the list's own type is checked after this
    """Return a text such as "0, 24" as the list it stands for."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def names_in(value: Any) -> Any:  # noqa: ANN401 - as above
    """Return a text such as "nas-02, offsite" as the list it stands for."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Code = Annotated[int, Field(ge=0, le=255)]
Codes = Annotated[tuple[Code, ...], BeforeValidator(numbers_in), Field(max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Names = Annotated[tuple[Name, ...], BeforeValidator(names_in), Field(max_length=50)]
Variables = Annotated[dict[str, str], BeforeValidator(environment.entered)]
Glob = Annotated[str, Field(min_length=1, max_length=300)]


class ProgramEngine(Engine):
    """Runs a program, and judges it by how it ends."""

    stages: ClassVar = ("run", "keep")
    uses_programs: ClassVar = True

    cwd: Path | None = Field(
        default=None,
        title="Folder",
        description="Where it works; empty is a folder of the run's own",
        json_schema_extra={"widget": "folder", "group": "where it works"},
    )
    stdin: str = Field(
        default="",
        max_length=LONGEST_INPUT,
        title="Input",
        description="What it reads from its standard input; empty is nothing",
        json_schema_extra={"widget": "words", "group": "where it works"},
    )
    env: Variables = Field(
        default={},
        title="Environment",
        description="NAME=value, one a line. It starts from nothing but PATH, HOME, USER, LANG and TZ",
        json_schema_extra={"widget": "variables", "group": "environment"},
    )
    env_files: Variables = Field(
        default={},
        title="From files",
        description="NAME=/path, one a line: the value is what the file says when a run begins. For secrets",
        json_schema_extra={"widget": "variables", "group": "environment"},
    )
    pass_env: Names = Field(
        default=(),
        title="Passed on",
        description="Names of variables it gets from Holdfast's own environment, as far as HOLDFAST_PASS_ENV has them",
        json_schema_extra={"widget": "names", "group": "environment"},
    )
    secret_env: Names = Field(
        default=(),
        title="Secret too",
        description="Names of variables to hide, beside those whose names say so (PASSWORD, TOKEN, KEY, ...)",
        json_schema_extra={"widget": "names", "group": "environment"},
    )
    success_codes: Codes = Field(
        default=(0,),
        title="Success",
        description="Exit codes that mean it worked",
        json_schema_extra={"widget": "names", "group": "how it ends"},
    )
    warning_codes: Codes = Field(
        default=(),
        title="Success with a warning",
        description="Exit codes that mean it worked, but somebody should look",
        json_schema_extra={"widget": "names", "group": "how it ends"},
    )
    permanent_codes: Codes = Field(
        default=(),
        title="Failed for good",
        description="Exit codes after which trying again is no use",
        json_schema_extra={"widget": "names", "group": "how it ends"},
    )
    unreachable_codes: Codes = Field(
        default=(),
        title="Not reached",
        description="Exit codes that mean the other side could not be reached, such as 255 of ssh",
        json_schema_extra={"widget": "names", "group": "how it ends"},
    )
    remotes: Names = Field(
        default=(),
        title="Depends on",
        description="Names of what it reaches (nas-02); after several failures to reach it every job that names it waits",
        json_schema_extra={"widget": "names", "group": "how it ends"},
    )
    repeat: bool = Field(
        default=False,
        title="May be run again after a crash",
        description="Only if running it twice does no harm; else a run that was lost waits for a person",
        json_schema_extra={"group": "how it ends"},
    )
    markers: bool = Field(
        default=True,
        title="Understand ::progress, ::warning and ::result",
        description="Lines such as '::progress 41.2 copying' say how far it is",
        json_schema_extra={"group": "what it says"},
    )
    progress: Annotated[str, AfterValidator(patterns.checked)] = Field(
        default="",
        title="Progress pattern",
        description="A regular expression that finds (?P<percent>...), or (?P<done>...) and (?P<total>...), in a line",
        json_schema_extra={"group": "what it says"},
    )
    result: Literal["marked", "last_json"] = Field(
        default="marked",
        title="Result",
        description="What a run keeps as its result",
        json_schema_extra={
            "group": "what it says",
            "widget": "choice",
            "choices": {
                "marked": "What ::result says, if it does",
                "last_json": "The last line that is JSON",
            },
        },
    )
    keep: tuple[Glob, ...] = Field(
        default=(),
        max_length=50,
        title="Keep files",
        description="Patterns of files below its folder that the run keeps, such as reports/*.html, one a line",
        json_schema_extra={"widget": "patterns", "group": "what it says"},
    )
    user: str = Field(
        default="",
        max_length=100,
        title="Run as",
        description="A user of this machine; only where Holdfast runs as root",
        json_schema_extra={"group": "where it works"},
    )
    nice: int = Field(
        default=0,
        ge=-20,
        le=19,
        title="Nice",
        description="0 is ordinary, 19 gives way to everybody",
        json_schema_extra={"group": "limits"},
    )
    io: Literal["normal", "low", "idle"] = Field(
        default="normal",
        title="Disk",
        description="How it shares the disk with others",
        json_schema_extra={
            "group": "limits",
            "widget": "choice",
            "choices": {
                "normal": "As everybody",
                "low": "After others",
                "idle": "Only while nobody else wants it",
            },
        },
    )
    cpu_seconds: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        title="Seconds of computing",
        description="Each of its processes is ended after so many",
        json_schema_extra={"group": "limits"},
    )
    memory_mb: int | None = Field(
        default=None,
        ge=16,
        le=100_000_000,
        title="Memory, MB",
        description="Each of its processes gets at most so much",
        json_schema_extra={"group": "limits"},
    )
    open_files: int | None = Field(
        default=None,
        ge=8,
        le=1_000_000,
        title="Open files",
        description="Each of its processes may have so many at once",
        json_schema_extra={"group": "limits"},
    )
    processes: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        title="Processes",
        description="How many its user may have at once, all together; root is not held back",
        json_schema_extra={"group": "limits"},
    )

    @property
    def may_repeat(self) -> bool:
        """Tell whether the job says that it may be run again."""
        return self.repeat

    @property
    def reaches(self) -> tuple[str, ...]:
        """Return what the job says that it reaches."""
        return self.remotes

    # Before a run

    def check(self, surroundings: Surroundings) -> None:
        """Raise InvalidOptions if it cannot be run like this."""
        problems = self._problems(surroundings)
        if problems:
            raise InvalidOptions({f"options.{field}": text for field, text in problems.items()})

    def _problems(self, surroundings: Surroundings) -> dict[str, str]:
        """Return what is wrong with each field; empty where nothing is."""
        found = {
            "cwd": self._problem_of_folder(surroundings),
            "stdin": "Input cannot have NUL in it." if "\0" in self.stdin else "",
            "env": environment.problem_of(self.env, surroundings.pass_env),
            "env_files": environment.problem_of(self.env_files, surroundings.pass_env)
            or self._problem_of_files(),
            "pass_env": environment.problem_of_passed(self.pass_env, surroundings.pass_env)
            if surroundings.pass_env is not None
            else "",
            "keep": self._problem_of_globs(),
            "user": self._problem_of_user(),
            "nice": "Only root may run it before others." if self.nice < 0 and os.geteuid() else "",
        }
        codes = {name: getattr(self, name) for name in CODES}
        return {field: text for field, text in found.items() if text} | endings.problem_of_codes(codes)

    def _problem_of_folder(self, surroundings: Surroundings) -> str:
        if self.cwd is None:
            return ""
        if not self.cwd.is_absolute():
            return "Write the whole path, from / on."
        try:
            real = Path(os.path.realpath(self.cwd))
            there = real.is_dir()
        except (OSError, ValueError):
            return "This is no path of a folder."
        if not there:
            return "There is no folder here."
        if real.is_relative_to(os.path.realpath(surroundings.own_data)):
            return "Holdfast keeps its own data here; choose another folder."
        return ""

    def _problem_of_files(self) -> str:
        wrong = next((name for name, path in self.env_files.items() if not path.startswith("/")), None)
        return "" if wrong is None else f"{wrong} needs the whole path of a file, from / on."

    def _problem_of_globs(self) -> str:
        for glob in self.keep:
            try:
                leavings.compiled(glob)
            except leavings.BadGlob as error:
                return str(error)
        return ""

    def _problem_of_user(self) -> str:
        if not self.user:
            return ""
        try:
            number = (pwd.getpwuid(int(self.user)) if self.user.isdigit() else pwd.getpwnam(self.user)).pw_uid
        except (KeyError, OverflowError, ValueError):
            return "There is no such user on this machine."
        if os.geteuid() not in {0, number}:
            return "Holdfast does not run as root here, so it cannot run programs as somebody else."
        return ""

    def facts(self, surroundings: Surroundings) -> tuple[Fact, ...]:
        """Return what is wrong, and what stands in the way of nobody."""
        problems = self._problems(surroundings)
        found = [Fact(field=field, good=False, text=text) for field, text in problems.items()]
        if self.cwd is not None and "cwd" not in problems:
            real = os.path.realpath(self.cwd)
            text = "a folder" if real == str(self.cwd) else f"leads to {real}"
            found.append(Fact(field="cwd", good=True, text=text))
        return tuple(found)

    def plan_in_words(self) -> tuple[str, ...]:
        """Return what a run will do; values of variables are not in it."""
        where = f"in {self.cwd}" if self.cwd else "in a folder of the run's own"
        who = f" as {self.user}" if self.user else ""
        sentences = [
            f"Runs {self._program_in_words()} {where}{who}; no other shell or script stands between."
        ]
        names = [*self.env, *self.env_files, *self.pass_env]
        if names:
            sentences.append(
                f"Sets {', '.join(names)}, beside PATH, HOME, USER, LANG and TZ; nothing else is passed on."
            )
        sentences.append(f"It worked if it ends with {_list_of((*self.success_codes, *self.warning_codes))}.")
        if self.keep:
            sentences.append(f"Keeps the files {', '.join(self.keep)} with the run.")
        again = "is run again by itself" if self.repeat else "waits for a person: it may have been half done"
        sentences.append(f"A run that is lost in a crash {again}.")
        return tuple(sentences)

    def command_in_words(self, surroundings: Surroundings) -> tuple[str, ...]:
        """Return what a person would type; secrets stand in it as the files they are in, or as dots."""
        known = [f"{name}={self._typed_value(name, value)}" for name, value in self.env.items()]
        read = [f'{name}="$(cat {shlex.quote(path)})"' for name, path in self.env_files.items()]
        who = ["runuser", "-u", shlex.quote(self.user), "--"] if self.user else []
        line = " ".join((*known, *read, *who, self._typed()))
        fed = f"printf %s {shlex.quote(self.stdin)} | {line}" if self.stdin else line
        return (*([f"cd {shlex.quote(str(self.cwd))}"] if self.cwd else []), fed)

    def _typed_value(self, name: str, value: str) -> str:
        return "'…'" if self._is_secret(name) else shlex.quote(value)

    @abstractmethod
    def _typed(self) -> str:
        """Return the program and its arguments as a person would type them."""

    @abstractmethod
    def _program_in_words(self) -> str:
        """Return what is run, in words."""

    # A run

    @abstractmethod
    def _argv(self, context: RunContext) -> tuple[str, ...]:
        """Return the arguments of the program of this run."""

    def run(self, context: RunContext) -> Outcome:
        """Make one attempt."""
        self._refuse_what_was_good_once(context.surroundings)
        variables = self._variables()
        mask = Mask(value for name, value in variables.items() if self._is_secret(name))
        listener = Listener(
            context.report,
            pattern=self.progress,
            markers=self.markers,
            wants_answer=self.result == "last_json",
        )
        folder = self._folder(context)
        order = self._order(context, folder, variables)
        ending = context.execute(order, listener.hear, hide=mask.over, on_latest=listener.glance)
        listener.finish()
        kept = self._kept(context, folder)
        return self._judged(ending, listener, kept)

    def _refuse_what_was_good_once(self, surroundings: Surroundings) -> None:
        try:
            self.check(surroundings)
        except InvalidOptions as error:
            problems = {field.removeprefix("options."): words for field, words in error.problems.items()}
            message = " ".join(f"{field}: {words}" for field, words in problems.items())
            raise EngineFailed(message, hint="Put it right or edit the job, then start it again.") from None

    def _is_secret(self, name: str) -> bool:
        return name in self.env_files or is_secret(name, self.secret_env)

    def _variables(self) -> dict[str, str]:
        read = {name: _content_of(name, Path(path)) for name, path in self.env_files.items()}
        return environment.environment_for(self.user, {**self.env, **read}, self.pass_env)

    def _folder(self, context: RunContext) -> Path:
        if self.cwd is not None:
            return self.cwd
        if self.user:
            return Path(environment.home_of(self.user))  # nobody else can enter a folder of ours
        folder = context.workspace / ROOM
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _order(self, context: RunContext, folder: Path, variables: Mapping[str, str]) -> Order:
        return Order(
            argv=self._argv(context),
            folder=str(folder),
            environment=variables,
            stdin=self.stdin,
            umask=UMASK,
            user=self.user,
            nice=self.nice,
            io={"normal": "", "low": "7", "idle": "idle"}[self.io],
            limits=Limits(
                memory_bytes=self.memory_mb and self.memory_mb * MEGABYTE,
                cpu_seconds=self.cpu_seconds,
                open_files=self.open_files,
                processes=self.processes,
            ),
            # Half of the log's, which has a time in each line: so the end of what is said finds room there.
            output_quota=(context.surroundings.log_bytes or OUTPUT_QUOTA) // 2,
        )

    def _kept(self, context: RunContext, folder: Path) -> leavings.Gathered:
        if not self.keep:
            return leavings.Gathered()
        try:
            return leavings.gather(folder, self.keep, context.workspace / KEPT)
        except OSError as error:
            return leavings.Gathered(warnings=(f"Its files could not be kept: {error.strerror}.",))

    def _judged(self, ending: Exit, listener: Listener, kept: leavings.Gathered) -> Outcome:
        """Return what it has to show; raises EngineFailed or Unreachable by how it ended."""
        result = endings.result_of(ending, listener.answer, kept)
        warnings = [*listener.warnings, *kept.warnings, *endings.what_was_odd(ending)]
        code = ending.code
        if code in self.warning_codes:
            warnings.insert(0, f"It {endings.how(ending)}, which counts as a success with a warning.")
        if code in self.success_codes or code in self.warning_codes:
            return Outcome(result=result, warnings=tuple(warnings))
        words = f"{self._program_in_words()} {endings.how(ending)}"
        said = f": {listener.last_words}" if listener.last_words and code is not None else ""
        message = f"{words}{said}" if said.endswith((".", "!", "?", "…")) else f"{words}{said}."
        if code in self.unreachable_codes:
            raise Unreachable(message, hint=HINT_UNREACHABLE)
        hint = HINT + endings.meaning(code if code not in self.permanent_codes else None)
        transient = code not in self.permanent_codes
        raise EngineFailed(message, hint=hint, transient=transient, result=result, warnings=warnings)


CODES: Final = ("success_codes", "warning_codes", "permanent_codes", "unreachable_codes")
HINT: Final = "The log has all it said."
HINT_UNREACHABLE: Final = "Look whether the other side is up and this machine may come in."


def _content_of(name: str, path: Path) -> str:
    """Return what a file says, for a variable; raises EngineFailed."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_SECRET_FILE + 1)
    except OSError as error:
        message = f"The value of {name} cannot be read from {path}: {error.strerror}."
        raise EngineFailed(message, hint="Look at the file and who may read it.") from None
    if len(content) > LONGEST_SECRET_FILE or b"\0" in content:
        message = f"What {path} says is too long for {name}, or is no text."
        raise EngineFailed(message, hint="Name a file with nothing but the value.")
    return content.decode(errors="surrogateescape").rstrip("\r\n")


def _list_of(codes: tuple[int, ...]) -> str:
    words = " or ".join(map(str, sorted(codes)))
    return f"exit code {words}" if codes else "no exit code at all: name one"
