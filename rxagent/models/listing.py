"""Listings: the names of the models in what a server has sent as their list."""

from __future__ import annotations

import json
from typing import Any

from ..arguments import shorten
from .urls import shown_url

__all__ = ["NoListing", "names_in"]

_SHOWN = 200
"""How many characters of another answer are shown."""


class NoListing(ValueError):
    """A server answered with something else than a list of models."""


def names_in(url: str, body: bytes) -> tuple[list[str], Any]:
    """Return the names of the models in the answer of a server, and the answer as it was read.

    An entry without a name is left out. Most servers send an object with the list as `data`,
    some the list alone.

    Args:
        url: The address that was asked.
        body: What came from there.

    Raises:
        NoListing: It is something else.
    """
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    match read:
        case list():
            entries = read
        case {"data": list() as entries}:
            pass
        case {"data": None}:
            entries = []
        case _:
            raise _unfit(url, body)
    named = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    names = [name for name in named if isinstance(name, str) and name.strip()]
    if entries and not names:
        raise _unfit(url, body)
    return names, read


def _unfit(url: str, body: bytes) -> NoListing:
    text = " ".join(body.strip()[: _SHOWN * 10].decode(errors="replace").split())
    sent = f": {shorten(text, _SHOWN)}" if text else ", an empty body."
    return NoListing(f"{shown_url(url)} answered with something else than a list of models{sent}")
