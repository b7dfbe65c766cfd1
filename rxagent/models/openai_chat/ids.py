"""Ids of calls: which ones a server accepts."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["IdForm", "is_replaceable"]

_USUAL = re.compile(r"[a-zA-Z0-9_-]{1,40}")
"""What every known server accepts but Mistral's (November 2026)."""

_LONGEST = 40
_HIDDEN = "__thought__"
"""What stands before the signature that LiteLLM hides in an id (November 2026)."""


@frozen
class IdForm:
    """The ids of calls that a server accepts; others are replaced.

    Attributes:
        accepted: What an id must match.
        takes_own: Whether the server gets the ids that it made itself unchanged, in any form: it
            may have hidden something in them.
    """

    accepted: re.Pattern[str] = _USUAL
    takes_own: bool = True


def is_replaceable(id: str) -> bool:
    """Return whether another id may take the place of this one, also for its own server.

    OpenAI and Azure refuse more than 40 characters, also in ids of their own.
    """
    return _USUAL.fullmatch(id) is not None or (len(id) > _LONGEST and _HIDDEN not in id)
