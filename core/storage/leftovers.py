"""What a process that was killed had in hand below `jobs/`: cleared away, and a person's text kept."""

import logging
from pathlib import Path

from core.errors import InvalidYaml
from core.storage.base import Problem
from core.storage.definitions import definition_from, is_damage
from core.storage.exchanging import OURS_BY_SUM
from core.storage.looking import Found, Kind, content, printable
from core.storage.placed import crc_of
from core.storage.standing import Standing

log = logging.getLogger(__name__)


def cleared(standing: Standing, file: str) -> Found | None:
    """Clear a temporary file of ours away; returns what there is to say of one that has a person's text."""
    path = standing.places.path(file)
    made_with = OURS_BY_SUM.match(path.name)
    with standing.files:
        if made_with is None or path in standing.places.on_the_way:
            return None
        try:
            text = content(path).text
            if crc_of(text) == int(made_with[2], 16) or is_damage(text):
                path.unlink()  # it had not reached its place
                return None
            return _came_out(standing, path, path.with_name(made_with[1]), text, made_with[2])
        except (OSError, InvalidYaml) as error:
            log.warning("jobs/%s was left behind and cannot be cleared away: %s", printable(file), error)
            return None


def _came_out(standing: Standing, path: Path, original: Path, text: bytes, ours: str) -> Found | None:
    """Put away what stood where ours stands now; `ours` is the checksum of that, in hex digits."""
    job_id = _id_in(text)
    if job_id is not None and _is_known(standing, job_id, text):
        standing.places.kept.take_in(job_id, path)
        return None
    exchanged = _says(original, int(ours, 16))
    kept = standing.places.put_aside(path, original)
    if not exchanged:  # it had not reached its place, and is ours as far as it was written
        log.info("%s was left behind; it is in %s", path, kept)
        return None
    if job_id is None or (place := standing.placed.get(job_id)) is None:
        log.warning("%s was left behind; it is in %s", path, kept)
        return None
    message = (
        "The file was saved at the moment when Holdfast wrote it and was stopped. "
        f"Holdfast kept its own; what was saved is in {kept}."
    )
    problem = Problem(path=f"jobs/{printable(place.file)}", message=message, job_id=job_id, kept=kept)
    return Found(kind=Kind.MISTAKEN, file=place.file, job_id=job_id, problem=problem)


def _says(path: Path, crc: int) -> bool:
    try:
        return crc_of(content(path).text) == crc
    except (FileNotFoundError, InvalidYaml):
        return False


def _id_in(text: bytes) -> str | None:
    try:
        return definition_from(text).id
    except InvalidYaml:
        return None


def _is_known(standing: Standing, job_id: str, text: bytes) -> bool:
    """Tell whether a text is one that Holdfast had seen."""
    place = standing.placed.get(job_id) or standing.going.get(job_id)
    if (place is not None and place.crc == crc_of(text)) or standing.is_stale(job_id, text):
        return True
    return text in standing.places.kept.texts(job_id)
