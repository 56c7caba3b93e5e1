"""Destinations as the pages show them."""

from core.work import Surroundings


def places_of(surroundings: Surroundings) -> tuple[tuple[str, str], ...]:
    """Return what can be chosen for a job's copy: the id of each destination, and its name and type in words."""
    return ()
