"""Which pairs of folders are refused, because a copy between them would do harm."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from core.copying.roots import FOLDER
from core.copying.troubles import in_words

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
SYSTEM: Final = tuple(
    Path(name)
    for name in (
        "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run",
        "/sbin", "/sys", "/usr", "/var/lib/dpkg", "/var/run",
    )
)  # fmt: skip
"""Folders of the system itself; copying into them could stop the machine from working."""
NEVER_READ: Final = tuple(Path(name) for name in ("/dev", "/proc", "/run", "/sys"))
"""Folders that hold no files but windows into the running system."""
REMOVABLE: Final = (Path("/run/media"), Path("/run/user"))
"""Where desktops mount disks, although it lies in a folder of the system."""

Problems = dict[str, str]


def problems_with(source: Path, destination: Path, own_data: Path) -> Problems:
    """Return why these folders are refused, a sentence by field; empty is fine."""
    found = problems_of("source", source, problems_with_source)
    found |= problems_of("destination", destination, problems_with_destination)
    return found or problems_between(source, destination) or problems_with_own(source, destination, own_data)


def problems_of(name: str, path: Path, look: Callable[[Path], Problems]) -> Problems:
    """Return what is wrong with one folder, whatever is wrong with the other."""
    problem = problem_with_path(path)
    return {name: problem} if problem else look(path)


def problem_with_path(path: Path) -> str | None:
    """Return what is wrong with a path as it was written."""
    text = str(path)
    if CONTROL.search(text):
        return "The path has a control character in it."
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return "The path has a character in it that no file name can have."
    if not path.is_absolute():
        return "The path must be absolute: begin it with a slash."
    if ".." in path.parts:
        return "The path must not go up with `..`; write where it really is."
    return None


def problems_with_source(source: Path) -> Problems:
    """Return why nothing can be copied from here."""
    real = real_path(source)
    if real == Path("/"):
        return {"source": "The whole machine, /, is not copied; name the folders that matter."}
    if belongs_to(real, NEVER_READ):
        return {"source": f"{real} holds no files, only windows into the running system."}
    if problem := unreadable(source):
        return {"source": problem}
    return {}


def unreadable(source: Path) -> str | None:
    """Return why the folder cannot be opened."""
    try:
        os.close(os.open(source, FOLDER))
    except NotADirectoryError:
        return f"{source} is not a folder."
    except FileNotFoundError:
        return f"There is no folder {source}. Is the disk mounted?"
    except (OSError, ValueError) as error:
        words = in_words(error) if isinstance(error, OSError) else "its name is impossible"
        return f"{source} cannot be opened: {words}."
    return None


def problems_with_destination(destination: Path) -> Problems:
    """Return why nothing can be copied to here."""
    real = real_path(destination)
    if real == Path("/"):
        return {"destination": "The root of the machine, /, is never copied into."}
    if belongs_to(real, system_folders()):
        return {"destination": f"{real} belongs to the system and is never copied into."}
    if destination.is_dir():
        return {}
    if os.path.lexists(destination):
        return {"destination": f"{destination} is not a folder."}
    if not destination.parent.is_dir():
        above = destination.parent
        return {"destination": f"There is no folder {above}. Is the disk mounted?"}
    return {}


def system_folders() -> Iterator[Path]:
    """Yield the system's folders, by the names given to them and by where they really are."""
    for folder in SYSTEM:
        yield folder
        yield real_path(folder)


def belongs_to(path: Path, folders: Iterable[Path]) -> bool:
    """Tell whether the path is one of the folders or lies in one, other than on a mounted disk."""
    within = any(path == folder or folder in path.parents for folder in folders)
    return within and not removable(path)


def removable(path: Path) -> bool:
    """Tell whether it is on a disk that a desktop has mounted."""
    return any(folder in path.parents for folder in REMOVABLE)


def problems_between(source: Path, destination: Path) -> Problems:
    """Return why these two cannot go together, whatever links lead to them."""
    if same(source, destination):
        return {"destination": "The destination is the source itself."}
    if inside(destination, source):
        return {"destination": "The destination lies inside the source; it would copy itself."}
    if inside(source, destination):
        return {"destination": "The source lies inside the destination; it could be overwritten."}
    return {}


def problems_with_own(source: Path, destination: Path, own_data: Path) -> Problems:
    """Return why a folder is refused because Holdfast keeps its own data there."""
    if same(source, own_data) or inside(source, own_data):
        return {"source": "This is Holdfast's own data; `holdfast store backup` copies it safely."}
    if same(destination, own_data) or inside(destination, own_data):
        return {"destination": "This is Holdfast's own data; nothing else may be put there."}
    if inside(own_data, destination):
        return {"destination": "Holdfast's own data lies in this folder; choose another one."}
    return {}


def same(one: Path, other: Path) -> bool:
    """Tell whether both paths lead to the same folder."""
    try:
        return one.samefile(other)
    except OSError:
        return real_path(one) == real_path(other)


def inside(inner: Path, outer: Path) -> bool:
    """Tell whether a path, its links resolved, lies below a folder."""
    return any(same(above, outer) for above in real_path(inner).parents)


def real_path(path: Path) -> Path:
    """Return where a path really leads, as far as it exists."""
    return Path(os.path.realpath(path))
