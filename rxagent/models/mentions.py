"""Mentions: whether a closing think tag ends a thought, or is only spoken of."""

import re

__all__ = ["ends_thought"]

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_PAIRS = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "„": "“"}
_PAIRS |= {"(": ")", "[": "]", "{": "}", ">": "<", "*": "*", "_": "_", "|": "|", "/": "/"}
_MARKS = ".,;:!?)]}"
_ENDS = ".!?:;…)]}\"'”’»*`。！？>"


def ends_thought(before: str, after: str, at_end: bool = False) -> bool | None:
    """Tell whether a closing tag that has no opening one ends a thought.

    It does where it stands in a line of its own, right behind a word, or, behind a blank, at the
    end of a line. It does not in code, in quotes, and in the midst of a sentence.

    Args:
        before: The text before it.
        after: As much of the text behind it as is known.
        at_end: Whether nothing more will come.

    Returns:
        None, if that depends on what comes next.
    """
    line = before[before.rfind("\n") + 1 :]
    if line.count("`") % 2 or len(_FENCE.findall(before)) % 2:
        return False
    if not line.strip():
        return True
    stands_off = line[-1:].isspace()
    mark = after[:1]
    if not mark and not at_end:
        return None
    if mark and (mark in _MARKS or _PAIRS.get(line[-1]) == mark):
        return False
    if not stands_off:
        return True
    rest = after.lstrip(" \t")
    if not rest and not at_end:
        return None
    if rest and rest[0] not in "\r\n":
        return False
    if line.rstrip()[-1] in _ENDS:
        return True
    is_apart = re.match(r"\r?\n[ \t]*\r?\n", rest)
    if is_apart or at_end or rest.strip():
        return bool(is_apart)
    return None
