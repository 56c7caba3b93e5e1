"""Holdfast in the browser."""
