"""Names and ids of calls, as providers take them."""

import re
from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from itertools import count

__all__ = ["Ids", "mended_name"]

_LONGEST_NAME = 64
_LONGEST_ID = 40
"""What OpenAI and Azure take (November 2026)."""


def mended_name(name: str) -> str:
    """Return a name of 1 to 64 letters, digits, `_` and `-`, the same one if it is such a name."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:_LONGEST_NAME] or "unnamed"


class Ids:
    """The ids of the calls of one conversation: none too long, empty, or given twice.

    A result has the id of its call, which is one of the message before it.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._open: dict[str, deque[str]] = {}

    def made(self, ids: Iterable[str]) -> list[str]:
        """Return the ids under which the calls of a message are sent."""
        self._open = {}
        sent = []
        for id in ids:
            mended = self._mended(id)
            self._taken.add(mended)
            self._open.setdefault(id, deque()).append(mended)
            sent.append(mended)
        return sent

    def answered(self, id: str) -> str:
        """Return the id under which a call's result is sent."""
        known = self._open.get(id)
        if not known:
            return _fitting(id)
        return known.popleft() if len(known) > 1 else known[0]

    def _mended(self, id: str) -> str:
        fitting = _fitting(id)
        if fitting not in self._taken:
            return fitting
        others = (_fitting(f"{id} {number}", mend=True) for number in count(2))
        return next(other for other in others if other not in self._taken)


def _fitting(id: str, mend: bool = False) -> str:
    if 0 < len(id) <= _LONGEST_ID and not mend:
        return id
    return f"call_{sha256(id.encode(errors='surrogatepass')).hexdigest()[:32]}"
