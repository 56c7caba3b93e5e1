"""Copying a tree and proving that the copy is good; the work is done by a crew of processes."""
