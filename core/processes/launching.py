"""Starts the program of an order as what it is to be, and says in words why it could not. Standard library only."""

import contextlib
import errno
import fcntl
import os
import resource
import signal
from typing import Any, Final, NamedTuple, NoReturn

Plain = dict[str, Any]

CANNOT: Final = 127
IO_CLASS_SHIFT: Final = 13
BEST_EFFORT, IDLE = 2, 3
LOWEST: Final = 7
IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
LIMITS: Final = {
    "memory_bytes": resource.RLIMIT_AS,
    "cpu_seconds": resource.RLIMIT_CPU,
    "open_files": resource.RLIMIT_NOFILE,
    "file_bytes": resource.RLIMIT_FSIZE,
    "processes": resource.RLIMIT_NPROC,
}
PIPE_SIZE: Final = 1 << 20


class CannotStart(Exception):
    """The program cannot be started; the words say why."""


class Started(NamedTuple):
    """A program that runs: its number, and where what it says comes in."""

    pid: int
    out: int
    err: int


class _Who(NamedTuple):
    user: int
    group: int
    groups: list[int]


def launch(order: Plain, mark: str) -> Started:
    """Start the program in a process group of its own; raises CannotStart."""
    who = _who(order.get("user", ""), order.get("group", ""))
    stdin = _stdin(order)
    out, out_end = _pipe()
    err, err_end = _pipe()
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(order, mark, who, (stdin, out_end, err_end), tell)
    for end in (stdin, out_end, err_end, tell):
        os.close(end)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    with open(told, "rb") as answer:  # noqa: PTH123 - a descriptor
        words = answer.read()
    if words:
        os.waitpid(pid, 0)
        raise CannotStart(words.decode(errors="replace"))
    return Started(pid, out, err)


def _pipe() -> tuple[int, int]:
    ours, theirs = os.pipe()
    with contextlib.suppress(OSError):  # some machines let nobody have so much
        fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    os.set_blocking(ours, False)
    return ours, theirs


def _stdin(order: Plain) -> int:
    path = order.get("stdin_file") or os.devnull
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise CannotStart(f"What it is to read, {path}, cannot be opened: {error.strerror}.") from error


def _who(user: str, group: str) -> _Who | None:
    """Return whom to become; None stays who we are."""
    if not user and not group:
        return None
    import grp  # noqa: PLC0415 - most programs run as who we are
    import pwd  # noqa: PLC0415 - as above

    uid, gid, groups = os.getuid(), os.getgid(), os.getgroups()
    if user:
        try:
            entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
        except KeyError:
            raise CannotStart(f"There is no user {user!r} on this machine.") from None
        uid, gid = entry.pw_uid, entry.pw_gid
        groups = os.getgrouplist(entry.pw_name, gid)
    if group:
        try:
            gid = (grp.getgrgid(int(group)) if group.isdigit() else grp.getgrnam(group)).gr_gid
        except KeyError:
            raise CannotStart(f"There is no group {group!r} on this machine.") from None
        groups = [gid, *groups]
    return _Who(uid, gid, groups)


def _become(order: Plain, mark: str, who: _Who | None, streams: tuple[int, int, int], tell: int) -> NoReturn:
    """Turn this child into the program; what keeps it from that is told and ends it."""
    words = "It could not be started."
    try:
        _prepare(order, streams)
        if who is not None and who != _Who(os.getuid(), os.getgid(), os.getgroups()):
            _change_user(who)
        _enter(order.get("folder", ""))
        _execute(order, mark)
    except CannotStart as error:
        words = str(error)
    except (OSError, ValueError, OverflowError) as error:
        words = f"It could not be started: {error}."
    finally:
        os.write(tell, words.encode(errors="replace"))
        os._exit(CANNOT)


def _prepare(order: Plain, streams: tuple[int, int, int]) -> None:
    os.setpgid(0, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
    os.umask(order.get("umask", 0o077))
    if nice := order.get("nice", 0):
        try:
            os.setpriority(os.PRIO_PROCESS, 0, nice)
        except PermissionError:
            raise CannotStart(f"Only root may run it with a priority of {nice}.") from None
    if io := order.get("io", ""):
        _set_io(io)
    for name, value in order.get("limits", {}).items():
        if value is not None:
            _limit(name, value)


def _limit(name: str, value: int) -> None:
    try:
        resource.setrlimit(LIMITS[name], (value, value))
    except (OSError, ValueError) as error:
        words = name.replace("_", " ")
        raise CannotStart(f"Its limit of {value} {words} cannot be set: {error}.") from error


def _set_io(io: str) -> None:
    import ctypes  # noqa: PLC0415 - few programs want it

    value = IDLE << IO_CLASS_SHIFT | LOWEST if io == "idle" else BEST_EFFORT << IO_CLASS_SHIFT | int(io)
    number = IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(number, 1, 0, value)


def _change_user(who: _Who) -> None:
    try:
        if os.getuid() == 0:
            os.setgroups(who.groups)
        os.setresgid(who.group, who.group, who.group)
        os.setresuid(who.user, who.user, who.user)
    except PermissionError:
        message = (
            f"Holdfast runs as user number {os.getuid()} and may not run programs as another; only root may."
        )
        raise CannotStart(message) from None


def _enter(folder: str) -> None:
    try:
        os.chdir(folder or "/")
    except FileNotFoundError:
        raise CannotStart(f"The folder {folder} is not there.") from None
    except OSError as error:
        raise CannotStart(f"The folder {folder} cannot be entered: {error.strerror}.") from error


def _execute(order: Plain, mark: str) -> NoReturn:
    argv = order["argv"]
    name, _, value = mark.partition("=")
    environment = {**order.get("environment", {}), name: value}
    try:
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - an argument list; that is the point
    except OSError as error:
        raise CannotStart(_in_words(argv[0], error, environment)) from error


def _in_words(name: str, error: OSError, environment: dict[str, str]) -> str:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return _missing(name, environment)
    reasons = {
        errno.EACCES: f"The program {name} may not be executed by this user.",
        errno.ENOEXEC: f"{name} is no program for this machine; a script needs a first line such as #!/bin/sh.",
        errno.E2BIG: "Its arguments and its environment are too long for this machine.",
    }
    return reasons.get(error.errno or 0) or f"The program {name} cannot be started: {error.strerror}."


def _missing(name: str, environment: dict[str, str]) -> str:
    if "/" not in name:
        return f"There is no program {name!r} in its PATH, {environment.get('PATH', os.defpath)}."
    if os.path.exists(name):  # noqa: PTH110 - pathlib costs a supervisor 5 ms
        return f"The program {name} needs an interpreter that is not there; its first line names it."
    return f"There is no program {name}."
