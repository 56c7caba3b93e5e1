"""Jobs whose rows are lost, taken from what people can read: their definitions."""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from os import stat_result
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import asdict

from core.errors import InvalidYaml
from core.models import GOOD_ID, Job
from core.storage.base import Problem
from core.storage.definitions import Definition
from core.storage.looking import calm_signature, content, is_ours_to_read, parsed, problem_of, walk
from core.storage.placed import Placed, crc_of
from core.storage.reading import unreadable


class Revived(NamedTuple):
    """A job as its definition has it, or the text before it; `problem` is what is wrong with the file."""

    job: Job | None
    placed: Placed
    problem: Problem | None = None


def revived(root: Path, known: Collection[str], is_wanted: Callable[[str], bool]) -> Iterator[Revived]:
    """Give every job that is wanted; `known` are the files below `jobs/` that need not be looked at."""
    for below, folder in walk(root / "jobs"):
        if folder.trouble is not None:
            path = f"jobs/{below}".rstrip("/")
            yield Revived(
                None, Placed(file=below, crc=0), Problem(path=path, message=str(unreadable(folder.trouble)))
            )
        for file in sorted(set(folder.files).difference(known)):
            found = _from_file(root, file)
            if found is not None and (found.job is None or is_wanted(found.job.id)):
                yield found


def _from_file(root: Path, file: str) -> Revived | None:
    try:
        text, status = content(root / "jobs" / file)
        definition = parsed(text)
    except FileNotFoundError:
        return None
    except InvalidYaml as error:
        problem = problem_of(file, error)
        return _from_text_before(root, file, problem) or Revived(None, Placed(file=file, crc=0), problem)
    if definition.id is None:
        return None
    placed = Placed(file=file, crc=crc_of(text), signature=calm_signature(status))
    return Revived(_job(definition, definition.id, status), placed)


def _from_text_before(root: Path, file: str, problem: Problem) -> Revived | None:
    """Return the job as the youngest kept text of its definition has it."""
    beginning = Path(file).stem[-8:]
    if not GOOD_ID.match(beginning):
        return None
    for path in sorted((root / "backups" / "definitions" / beginning[:2]).glob(f"{beginning}*.yaml")):
        if not is_ours_to_read(path.name):
            continue
        try:
            text, status = content(path)
            definition = parsed(text)
        except (InvalidYaml, FileNotFoundError):
            continue
        if definition.id is not None and path.name.startswith(f"{definition.id}."):
            return Revived(
                _job(definition, definition.id, status), Placed(file=file, crc=crc_of(text)), problem
            )
    return None


def _job(definition: Definition, job_id: str, status: stat_result) -> Job:
    """Return the job as a new one: which version it was at, no definition says."""
    at = datetime.fromtimestamp(status.st_mtime, UTC)
    return Job(**asdict(definition) | {"id": job_id, "version": 1, "created_at": at, "updated_at": at})
