"""The kinds of steps: what each does before a copy, what undoes it, and who may ask for it."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from core.commanding import arguments
from core.models import NOTHING, Value
from core.steps import sqlite_dump

UNIT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,254}\Z")
CONTAINER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
DATABASE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.$-]{0,62}\Z")
HOST: Final = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}|/[A-Za-z0-9/._-]{0,200})\Z")
UNIT_ENDINGS: Final = (
    *(".service", ".socket", ".device", ".mount", ".automount", ".swap"),
    *(".target", ".path", ".timer", ".slice", ".scope"),
)
"""What the whole name of a unit ends in, see systemd.unit(5)."""

DUMP_ENDINGS: Final = (".sql", ".dump", ".sqlite", ".sqlite3", ".db", ".backup")
CONNECT_SECONDS: Final = "15"


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if text and not pattern.match(text):
            message = f"this is no name of {what}"
            raise ValueError(message)
        return text

    return AfterValidator(check)


def _whole(path: Path) -> Path:
    if not path.is_absolute() or ".." in path.parts or not str(path).isprintable():
        message = "write the whole path, from / on, without .."
        raise ValueError(message)
    return path


def _with_ending(path: Path) -> Path:
    if path.suffix.lower() not in DUMP_ENDINGS:
        message = f"a dump's name must end in one of {', '.join(DUMP_ENDINGS)}, so that no other file is overwritten"
        raise ValueError(message)
    return path


def _runnable(argv: tuple[str, ...]) -> tuple[str, ...]:
    if argv and "/" in argv[0] and not argv[0].startswith("/"):
        message = "write the program's whole path, from / on, or its name alone"
        raise ValueError(message)
    return arguments.checked(argv) if argv else argv


Unit = Annotated[str, Field(min_length=1), _matching(UNIT, "a unit of systemd")]
Container = Annotated[str, Field(min_length=1), _matching(CONTAINER, "a container")]
Database = Annotated[str, _matching(DATABASE, "a database")]
Login = Annotated[str, _matching(DATABASE, "a user")]
Host = Annotated[str, _matching(HOST, "a host, or path of a folder with a socket")]
WholePath = Annotated[Path, AfterValidator(_whole)]
DumpPath = Annotated[Path, AfterValidator(_whole), AfterValidator(_with_ending)]
Command = Annotated[
    tuple[str, ...],
    BeforeValidator(arguments.entered),
    AfterValidator(_runnable),
]


class Deed(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A program that is run for a step: in words for people, with what its environment has beside the usual."""

    words: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = NOTHING
    user: str = ""
    stdin: str = ""


class Probe(Value, frozen=True, kw_only=True):
    """A question whether there is anything to stop: it is where one of these lines is among the answer.

    A program that ends with anything but 0, or says `unknown`, does not know of it.
    """

    argv: tuple[str, ...]
    yes: tuple[str, ...]
    unknown: str = ""


class Step(BaseModel):
    """One thing that is done before a copy; most are undone after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    main: ClassVar[str] = ""
    """The field whose name need not be written in a line of words."""

    seconds: int = Field(default=3600, ge=1, le=86_400, description="How long each program of it may take")
    on_failure: Literal["fail", "warn"] = Field(
        default="fail",
        description="Whether nothing is copied when it fails, or the run goes on with a warning",
    )

    @property
    def needs_admin(self) -> bool:
        """Tell whether only an admin may ask for it."""
        return True

    @property
    def probe(self) -> Probe | None:
        """Return what tells whether there is anything to do and undo; None is always."""
        return None

    @property
    def dump(self) -> Path | None:
        """Return the file that it makes; None where it makes none."""
        return None

    def deed(self, dump: Path | None) -> Deed | None:  # noqa: ARG002 - only dumps write a file
        """Return what is done before the copy; a dump is written into this file first. None is nothing."""
        return None

    def undoing(self) -> Deed | None:
        """Return what undoes it; to do that twice does no harm. None where there is nothing to undo."""
        return None


class StopService(Step):
    """Stops a unit of systemd, and starts it afterwards; one that did not run stays as it is."""

    main: ClassVar[str] = "name"
    do: Literal["stop-service"] = "stop-service"
    name: Unit

    @property
    def _unit(self) -> str:
        """Return its whole name, as systemd completes it: two ways to say one service are one."""
        return self.name if self.name.endswith(UNIT_ENDINGS) else f"{self.name}.service"

    @property
    def probe(self) -> Probe:
        """Ask systemd whether it runs."""
        asked = ("--property=LoadState", "--property=ActiveState")
        running = ("ActiveState=active", "ActiveState=activating", "ActiveState=reloading")
        return Probe(
            argv=("systemctl", "show", *asked, "--", self._unit), yes=running, unknown="LoadState=not-found"
        )

    def deed(self, dump: Path | None) -> Deed:  # noqa: ARG002 - it makes no file
        """Stop it."""
        argv = ("systemctl", "--no-ask-password", "stop", "--", self._unit)
        return Deed(words=f"stop {self.name}", argv=argv)

    def undoing(self) -> Deed:
        """Start it."""
        argv = ("systemctl", "--no-ask-password", "start", "--", self._unit)
        return Deed(words=f"start {self.name}", argv=argv)


class StopContainer(Step):
    """Stops a container, and starts it afterwards; one that did not run stays as it is."""

    main: ClassVar[str] = "name"
    do: Literal["stop-container"] = "stop-container"
    name: Container
    program: Literal["docker", "podman"] = "docker"

    @property
    def probe(self) -> Probe:
        """Ask whether it runs."""
        argv = (self.program, "inspect", "--format", "{{.State.Running}}", "--", self.name)
        return Probe(argv=argv, yes=("true",))

    def deed(self, dump: Path | None) -> Deed:  # noqa: ARG002 - it makes no file
        """Stop it."""
        return Deed(words=f"stop the container {self.name}", argv=(self.program, "stop", "--", self.name))

    def undoing(self) -> Deed:
        """Start it."""
        return Deed(words=f"start the container {self.name}", argv=(self.program, "start", "--", self.name))


class Dump(Step):
    """Writes a database into a file below the source."""

    main: ClassVar[str] = "to"
    to: DumpPath = Field(
        description="The file, below the source; an older dump there is replaced once the new one is whole"
    )

    @property
    def dump(self) -> Path:
        """Return the file that it makes."""
        return self.to


class DumpPostgresql(Dump):
    """Dumps a PostgreSQL database, or all of a server with its roles."""

    do: Literal["dump-postgresql"] = "dump-postgresql"
    database: Database = Field(default="", description="Empty is all of them, with roles")
    host: Host = Field(default="", description="Empty is this machine")
    port: int | None = Field(default=None, ge=1, le=65_535)
    user: Login = ""
    passfile: WholePath | None = Field(default=None, description="A file as ~/.pgpass, for the password")
    run_as: Login = Field(default="", description="A user of this machine, such as postgres")

    @property
    def needs_admin(self) -> bool:
        """Tell whether it names a place, a file or a user that only an admin may choose."""
        return bool(self.host or self.passfile or self.run_as)

    def deed(self, dump: Path | None) -> Deed:
        """Dump it."""
        program = "pg_dump" if self.database else "pg_dumpall"
        argv = [program, "--no-password", f"--file={dump}"]
        argv += [f"--host={self.host}"] if self.host else []
        argv += [f"--port={self.port}"] if self.port else []
        argv += [f"--username={self.user}"] if self.user else []
        argv += [f"--dbname={self.database}"] if self.database else []
        environment = {"PGCONNECT_TIMEOUT": CONNECT_SECONDS}
        environment |= {"PGPASSFILE": str(self.passfile)} if self.passfile else {}
        what = f"the database {self.database}" if self.database else "all databases of PostgreSQL"
        return Deed(words=f"dump {what}", argv=tuple(argv), environment=environment, user=self.run_as)


class DumpMariadb(Dump):
    """Dumps a MariaDB or MySQL database, or all of a server."""

    do: Literal["dump-mariadb"] = "dump-mariadb"
    database: Database = Field(default="", description="Empty is all of them")
    program: Literal["mariadb-dump", "mysqldump"] = "mariadb-dump"
    defaults_file: WholePath | None = Field(
        default=None, description="A file with a section [client], for host, user and password"
    )

    @property
    def needs_admin(self) -> bool:
        """Tell whether it names a file: what stands in such a file can load code."""
        return self.defaults_file is not None

    def deed(self, dump: Path | None) -> Deed:
        """Dump it, as it is at one moment."""
        files = f"--defaults-extra-file={self.defaults_file}" if self.defaults_file else "--no-defaults"
        which = ("--databases", self.database) if self.database else ("--all-databases",)
        argv = (self.program, files, "--single-transaction", "--quick", "--routines", "--events")
        what = f"the database {self.database}" if self.database else "all databases of MariaDB"
        return Deed(words=f"dump {what}", argv=(*argv, f"--result-file={dump}", *which))


class DumpSqlite(Dump):
    """Copies an SQLite database as it is at one moment, while others write to it."""

    do: Literal["dump-sqlite"] = "dump-sqlite"
    database: WholePath = Field(description="The file of the database")

    @property
    def needs_admin(self) -> bool:
        """Tell that anybody may who may copy the file itself."""
        return False

    def deed(self, dump: Path | None) -> Deed:
        """Dump it by a program of ours."""
        argv = (sys.executable, "-I", sqlite_dump.__file__, str(self.database), str(dump))
        return Deed(words=f"dump the database {self.database.name}", argv=argv)


class RunCommand(Step):
    """Runs a command before the copy, and another after it, whatever became of the copy."""

    do: Literal["command"] = "command"
    before: Command = Field(default=(), description="The program with its arguments; no shell comes between")
    after: Command = Field(
        default=(), description="Run afterwards, after a crash too, so perhaps more than once"
    )

    def deed(self, dump: Path | None) -> Deed | None:  # noqa: ARG002 - it makes no file that we know
        """Run what comes before."""
        return Deed(words=f"run {self.before[0]}", argv=self.before) if self.before else None

    def undoing(self) -> Deed | None:
        """Run what comes after."""
        return Deed(words=f"run {self.after[0]}", argv=self.after) if self.after else None


AnyStep = Annotated[
    StopService | StopContainer | DumpPostgresql | DumpMariadb | DumpSqlite | RunCommand,
    Field(discriminator="do"),
]

KINDS: Final[Mapping[str, type[Step]]] = {
    kind.model_fields["do"].default: kind
    for kind in (StopService, StopContainer, DumpPostgresql, DumpMariadb, DumpSqlite, RunCommand)
}
