"""Carries a run's id to a free slot."""
