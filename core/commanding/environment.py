"""The environment of a program: built from nothing, with what the job says and what it may have of Holdfast's own."""

import os
import pwd
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from core.commanding.arguments import LINE_ENDS, problem_of_text
from core.hiding import DOTS, is_secret

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MOST_NAMES: Final = 200
LONGEST_VALUE: Final = 32_000
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")

NEVER: Final = ("LD_*", "DYLD_*", "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "NLSPATH", "HOLDFAST_*")
"""What makes the loader run other code than the program that the job names, and what is ours."""

BY_LEAVE: Final = (
    *(
        "PATH",
        "IFS",
        "ENV",
        "BASH_*",
        "BASHOPTS",
        "SHELLOPTS",
        "PS4",
        "PROMPT_*",
        "EDITOR",
        "VISUAL",
        "PAGER",
    ),
    *(
        "PYTHON*",
        "PERL*",
        "RUBY*",
        "NODE_*",
        "JAVA_TOOL_OPTIONS",
        "_JAVA_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "LUA_*",
    ),
    *("*_COMMAND", "*_RSH", "*_ASKPASS", "RCLONE_*", "RESTIC_*", "GIT_*", "SSH_*"),
)
"""What makes programs run others or read other settings; whoever runs Holdfast may allow each in HOLDFAST_PASS_ENV."""


def entered(value: Any) -> Any:  # noqa: ANN401 - whatever was sent; the mapping's own type is checked after this
    """Return a text of lines "NAME=value" as a mapping; raises ValueError for a line that is none."""
    if not isinstance(value, str):
        return value
    found: dict[str, str] = {}
    for number, line in enumerate(LINE_ENDS.split(value), start=1):
        name, equals, content = line.partition("=")
        if not line.strip():
            continue
        if not equals:
            message = f"Line {number} is not of the form NAME=value."
            raise ValueError(message)
        found[name.strip()] = content
    return found


def as_text(variables: Mapping[str, str]) -> str:
    """Return the variables as lines "NAME=value"."""
    return "\n".join(f"{name}={value}" for name, value in variables.items())


def problem_of(variables: Mapping[str, str], allowed: Sequence[str] | None) -> str:
    """Return what is wrong with what a job sets; empty for nothing. `allowed` None does not ask for leave."""
    if len(variables) > MOST_NAMES:
        return f"These are {len(variables):,} variables; {MOST_NAMES} at most."
    for name, value in variables.items():
        if problem := problem_of_name(name, allowed):
            return problem
        if value == DOTS or (not value and is_secret(name)):
            return f"{name} has no value yet; enter it."
        if problem := problem_of_text(value):
            return f"The value of {name} {problem}"
        if len(value) > LONGEST_VALUE:
            return f"The value of {name} has {len(value):,} characters; {LONGEST_VALUE:,} at most."
    return ""


def problem_of_name(name: str, allowed: Sequence[str] | None) -> str:
    """Return why a job may not set this variable; empty where it may."""
    if not NAME.match(name):
        return f"{name[:40]!r} is no name of a variable: letters, digits and _, and no digit first."
    if _is_among(name, NEVER):
        return f"{name} cannot be set: it changes which code the program is, or is Holdfast's own."
    if allowed is not None and _is_among(name, BY_LEAVE) and not _is_among(name, allowed):
        return (
            f"{name} can make the program run others, so it is not set unless HOLDFAST_PASS_ENV has it. "
            "Say it with an argument of the program, or ask whoever runs Holdfast."
        )
    return ""


def problem_of_passed(names: Iterable[str], allowed: Sequence[str]) -> str:
    """Return why a job may not have these variables of Holdfast's own environment; empty where it may."""
    for name in names:
        if not NAME.match(name):
            return f"{name[:40]!r} is no name of a variable."
        if _is_among(name, NEVER) or not _is_among(name, allowed):
            return f"{name} is not passed on: HOLDFAST_PASS_ENV does not have it. Whoever runs Holdfast may add it."
    return ""


def _is_among(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def environment_for(
    user: str, sets: Mapping[str, str], passes: Iterable[str], ours: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return all that a program finds in its environment."""
    name, home = _who(user)
    basic = {"PATH": PATH, "HOME": home, "USER": name, "LOGNAME": name, "LANG": ours.get("LANG") or "C.UTF-8"}
    basic |= {"TZ": ours["TZ"]} if ours.get("TZ") else {}
    return basic | {name: ours[name] for name in passes if name in ours} | dict(sets)


def _who(user: str) -> tuple[str, str]:
    """Return the name and the home of whom a program runs as."""
    try:
        entry = pwd.getpwnam(user) if user and not user.isdigit() else pwd.getpwuid(int(user or os.geteuid()))
    except (KeyError, ValueError, OverflowError):
        return user or str(os.geteuid()), "/"
    return entry.pw_name, entry.pw_dir


def home_of(user: str) -> str:
    """Return the home of a user; / where they have none."""
    return _who(user)[1]
