"""Which pairs of folders are refused, because a copy between them would do harm."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from core.copying.mounts import Mounts, lies_in
from core.copying.names import shown
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
HOLDERS: Final = tuple(Path(name) for name in ("/home", "/root", "/var", "/var/lib"))
"""Folders whose own content is the system's, while a folder made in them may be anybody's."""
NEVER_READ: Final = tuple(Path(name) for name in ("/dev", "/proc", "/run", "/sys"))
"""Folders that hold no files but windows into the running system."""
REMOVABLE: Final = (Path("/run/media"), Path("/run/user"))
"""Where desktops mount disks, although it lies in a folder of the system."""
ROOT: Final = Path("/")

Problems = dict[str, str]


def problems_with(source: Path, destination: Path, own_data: Path, mounts: Mounts | None = None) -> Problems:
    """Return why these folders are refused, a sentence by field; empty is fine."""
    mounts = mounts or Mounts.here()
    found = problems_of("source", source, mounts, problem_with_source)
    found |= problems_of("destination", destination, mounts, problem_with_destination)
    return (
        found
        or problems_between(source, destination)
        or problems_with_own(source, destination, own_data)
        or problems_of_mounts(real_path(source), real_path(destination), real_path(own_data), mounts)
    )


def problems_of(
    name: str, path: Path, mounts: Mounts, look: Callable[[Path, Mounts], str | None]
) -> Problems:
    """Return what is wrong with one folder, whatever is wrong with the other."""
    problem = problem_with_path(path)
    if problem is None:
        try:
            problem = look(path, mounts)
        except OSError as error:
            problem = f"{path} cannot be used: {in_words(error)}."
    return {name: problem} if problem else {}


def problem_with_path(path: Path) -> str | None:
    """Return what is wrong with a path as it was written."""
    text = str(path)
    if CONTROL.search(text):
        return "The path has a control character in it."
    try:
        raw = os.fsencode(text)
    except UnicodeEncodeError:
        return "The path has a character in it that no file name can have."
    if text != raw.decode("utf-8", "replace"):
        return f"{shown(raw)} is not UTF-8. Rename it, or name a folder above it."
    if not path.is_absolute():
        return "The path must be absolute: begin it with a slash."
    if ".." in path.parts:
        return "The path must not go up with `..`; write where it really is."
    return None


def problem_with_source(source: Path, mounts: Mounts) -> str | None:
    """Return why nothing can be copied from here."""
    real = real_path(source)
    if is_root(real, mounts):
        return "The whole machine, /, is not copied; name the folders that matter."
    if belongs_to(real, NEVER_READ, mounts):
        return f"{real} holds no files, only windows into the running system."
    return unreadable(source)


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


def problem_with_destination(destination: Path, mounts: Mounts) -> str | None:
    """Return why nothing can be copied to here."""
    return problem_with_system(destination, mounts) or unusable(destination)


def problem_with_system(destination: Path, mounts: Mounts) -> str | None:
    """Return why a folder is refused because the system needs it, whether it is there yet or not."""
    real = real_path(destination)
    if is_root(real, mounts):
        return "The root of the machine, /, is never copied into."
    if belongs_to(real, system_folders(), mounts):
        return f"{real} belongs to the system and is never copied into."
    if holds_any(real, (*SYSTEM, *HOLDERS), mounts):
        return f"{real} holds folders of the system; name a folder of its own in it."
    return None


def unusable(destination: Path) -> str | None:
    """Return why the destination is neither a folder nor can be made one."""
    if destination.is_dir():
        return None
    if os.path.lexists(destination):
        return f"{destination} is not a folder."
    if not destination.parent.is_dir():
        return f"There is no folder {destination.parent}. Is the disk mounted?"
    return None


def system_folders() -> Iterator[Path]:
    """Yield the system's folders, by the names given to them and by where they really are."""
    for folder in SYSTEM:
        yield folder
        yield real_path(folder)


def is_root(path: Path, mounts: Mounts) -> bool:
    """Tell whether it is the root of the machine, whatever mount leads to it."""
    return path == ROOT or mounts.place(path) == mounts.place(ROOT)


def belongs_to(path: Path, folders: Iterable[Path], mounts: Mounts) -> bool:
    """Tell whether the path is one of the folders or lies in one, other than on a mounted disk."""
    place = mounts.place(path)
    within = any(lies_in(path, folder) or place.within(mounts.place(folder)) for folder in folders)
    return within and not removable(path)


def holds_any(path: Path, folders: Iterable[Path], mounts: Mounts) -> bool:
    """Tell whether one of the folders is this or lies in it."""
    place = mounts.place(path)
    return any(lies_in(folder, path) or mounts.place(folder).within(place) for folder in folders)


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


def problems_of_mounts(source: Path, destination: Path, own_data: Path, mounts: Mounts) -> Problems:
    """Return why these real paths cannot go together for what is mounted inside them."""
    here, there, own = (mounts.place(path) for path in (source, destination, own_data))
    for point, shows in mounts.below(destination):
        if shows.within(here) or here.within(shows):
            words = f"{point} is a mount that leads to the source; it could be overwritten."
            return {"destination": words}
        if shows.within(own) or own.within(shows):
            return {"destination": f"{point} is a mount that leads to Holdfast's own data."}
    for point, shows in mounts.below(source):
        if shows.within(there) and shows != there:  # the destination itself is left out by the scan
            words = f"{point} is a mount that leads into the destination; a copy would have no end."
            return {"source": words}
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
    """Return where a path really leads, as far as it exists and may be looked at."""
    try:
        return Path(os.path.realpath(path))
    except OSError:
        return path
