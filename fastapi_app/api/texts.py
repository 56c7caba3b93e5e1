"""The JSON of lists, made anew only where the list is another one."""

from collections import OrderedDict
from typing import Final

from core.listing import JobPage, JobQuery
from fastapi_app.api.values import JobOut, JobsOut

KEPT: Final = 20
"""How many of the lists that were asked for last."""


class PageTexts:
    """Answers a page of jobs in JSON; a page that nothing changed is the same object, and has the same text."""

    def __init__(self) -> None:
        self._texts: OrderedDict[JobQuery, tuple[JobPage, str]] = OrderedDict()

    def of(self, query: JobQuery, page: JobPage) -> str:
        """Return the page that answers the query, as JSON says it."""
        known, text = self._texts.pop(query, (None, ""))
        if known is not page:
            items = [JobOut.of_overview(item) for item in page.items]
            answer = JobsOut.model_construct(items=items, next=page.next, total=page.total)
            text = answer.model_dump_json(by_alias=True)
        self._texts[query] = page, text
        while len(self._texts) > KEPT:
            self._texts.popitem(last=False)
        return text
