"""Agreement: whether the whole text that a server sends at the end is that of its pieces."""

from __future__ import annotations

__all__ = ["contradicts"]

_MARKS = ">", "]"
"""How the mark behind reasoning ends, as in `</think>` and `[/THINK]`."""

_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def contradicts(pieces: str, whole: str) -> bool:
    """Return whether a whole text cannot be the one whose pieces came before it.

    White space may differ, and either may lack its end, or the marked reasoning before it: servers
    strip texts, cut them at a stop, and take the reasoning out. Where a character was lost, as its
    bytes came apart, that cannot be known.

    Args:
        pieces: What came in pieces.
        whole: The whole text.
    """
    if whole.startswith(pieces) or _UNREADABLE in pieces or _UNREADABLE in whole:
        return False
    said, now = "".join(pieces.split()), "".join(whole.split())
    if not now or now.startswith(said) or said.startswith(now):
        return False
    return not (said.endswith(now) and said[: -len(now)].endswith(_MARKS))
