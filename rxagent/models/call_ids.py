"""Names and ids of calls that a provider accepts, whichever provider made the calls."""

import re
from collections import deque
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import count

__all__ = ["CallIds", "accepted_name"]

_LONGEST_NAME = 64
"""What OpenAI, Azure and Bedrock accept (November 2026); Anthropic accepts 128."""


def accepted_name(name: str) -> str:
    """Return a name of 1 to 64 letters, digits, `_` and `-`, unchanged if it is one already."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:_LONGEST_NAME] or "unnamed"


class CallIds:
    """The ids of the calls of one conversation: all accepted, none used twice.

    A result has the id of its call, which is one of the message before it.

    Args:
        accepts: Whether the provider accepts an id.
    """

    def __init__(self, accepts: Callable[[str], bool]) -> None:
        self._accepts = accepts
        self._used: set[str] = set()
        self._open: dict[str, deque[str]] = {}

    def of_calls(self, ids: Iterable[str]) -> list[str]:
        """Return the ids under which the calls of a message are sent."""
        self._open = {}
        sent = []
        for id in ids:
            unique = self._unique(id)
            self._used.add(unique)
            self._open.setdefault(id, deque()).append(unique)
            sent.append(unique)
        return sent

    def of_result(self, id: str) -> str:
        """Return the id under which a call's result is sent."""
        sent = self._open.get(id)
        if not sent:
            return self._accepted(id)
        return sent.popleft() if len(sent) > 1 else sent[0]

    def _unique(self, id: str) -> str:
        accepted = self._accepted(id)
        if accepted not in self._used:
            return accepted
        others = (_hashed(f"{id} {number}") for number in count(2))
        return next(other for other in others if other not in self._used)

    def _accepted(self, id: str) -> str:
        return id if self._accepts(id) else _hashed(id)


def _hashed(id: str) -> str:
    return f"call_{sha256(id.encode(errors='surrogatepass')).hexdigest()[:32]}"
