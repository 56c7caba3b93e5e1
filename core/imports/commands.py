"""What a command with rsync, restic or rclone does, as destinations and jobs of ours."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from core.imports import restic_files
from core.imports.flags import Arguments, Flags, taken_apart
from core.imports.values import Found, NotUnderstood, PlannedDestination, PlannedJob, Remark
from core.places.drafts import DestinationDraft

QUIET: Final = dict.fromkeys(("-v", "-q", "-P", "--verbose", "--quiet", "--progress", "--stats"), "")
RSYNC: Final = Flags(
    with_value={
        "--exclude": "exclude",
        "--bwlimit": "bandwidth_limit",
        "--max-delete": "remove_most",
        "-e": "shell",
        "--rsh": "shell",
        **dict.fromkeys(
            ("--log-file", "--info", "--partial-dir", "--timeout", "--contimeout", "--out-format"), ""
        ),
        **dict.fromkeys(("--backup-dir", "--suffix", "-T", "--temp-dir"), "kept"),
    },
    without={
        **QUIET,
        **dict.fromkeys(("-a", "--archive"), "archive"),
        **dict.fromkeys(("-r", "-t", "-l", "--recursive", "--times", "--links"), "plain"),
        **dict.fromkeys(("-p", "-o", "-g", "-D", "--perms", "--owner", "--group"), "archive"),
        **dict.fromkeys(("-H", "--hard-links"), "hard_links"),
        **dict.fromkeys(("-A", "--acls"), "acls"),
        **dict.fromkeys(("-X", "--xattrs"), "xattrs"),
        **dict.fromkeys(("-S", "--sparse"), "sparse"),
        **dict.fromkeys(("-x", "--one-file-system"), "one_file_system"),
        **dict.fromkeys(("-z", "--compress"), "compress"),
        **dict.fromkeys(("-c", "--checksum"), "checksum"),
        "--numeric-ids": "numeric_ids",
        "--fsync": "fsync",
        **dict.fromkeys(("--delete", "--del"), "mirror"),
        **{f"--delete-{when}": "mirror" for when in ("before", "during", "delay", "after")},
        **dict.fromkeys(("-b", "--backup"), "kept"),
        **dict.fromkeys(("-h", "-i", "-W", "-s", "-u", "--human-readable", "--itemize-changes"), ""),
        **dict.fromkeys(("--partial", "--whole-file", "--protect-args", "--secluded-args", "--update"), ""),
        **dict.fromkeys(("--inplace", "--append", "--append-verify", "--ignore-errors"), "unsafe"),
        "--remove-source-files": "removes",
    },
)
SAME_TOGGLES: Final = (
    "hard_links",
    "acls",
    "xattrs",
    "sparse",
    "one_file_system",
    "compress",
    "numeric_ids",
    "fsync",
    "mirror",
)
SSH: Final = Flags(
    with_value={"-p": "port", "-i": "key", "-l": "user"}, without={"-q": "", "-4": "", "-6": ""}
)
RESTIC: Final = Flags(
    with_value={
        **dict.fromkeys(("-r", "--repo"), "RESTIC_REPOSITORY"),
        **dict.fromkeys(("-p", "--password-file"), "RESTIC_PASSWORD_FILE"),
        "--repository-file": "RESTIC_REPOSITORY_FILE",
        "--password-command": "RESTIC_PASSWORD_COMMAND",
        "--cacert": "RESTIC_CACERT",
        **dict.fromkeys(("-e", "--exclude"), "exclude"),
        "--tag": "tags",
        **dict.fromkeys(("-H", "--host"), "host_name"),
        "--limit-upload": "bandwidth_limit",
        "--compression": "compression",
        **dict.fromkeys(("--cache-dir", "--limit-download"), ""),
    },
    without={
        **QUIET,
        **dict.fromkeys(("-x", "--one-file-system"), "one_file_system"),
        "--exclude-caches": "exclude_caches",
        **dict.fromkeys(("--json", "--no-cache", "--cleanup-cache", "--no-scan"), ""),
    },
)
VERBS: Final = frozenset(
    {"backup", "forget", "prune", "check", "snapshots", "unlock", "init", "copy", "restore"}
)
OF_RESTIC: Final = ("RESTIC_", "AWS_", "B2_", "AZURE_", "GOOGLE_", "OS_")
"""How the names of variables begin that mean something to restic."""

RCLONE: Final = Flags(
    with_value={
        "--exclude": "exclude",
        "--bwlimit": "bandwidth_limit",
        "--transfers": "transfers",
        "--checkers": "checkers",
        **dict.fromkeys(("--config", "--log-file", "--log-level", "--stats", "--retries"), ""),
    },
    without={
        **{name: "" for name in QUIET if name != "--stats"},
        "--fast-list": "fast_list",
        **dict.fromkeys(("-c", "--checksum"), "checksum"),
        "--create-empty-src-dirs": "",
    },
)


class Setting(NamedTuple):
    """Where a command stands: its line, the variables before it, and the files that were given along."""

    place: str
    variables: Mapping[str, str]
    files: Mapping[str, str]


def of_rsync(words: Sequence[str], setting: Setting) -> Found:
    """Return what a command of rsync would be; raises NotUnderstood."""
    said = taken_apart(words, RSYNC)
    if len(said.rest) != 2:  # noqa: PLR2004 - from one place to the other
        raise NotUnderstood("it has not one source and one destination")
    source, there = said.rest
    _check_is_here(source)
    if "archive" not in said and "plain" not in said:
        raise NotUnderstood("it does not go into folders (no -a and no -r)")
    options: dict[str, object] = {
        "source": _folder(source),
        "exclude": patterns_of_rsync(said.values.get("exclude", ()), "" if source.endswith("/") else source),
        "preset": "archive" if "archive" in said else "plain",
        **{name: True for name in SAME_TOGGLES if name in said},
    }
    if "checksum" in said:
        options["compare"] = "content"
    if said.last("remove_most").isdigit():
        options["remove_most"] = int(said.last("remove_most"))
    options |= _limited(said)
    below = "" if source.endswith("/") else PurePosixPath(source).name
    words_left = _left_of_rsync(said)
    remarks = tuple(Remark(place=setting.place, words=text) for text in words_left)
    name = f"{_folder(source)} to {there}"
    if ":" not in there.partition("/")[0]:
        if not there.startswith("/"):
            raise NotUnderstood("its destination is no whole path")
        options["destination"] = "/".join(part for part in (_folder(there), below) if part)
        return _job(setting, name, "rsync", options) + Found(left_out=remarks)
    planned, missing = _over_ssh(there, said, setting)
    found = Found(destinations=(planned,), left_out=remarks, files=missing)
    return found + _job(setting, name, "rsync", options, ref=planned.ref, below=below or "copy")


def _left_of_rsync(said: Arguments) -> list[str]:
    words = []
    if "removes" in said:
        words.append(
            "--remove-source-files is not taken over: deleting the source is off until you turn it on in the job."
        )
    if "unsafe" in said:
        words.append(
            "--inplace, --append and --ignore-errors are not taken over: they can leave a copy that is wrong."
        )
    if "kept" in said:
        words.append("Where it kept what it replaced is not taken over: a mirror keeps that beside the copy.")
    return words


def _over_ssh(there: str, said: Arguments, setting: Setting) -> tuple[PlannedDestination, tuple[str, ...]]:
    login, _, path = there.partition(":")
    if path.startswith(":") or there.startswith("rsync://"):
        raise NotUnderstood("it goes to a daemon of rsync, which Holdfast does not")
    program, *told = said.last("shell").split() or ["ssh"]
    if program.rpartition("/")[2] != "ssh":
        raise NotUnderstood("it goes by another program than ssh")
    shell = taken_apart(told, SSH)
    user, _, host = login.rpartition("@")
    settings: dict[str, object] = {"host": host.strip("[]"), "path": path.rstrip("/") or "."}
    if user or "user" in shell:
        settings["user"] = user or shell.last("user")
    if shell.last("port").isdigit():
        settings["port"] = int(shell.last("port"))
    key = shell.last("key")
    secrets = {"key": setting.files[key]} if key in setting.files else {}
    name = " ".join(part for part in (host, PurePosixPath(path).name) if part)
    draft = DestinationDraft(name=name[:80], type="ssh", settings=settings, secrets=secrets)
    planned = PlannedDestination(ref=there, place=setting.place, draft=draft)
    return planned, (key,) if key and key not in setting.files else ()


def of_restic(words: Sequence[str], setting: Setting) -> Found:
    """Return what a command of restic would be; raises NotUnderstood."""
    verb = next((word for word in words if word in VERBS), "")
    if verb != "backup":
        raise NotUnderstood(f"restic {verb or 'without a verb'} is not taken over")
    said = taken_apart(words, RESTIC)
    sources = [each for each in said.rest if each != verb]
    named = {name: said.last(name) for name in said.values if name.startswith("RESTIC_")}
    around = {name: value for name, value in setting.variables.items() if name.startswith(OF_RESTIC)}
    found = restic_files.destination_in({**around, **named}, setting.files, place=setting.place)
    if not found.destinations or not sources:
        raise NotUnderstood("it names no repository that could be used, or no folder")
    ref = found.destinations[0].ref
    for source in sources:
        _check_is_here(source)
        options: dict[str, object] = {
            "source": _folder(source),
            "exclude": patterns_of_restic(said.values.get("exclude", ()), _folder(source)),
            **{name: True for name in ("one_file_system", "exclude_caches") if name in said},
            **{name: said.last(name) for name in ("host_name", "compression") if name in said},
            **_limited(said),
        }
        if "tags" in said:
            options["tags"] = [tag for each in said.values["tags"] for tag in each.split(",")]
        found += _job(setting, f"{_folder(source)} to {ref}", "restic", options, ref=ref)
    return found


def of_rclone(words: Sequence[str], setting: Setting) -> Found:
    """Return what a command of rclone would be; raises NotUnderstood."""
    said = taken_apart(words, RCLONE)
    if len(said.rest) != 3 or said.rest[0] not in {"copy", "sync"}:  # noqa: PLR2004 - a verb and two places
        raise NotUnderstood("only rclone copy and rclone sync are taken over, with two places")
    verb, source, there = said.rest
    _check_is_here(source)
    remote, colon, path = there.partition(":")
    if not colon or not remote:
        raise NotUnderstood("its destination is no remote of rclone that has a name")
    options: dict[str, object] = {
        "source": _folder(source),
        "exclude": patterns_of_rsync(said.values.get("exclude", ()), ""),
        "mirror": verb == "sync",
        **{name: int(said.last(name)) for name in ("transfers", "checkers") if said.last(name).isdigit()},
        **({"fast_list": True} if "fast_list" in said else {}),
        **({"compare": "checksum"} if "checksum" in said else {}),
        **_limited(said),
    }
    return _job(
        setting, f"{_folder(source)} to {there}", "rclone", options, ref=f"{remote}:", below=path.strip("/")
    )


PROGRAMS: Final[Mapping[str, Callable[[Sequence[str], Setting], Found]]] = {
    "rsync": of_rsync,
    "restic": of_restic,
    "rclone": of_rclone,
}


def patterns_of_restic(patterns: Sequence[str], source: str) -> list[str]:
    """Return what restic leaves out as lines of a .gitignore below the source; what is elsewhere is none of it."""
    found = []
    for pattern in patterns:
        if pattern.startswith("/"):
            if pattern.startswith(f"{source.rstrip('/')}/"):
                found.append(pattern[len(source.rstrip("/")) :])
        else:
            found.append(f"**/{pattern}" if "/" in pattern.rstrip("/") else pattern)
    return found


def patterns_of_rsync(patterns: Sequence[str], source: str) -> list[str]:
    """Return what rsync or rclone leaves out as lines of a .gitignore; `source` is the folder that is carried itself."""
    found = []
    top = f"/{PurePosixPath(source).name}/" if source else "/"
    for pattern in patterns:
        if "{" in pattern:
            raise NotUnderstood("a pattern of it has { in it, which means something else here")
        bare = pattern.removesuffix("***")
        if bare.startswith("/"):
            if bare.startswith(top):
                found.append(f"/{bare.removeprefix(top)}")
        else:
            found.append(f"**/{bare}" if "/" in bare.rstrip("/") else bare)
    return found


def _job(
    setting: Setting, name: str, kind: str, options: Mapping[str, object], *, ref: str = "", below: str = ""
) -> Found:
    job = PlannedJob(place=setting.place, name=name[:200], kind=kind, options=options, ref=ref, below=below)
    return Found(
        jobs=(job,), understood=(Remark(place=setting.place, words=f"A job of kind {kind}: {name}."),)
    )


def _check_is_here(source: str) -> None:
    if not source.startswith("/"):
        raise NotUnderstood("its source is no whole path of this machine; Holdfast copies from here")


def _folder(path: str) -> str:
    return path.rstrip("/") or "/"


def _limited(said: Arguments) -> dict[str, object]:
    """Return the limit in bytes a second; programs count in units of 1,024 bytes where they say none."""
    text = said.last("bandwidth_limit").strip()
    if not text or text == "0":
        return {}
    number, unit = text.rstrip("kKmMgGiIbB"), text.lstrip("0123456789.").lower()[:1]
    factor = {"": 1 << 10, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "b": 1}.get(unit)
    if factor is None or not number.replace(".", "", 1).isdigit():
        raise NotUnderstood("its limit is not a plain number")
    return {"bandwidth_limit": max(int(float(number) * factor), 1024)}
