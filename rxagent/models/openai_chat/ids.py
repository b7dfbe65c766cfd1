"""Ids of calls: those that a server accepts, alike in a call and its result."""

import re
from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from itertools import count

from attrs import frozen

__all__ = ["CallIds", "IdForm"]


@frozen
class IdForm:
    """The ids that a server accepts; others are replaced by a hash of theirs.

    The defaults are what OpenAI and Azure accept (November 2026).

    Attributes:
        accepted: What an id must match.
        prefix: How the replacements begin.
        digits: How many hexadecimal digits they have.
    """

    accepted: str = r"(?s:.{1,40})"
    prefix: str = "call_"
    digits: int = 32

    def of(self, id: str) -> str:
        """Return an id as it is sent."""
        return id if re.fullmatch(self.accepted, id) else self.hashed(id)

    def hashed(self, id: str) -> str:
        """Return the replacement of an id."""
        return self.prefix + sha256(id.encode(errors="surrogatepass")).hexdigest()[: self.digits]


class CallIds:
    """The ids of the calls of one conversation: none too long, empty, or used twice.

    A result has the id of its call, which is one of the message before it.
    """

    def __init__(self, form: IdForm) -> None:
        self._form = form
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
            return self._form.of(id)
        return sent.popleft() if len(sent) > 1 else sent[0]

    def _unique(self, id: str) -> str:
        accepted = self._form.of(id)
        if accepted not in self._used:
            return accepted
        others = (self._form.hashed(f"{id} {number}") for number in count(2))
        return next(other for other in others if other not in self._used)
