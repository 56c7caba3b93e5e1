"""Which version of a job a change is meant for: named in its body, as If-Match, or in both."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header

from core.errors import InvalidOptions
from fastapi_app.refusals import VersionRequired

TAG: Final = re.compile(r'(?:W/)?(?:"([1-9]\d{0,15})"|([1-9]\d{0,15}))')
ANY: Final = "*"


@dataclass(frozen=True)
class Named:
    """The versions that a change is meant for; None is any."""

    versions: frozenset[int] | None

    def of(self, present: Callable[[], int]) -> int | None:
        """Return the version to insist on, None for none; `present` is asked only where several may be."""
        if self.versions is None:
            return None
        if len(self.versions) > 1 and (version := present()) in self.versions:
            return version
        return max(self.versions)


def etag(version: int) -> str:
    """Return the version as answers carry it."""
    return f'"{version}"'


def named_in(headers: Sequence[str]) -> Named | None:
    """Return the versions that If-Match names, None without one; raises InvalidOptions for nonsense."""
    if not headers:
        return None
    tags = [tag.strip() for tag in ",".join(headers).split(",")]
    if tags == [ANY]:
        return Named(None)
    found = [TAG.fullmatch(tag) for tag in tags]
    if not all(found):
        raise InvalidOptions({"If-Match": 'This must be the ETag of a job, such as "3", or *.'})
    return Named(frozenset(int(tag[1] or tag[2]) for tag in found if tag))


def agreed(named: Named | None, in_body: int | None) -> Named:
    """Return what body and header say together; raises VersionRequired if they say nothing."""
    if in_body is None:
        if named is None:
            raise VersionRequired
        return named
    if named is not None and named.versions is not None and in_body not in named.versions:
        raise InvalidOptions({"version": "The body names another version than If-Match does."})
    return Named(frozenset({in_body}))


async def _if_match(if_match: Annotated[list[str] | None, Header(alias="If-Match")] = None) -> Named | None:
    return named_in(if_match or ())


IfMatch = Annotated[Named | None, Depends(_if_match)]
