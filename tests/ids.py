"""Ids of parametrized tests that are the same in every process."""

import re

ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def shown(value):
    """Return the repr of a value, without the addresses of objects."""
    return ADDRESS.sub("", repr(value))
