"""Finding out what people did to the definition files: edited, mistaken, new, moved, gone, damaged."""

import contextlib
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.errors import InvalidYaml
from core.models import Job
from core.storage import yaml_text
from core.storage.definitions import (
    FIELDS,
    Definition,
    definition_from,
    definition_of,
    is_damage,
    same,
    text_of_definition,
)
from core.storage.leftovers import cleared
from core.storage.looking import (
    Found,
    Kind,
    Seen,
    calm_signature,
    content,
    is_ours_to_read,
    parsed,
    printable,
    problem_of,
    walk,
)
from core.storage.merging import distance
from core.storage.placed import Placed, crc_of
from core.storage.standing import Standing

log = logging.getLogger(__name__)

OUR_NAMES: Final = uuid.UUID("7a1f6e0c-2b53-4c55-9d0e-5a0c4f2d9b11")


class Survey:
    """Compares what lies below `jobs/` with what was last seen there."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._placed = standing.placed
        self._jobs = standing.places.jobs

    def at(self, paths: Iterable[Path]) -> tuple[Found, ...]:
        """Return what is not as Holdfast left it at these paths, and where writing met a surprise."""
        files = {file for path in paths for file in self._below(path)}
        while self._standing.suspects:
            files.add(self._standing.suspects.pop())
        if not files:
            return ()
        owners = {place.file: job_id for job_id, place in tuple(self._placed.items()) if place.file in files}
        return self._all((file, owners.get(file)) for file in sorted(files))

    def everywhere(self, *, tidy: bool) -> Iterator[tuple[Found, ...]]:
        """Give what is not as Holdfast left it, folder by folder, and at last what is missing.

        With `tidy`, what a killed process had in hand is cleared away.
        """
        places = {place.file: job_id for job_id, place in self._placed.copy().items()}
        closed = []
        for below, folder in walk(self._jobs):
            if folder.trouble is not None:
                closed.append(f"{below}/" if below else "")
                yield (self._closed(below, folder.trouble),)
            if tidy:  # before the files are looked at: then it is still known which texts they had
                left = (cleared(self._standing, file) for file in folder.left)
                yield tuple(found for found in left if found is not None)
            changed = []
            for file, signature in folder.files.items():
                job_id = places.pop(file, None)
                known = self._placed.get(job_id) if job_id else None
                calm = known is not None and signature is not None and signature == known.signature
                if not calm or job_id in self._standing.wrong:
                    changed.append((file, job_id))
            yield self._all(changed)
        # Without its marker the whole folder went away, and nobody deleted jobs.
        if (self._jobs.parent / "store.yaml").exists():
            hidden = tuple(closed)
            missing = [(file, job_id) for file, job_id in places.items() if not file.startswith(hidden)]
            yield self._all(missing)

    def _all(self, files: Iterable[tuple[str, str | None]]) -> tuple[Found, ...]:
        looked_at = (self._examined(file, job_id) for file, job_id in files)
        return tuple(found for found in looked_at if found is not None)

    def _below(self, path: Path) -> Iterator[str]:
        """Give the definitions that a path leads to: itself, or what lies in a folder."""
        if not path.is_relative_to(self._jobs):
            return
        file = path.relative_to(self._jobs).as_posix()
        if path.is_dir() and not path.is_symlink():
            for _, folder in walk(self._jobs, "" if file == "." else file):
                yield from folder.files
        elif is_ours_to_read(path.name):
            yield file

    def _closed(self, below: str, error: OSError) -> Found:
        sentence = f"The folder cannot be read: {os.strerror(error.errno or 0).lower()}."
        return Found(kind=Kind.MISTAKEN, file=below, problem=problem_of(below, InvalidYaml(sentence)))

    def _examined(self, file: str, job_id: str | None) -> Found | None:
        """Return what there is to say about a file; None when it is as it should be."""
        with self._standing.files:
            place = self._placed.get(job_id) if job_id else None
            if job_id is None or place is None or place.file != file:
                job_id, found = None, self._stranger(file)
            else:
                found = self._known(job_id, place)
            key = job_id or f"jobs/{file}"
            if found is not None:
                self._standing.wrong.add(found.key)
            elif key in self._standing.wrong:
                self._standing.wrong.discard(key)
                return Found(kind=Kind.HEALED, file=file, job_id=job_id)
            return found

    def _known(self, job_id: str, place: Placed) -> Found | None:
        job = self._standing.job_of(job_id)
        if job is None or job_id in self._standing.held:
            return None
        try:
            seen = content(self._standing.places.path(place.file))
        except FileNotFoundError:
            return None if place.behind else Found(kind=Kind.GONE, file=place.file, job_id=job_id)
        except InvalidYaml as error:
            return _mistaken(place.file, error, job_id=job_id)
        crc = crc_of(seen.text)
        if crc == place.crc:
            self._placed[job_id] = replace(place, signature=calm_signature(seen.status))
            return None
        if self._standing.is_stale(job_id, seen.text):
            self._placed[job_id] = replace(place, crc=crc, signature=None)
            self._standing.mark(job_id, None)
            return None
        return self._changed(job, place, seen)

    def _changed(self, job: Job, place: Placed, seen: Seen) -> Found | None:
        """Return what there is to say about a text that is not the one we know."""
        if is_damage(seen.text):
            return _found(Kind.DAMAGED, place.file, seen, job_id=job.id)
        try:
            self._refuse_torn(job, place, seen.text)
            definition = parsed(seen.text)
            if definition.id not in {None, job.id}:
                if place.behind:  # its place was guessed after a crash; whoever writes it finds another
                    return None
                raise _at_id(
                    seen.text, f"Its id was {job.id}; put that back. To have a copy, leave the id out."
                )
        except InvalidYaml as error:
            return _mistaken(place.file, error, seen=seen, job_id=job.id)
        with self._standing.settled():
            return self._edited(job.id, place.file, definition, seen)

    def _refuse_torn(self, job: Job, place: Placed, text: bytes) -> None:
        """Raise InvalidYaml for the beginning of the text before, to the middle of a line: nobody saves that."""
        older = self._text_before(job.id, place, definition_of(job)) or b""
        rest = older.removeprefix(text)
        if text[-1:] != b"\n" and rest != older and rest[:1] not in {b"", b"\n", b"\r"}:
            raise InvalidYaml(
                "The file ends here, in the middle of a line, as one does that was cut off. If that is what you "
                "want, end the line.",
                line=text.count(b"\n") + 1,
                column=1,
            )

    def _edited(self, job_id: str, file: str, definition: Definition, seen: Seen) -> Found | None:
        job, place = self._standing.job_of(job_id), self._placed.get(job_id)
        if job is None or place is None:
            return None
        if same(definition, definition_of(job)):
            self._agree(job, place, seen)
            return None
        named = replace(definition, id=job_id)
        said, base = self._read_by_the_editor(job_id, named, *self._before(job, place))
        return _found(Kind.EDITED, file, seen, job_id=job_id, definition=named, said=said, base=base)

    def _agree(self, job: Job, place: Placed, seen: Seen) -> None:
        """Take note of a text that says what the job is; it may say it in other words than ours."""
        self.keep_texts(job.id, place, self._before(job, place)[1], seen.text)
        self._placed[job.id] = Placed(
            file=place.file, crc=crc_of(seen.text), signature=calm_signature(seen.status)
        )
        self._standing.settle(job.id, self._standing.due_of(job.id))
        self._standing.note([job])

    def keep_texts(self, job_id: str, place: Placed, before: Definition | None, text: bytes) -> None:
        """Keep the text that a person's replaced, and theirs where it is more than its values."""
        kept = self._standing.places.kept
        older = self._text_before(job_id, place, before)
        try:
            if older is not None:
                kept.keep(job_id, older)
            if text != text_of_definition(replace(definition_from(text), id=job_id)):
                kept.keep(job_id, text)
        except OSError as error:
            log.warning("the text before could not be kept of job %s: %s", job_id, error)

    def _text_before(self, job_id: str, place: Placed, before: Definition | None) -> bytes | None:
        """Return the text that was last seen in the file, as far as it is known."""
        for text in self._standing.places.kept.texts(job_id):
            if crc_of(text) == place.crc:
                return text
        plain = None if before is None else text_of_definition(before)
        return plain if plain is not None and crc_of(plain) == place.crc else None

    def _before(self, job: Job, place: Placed) -> tuple[Definition | None, Definition | None]:
        """Return what the file said before, and which definition it stood for; None where that is not known."""
        due = self._standing.due_of(job.id)
        known = due.before if due and due.agreed != job.version else job
        base = definition_of(known) if known else None
        with contextlib.suppress(InvalidYaml):
            if (text := self._text_before(job.id, place, base)) is not None:
                said = replace(definition_from(text), id=job.id)
                return said, base or said
        return base, base

    def _read_by_the_editor(
        self, job_id: str, theirs: Definition, said: Definition | None, base: Definition | None
    ) -> tuple[Definition | None, Definition | None]:
        """Return what the person's text was made from: mostly what the file said, or what it said a little before.

        An editor that was open while the job changed in the browser saves the values of before with
        the person's. A text that is wholly one of before is wanted as it is.
        """
        least = distance(theirs, said) if said else len(FIELDS) + len(theirs.options)
        for text in self._standing.places.kept.recent(job_id):
            with contextlib.suppress(InvalidYaml):
                older = replace(definition_from(text), id=job_id)
                if 0 < distance(theirs, older) < least:
                    said, base, least = older, older, distance(theirs, older)
        return said, base

    def _stranger(self, file: str) -> Found | None:
        """Return what there is to say about a file that is not where a job's is known to be."""
        try:
            seen = content(self._standing.places.path(file))
            definition = _first_words(file, seen)
        except FileNotFoundError:
            return None
        except InvalidYaml as error:
            return _mistaken(file, error)
        job_id = definition.id or _id_for(file, seen)
        job = self._standing.job_of(job_id)
        if job is None:
            return self._new(file, job_id, definition, seen)
        place = self._placed.get(job_id)
        if place is not None and place.file == file:  # it was written there since the sweep began
            return self._known(job_id, place)
        if place is None or not os.path.lexists(self._standing.places.path(place.file)):
            return self._moved(job, place, file)
        return self._copy(job, place, file, seen)

    def _new(self, file: str, job_id: str, definition: Definition, seen: Seen) -> Found | None:
        if job_id in self._standing.going:  # it was left behind when the job was deleted
            self._standing.going[job_id] = Placed(file=file, crc=crc_of(seen.text))
            return None
        return _found(Kind.NEW, file, seen, job_id=job_id, definition=definition)

    def _moved(self, job: Job, place: Placed | None, file: str) -> Found | None:
        """Go on with a job's file where it is now."""
        known = place or Placed(file=file, crc=0, behind=self._standing.due_of(job.id) is not None)
        here = replace(known, file=file, signature=None)
        self._placed[job.id] = here
        found = self._known(job.id, here)
        if found is None and job.id in self._standing.wrong:
            self._standing.wrong.discard(job.id)
            return Found(kind=Kind.HEALED, file=file, job_id=job.id)
        return found

    def _copy(self, job: Job, place: Placed, file: str, seen: Seen) -> Found:
        error = _at_id(
            seen.text,
            f"It has the id of the job {job.name!r}, whose file is jobs/{printable(place.file)}. "
            "To make it another job, leave the id out.",
        )
        return _mistaken(file, error, seen=seen)


def _first_words(file: str, seen: Seen) -> Definition:
    try:
        file.encode()
    except UnicodeEncodeError:
        raise InvalidYaml("The name of the file is not text in UTF-8.") from None
    if is_damage(seen.text):
        raise InvalidYaml("It is empty.", line=1, column=1)
    return parsed(seen.text)


def _found(
    kind: Kind,
    file: str,
    seen: Seen,
    *,
    job_id: str,
    definition: Definition | None = None,
    said: Definition | None = None,
    base: Definition | None = None,
) -> Found:
    return Found(
        kind=kind,
        file=file,
        job_id=job_id,
        definition=definition,
        said=said,
        base=base,
        text=seen.text,
        written_ns=_touched(seen),
    )


def _mistaken(file: str, error: InvalidYaml, *, seen: Seen | None = None, job_id: str | None = None) -> Found:
    text = seen.text if seen else b""
    return Found(
        kind=Kind.MISTAKEN,
        file=file,
        job_id=job_id,
        text=text,
        written_ns=_touched(seen) if seen else 0,
        problem=problem_of(file, error, job_id=job_id),
    )


def _at_id(text: bytes, sentence: str) -> InvalidYaml:
    line, column = yaml_text.places(text).get(("id",), (1, 1))
    return InvalidYaml(sentence, line=line, column=column)


def _touched(seen: Seen) -> int:
    return max(seen.status.st_mtime_ns, seen.status.st_ctime_ns)


def _id_for(file: str, seen: Seen) -> str:
    """Return the id that a new file is given: the same one when a crash makes us look at it again."""
    status = seen.status
    words = f"{file!a} {crc_of(seen.text)} {status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"
    return str(uuid.uuid5(OUR_NAMES, words))
