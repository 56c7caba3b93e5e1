"""Removing from the source what a run has copied and proved, so that nothing can be lost by it."""

from core.clearing.clearing import clear, has_only_copies, problems, roots_in
from core.clearing.names import LEFT_OUT

__all__ = ["LEFT_OUT", "clear", "has_only_copies", "problems", "roots_in"]
