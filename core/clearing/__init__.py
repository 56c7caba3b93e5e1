"""Removing from the source what a run has copied and proved, so that nothing can be lost by it."""

from core.clearing.clearing import clear, problems, roots_in
from core.clearing.names import LEFT_OUT

__all__ = ["LEFT_OUT", "clear", "problems", "roots_in"]
