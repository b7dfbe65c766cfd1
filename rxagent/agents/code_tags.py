"""Tags: whether one in the text of a reply opens a block of code, or is only spoken of.

.. code-block:: text

    <code>                        opens: nothing stands behind it in its line
    So I add them. <code>x = 1    opens: Python stands behind it
    I use <code> tags for that.   is a word of a sentence
"""

from __future__ import annotations

import ast
import re

from .code_statements import parsed
from .code_texts import PythonReader

__all__ = ["begun_in", "does_something", "opens_block", "pattern_of"]

_NAMED = re.compile(r"<\w+>")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»"}
_LONGEST = 2000
"""How many characters of a line are looked at."""

_ENDS = ("", " 0")
_BODIES = ("", "\n pass", "\n pass\nfinally: pass", "\n case _: pass", "\ndef f(): pass")
"""What may follow a line of Python, so that it is a whole text of Python."""


def pattern_of(tag: str) -> str:
    """Return a pattern of a tag; one such as `<code>` may have attributes, as `lang="python"`."""
    return rf"{tag[:-1]}(?:\s[^<>\n]{{0,99}})?>" if _NAMED.fullmatch(tag) else re.escape(tag)


def begun_in(tag: str, text: str) -> int:
    """Return the length of the end of a text that may be the beginning of a tag's attributes."""
    found = _NAMED.fullmatch(tag) and re.search(rf"{tag[:-1]}\s[^<>\n]{{0,99}}\Z", text)
    return len(found[0]) if found else 0


def opens_block(
    rest: str, closing: str, *, before: str, starts_line: bool, is_all: bool
) -> bool | None:
    """Return whether a tag opens a block; None if that depends on what follows in its line.

    Args:
        rest: The text behind it.
        closing: The text that ends a block.
        before: The character before it.
        starts_line: Whether only blanks stand before it in its line.
        is_all: Whether no other text follows.
    """
    line, end, _ = rest.partition("\n")
    is_known = bool(end) or is_all or len(line) > _LONGEST
    line = line[:_LONGEST]
    quote = _QUOTES.get(before)
    if quote is not None:
        if not is_known:
            return None
        _, _, behind = line.partition(closing)
        if line.startswith(quote) or behind.startswith(quote):
            return False
    ends = [found.start() for found in re.finditer(re.escape(closing), line)]
    ends += [len(line)] if is_known else []
    if any(_is_code(line[:end], acts=not starts_line) for end in ends):
        return True
    return not line.strip() if is_known else None


def does_something(code: str) -> bool:
    """Return whether a text is Python that acts; a lone word or number is prose."""
    tree = parsed(code.strip())
    return tree is not None and any(map(_acts, tree.body))


def _acts(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr):
        return True
    return any(isinstance(node, ast.Call | ast.Await) for node in ast.walk(statement))


def _is_code(line: str, *, acts: bool) -> bool:
    """Return whether a line is Python, or its beginning.

    Args:
        line: The line.
        acts: Whether it must act, as nothing but its text tells it from prose.
    """
    line = line.strip().removesuffix("\\").rstrip()
    if not line:
        return False
    if line.startswith("#") or parsed(line) is not None:
        return not acts or line.startswith("#") or does_something(line)
    reader = PythonReader()
    reader.add(line, final=True)
    texts = (f"{line}{end}{reader.closing_brackets}{body}" for end in _ENDS for body in _BODIES)
    return any(parsed(text) is not None for text in texts)
