"""Printable: text of models, tools and servers, made safe to print.

A terminal obeys control characters, and characters without width are invisible. Everything that
rxagent prints passes through one of these functions.
"""

from __future__ import annotations

import re

__all__ = ["one_line", "shown", "spelled"]

# Controls except tab and newline, line separators, marks that change the direction of writing,
# surrogates, and the tags of Unicode, which can hide whole sentences.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)

# Letters and marks without width that `str.isprintable` accepts.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def shown(text: str) -> str:
    """Return a text with visible control characters; newlines and tabs stay."""
    if text.isprintable():
        return text
    return _OBEYED.sub(_picture, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return a text on one line, with visible control characters."""
    return " ".join(shown(text).split())


def spelled(name: str) -> str:
    """Return a name on one line with every character visible, so that no two names look the same.

    Text may need joiners and spaces without width; in a name they imitate another name.
    """
    line = "".join(char if char.isprintable() else _number(char) for char in one_line(name))
    return _INVISIBLE.sub(lambda match: _number(match[0]), line)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < ord(" "):
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else _number(match[0])


def _number(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
