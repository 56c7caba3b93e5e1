"""Reading a destination back, and saying what that proves."""

from core.errors import EngineFailed
from core.proofs.values import Proof, ProofWishes
from core.work import Copied, RunContext


def prove(context: RunContext, wishes: ProofWishes) -> Proof:  # noqa: ARG001 - to come
    """Read the destination back; raises EngineFailed where it cannot be read, RunStopped when asked to stop."""
    message = "Nothing can be proved yet."
    raise EngineFailed(message)


def insist(proof: Proof, copied: Copied) -> None:
    """Raise EngineFailed where the destination was found damaged, missing something, or could not be read."""
