"""Whether a run waits for a person's answer; pure."""

from core.models import Ending, Run
from core.states import RunState


def asks(run: Run | None) -> bool:
    """Tell whether the run waits for a person's answer: its engine set it down itself and says why."""
    if run is None or run.state != RunState.PAUSED or not run.attempts:
        return False
    return bool(run.reason) and run.attempts[-1].ending == Ending.PAUSED
