"""How it is said that a file is not what it should be."""


class NotWhole(Exception):
    """A file is not what it should be; says why, in words that go on a sentence."""
