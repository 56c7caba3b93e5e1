"""Holdfast on the command line: one verb, one file."""
