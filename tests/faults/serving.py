"""`holdfast` with two more kinds, for faults: what a program says is all they do.

"lasting" may be repeated, "single" must not be.
"""

from types import MappingProxyType
from typing import ClassVar

import core.engines
from core.engines.base import Engine
from core.errors import EngineFailed
from core.processes.orders import Order
from core.work import Outcome, RunContext

PATH = "/usr/local/bin:/usr/bin:/bin"


class LastingEngine(Engine):
    """Runs a program, and tells its exit code."""

    kind: ClassVar[str] = "lasting"
    label: ClassVar[str] = "Run a program"
    summary: ClassVar[str] = "For faults"
    repeatable: ClassVar[bool] = True
    uses_programs: ClassVar[bool] = True

    argv: tuple[str, ...]
    grace: float = 5.0

    def run(self, context: RunContext) -> Outcome:
        heard = []
        order = Order(argv=self.argv, environment={"PATH": PATH}, grace=self.grace)
        ending = context.execute(order, lambda _, text: heard.append(text))
        result = {
            "code": ending.code,
            "signal": ending.signal,
            "heard": len(heard),
            "left": ending.left_behind,
        }
        if ending.code:
            raise EngineFailed(f"It ended with {ending.code}.", result=result)
        return Outcome(result=result)


class SingleEngine(LastingEngine):
    """The same, but it must not be started twice."""

    kind: ClassVar[str] = "single"
    repeatable: ClassVar[bool] = False


def main() -> None:
    """Be `holdfast`."""
    more = {engine.kind: engine for engine in (LastingEngine, SingleEngine)}
    core.engines.ENGINES = MappingProxyType({**core.engines.ENGINES, **more})  # type: ignore[misc]
    from fastapi_app.cli.__main__ import main as holdfast  # noqa: PLC0415 - it is to find the kinds above

    holdfast()


if __name__ == "__main__":
    main()
