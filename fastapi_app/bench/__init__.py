"""How fast the pages are, measured in a real browser."""
