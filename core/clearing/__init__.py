"""Removing from the source what a run has copied and proved, so that nothing can be lost by it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.clearing.wishes import ClearingWishes
from core.destinations.known import Target
from core.models import NOTHING
from core.proofs.values import Proof
from core.work import RunContext


def clear(
    context: RunContext,  # noqa: ARG001 - nothing is taken away yet
    wishes: ClearingWishes,  # noqa: ARG001
    source: Path,  # noqa: ARG001
    target: Target,  # noqa: ARG001
    proof: Proof,  # noqa: ARG001
) -> Mapping[str, Any]:
    """Take away from the source what was proved, where the job says so; return what was done, empty where nothing was."""
    return NOTHING
