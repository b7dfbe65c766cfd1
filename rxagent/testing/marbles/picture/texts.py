"""Texts of a picture: how wide they are, and how they are shown."""

import unicodedata

__all__ = ["allowed", "cells", "shortened", "visible"]

_SHOWN = {"\n": "↵", "\r": "␍", "\t": "⇥"}
_WIDE = {"F", "W"}
_NO_WIDTH = {"Cf", "Me", "Mn"}
_REORDERING = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def cells(text: str) -> int:
    """Return how many columns a text takes in a font whose signs are all equally wide."""
    return sum(map(_cells, text))


def _cells(sign: str) -> int:
    if unicodedata.category(sign) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in _WIDE else 1


def shortened(text: str, room: int) -> str:
    """Return a text that takes at most so many columns; what was cut is an ellipsis."""
    if cells(text) <= room:
        return text
    taken = 1
    for index, sign in enumerate(text):
        taken += _cells(sign)
        if taken > room:
            return text[:index] + "…"
    raise AssertionError("a text that is too long has a sign that does not fit")


def visible(text: str) -> str:
    """Return a text on one line whose breaks, tabs and outer blanks can be seen."""
    inner = text.strip(" ")
    before = len(text) - len(text.lstrip(" ")) if inner else len(text)
    after = len(text) - before - len(inner)
    shown = "".join(_SHOWN.get(sign, sign) for sign in inner)
    return allowed("·" * before + shown + "·" * after)


def allowed(text: str) -> str:
    """Return a text without signs that XML has no place for, or that reorder others."""
    return "".join(sign if _is_allowed(sign) else "\ufffd" for sign in text)


def _is_allowed(sign: str) -> bool:
    if sign in "\t\n":
        return True
    return (
        unicodedata.category(sign) not in {"Cc", "Cs"}
        and sign not in _REORDERING
        and sign not in "\ufffe\uffff"
    )
