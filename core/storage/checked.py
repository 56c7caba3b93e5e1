"""Files of checked lines, read so that a bad line costs nothing but itself."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from core.errors import InvalidYaml
from core.storage.lines import is_blank, opened

MOST_NAMED: Final = 20
"""How many bad places of one file are told apart."""


class Bad(NamedTuple):
    """Lines of a file, one after the other, that cannot be read; the first is number `line`."""

    line: int
    last: int
    raw: bytes
    why: str

    @property
    def words(self) -> str:
        """Return what is wrong, as a sentence."""
        if self.line == self.last:
            return self.why
        many = "" if self.why else "Many lines from "
        return f"{many or 'Lines '}{self.line} to {self.last} cannot be read."


class Line(NamedTuple):
    """A line of a file: its number, where it ends, and its JSON text; `why` there is none."""

    number: int
    end: int
    raw: bytes
    text: bytes
    why: str = ""


def lines_of(content: bytes, seed: int) -> Iterator[Line]:
    """Give every line that says something, or should."""
    end = 0
    for number, raw in enumerate(content.split(b"\n"), start=1):
        end = min(end + len(raw) + 1, len(content))
        if is_blank(raw):
            continue
        try:
            yield Line(number, end, raw, opened(raw, seed))
        except InvalidYaml as error:
            yield Line(number, end, raw, b"", str(error))


def bad_lines(lines: list[Line]) -> list[Bad]:
    """Return what is bad among the lines; neighbours count as one, and so do very many."""
    bad: list[Bad] = []
    for line in lines:
        if not line.why:
            continue
        if bad and bad[-1].last == line.number - 1:
            before = bad.pop()
            bad.append(before._replace(last=line.number, raw=before.raw + b"\n" + line.raw))
        else:
            bad.append(Bad(line.number, line.number, line.raw, line.why))
    if len(bad) > MOST_NAMED:
        return [Bad(bad[0].line, bad[-1].last, b"\n".join(each.raw for each in bad), "")]
    return bad
