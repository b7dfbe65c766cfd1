"""Cookies: a client serves many runs, so what a server sets for one is not kept for another."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any

__all__ = ["take_no_cookies"]


class _TakesNone(DefaultCookiePolicy):
    """Sends the cookies that a client was made with, and takes none from a server."""

    def set_ok(self, *_: object) -> bool:
        """Return whether a cookie of a reply is kept."""
        return False


def take_no_cookies(client: Any) -> None:
    """Let a client of httpx keep no cookies of replies.

    Args:
        client: The client; one that has no cookies is left as it is.
    """
    jar = getattr(getattr(client, "cookies", None), "jar", None)
    if jar is not None:
        jar.set_policy(_TakesNone())
