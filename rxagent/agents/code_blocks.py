"""Blocks of code in what a model writes."""

import ast
import re
from collections.abc import Iterator
from textwrap import dedent

from attrs import frozen
from pydantic_core import from_json

from ..arguments import shown
from ..errors import ParseError
from .code_statements import parsed
from .prompts import render

__all__ = ["Tags", "find_code"]

_FENCE = re.compile(r"^[^\S\n]*```[^\S\n]*(\w*)[^\n]*\n(.*?)(?:^[^\S\n]*```|\Z)", re.M | re.S)
_PYTHON = {"python", "python3", "py", "tool_code"}


@frozen
class Tags:
    """The texts before and after a block of code.

    Attributes:
        opening: The text before.
        closing: The text after.
    """

    opening: str = "<code>"
    closing: str = "</code>"

    @classmethod
    def of(cls, tags: "str | tuple[str, str]") -> "Tags":
        """Return the tags that an argument means: a pair, or the word markdown."""
        if tags == "markdown":
            return cls("```python", "```")
        match tags:
            case (str(opening), str(closing)) if opening.strip() and closing.strip():
                return cls(opening, closing)
        raise ValueError(
            'code_block_tags must be "markdown" or a pair of texts, as ("<code>", "</code>"), '
            f"not {shown(tags)}."
        )

    @property
    def are_fences(self) -> bool:
        """Whether they are those of Markdown, whose closing text also opens blocks."""
        return self.closing in self.opening

    @property
    def end(self) -> str:
        """The text that ends an open block; a fence stands on its own line."""
        return f"\n{self.closing}" if self.are_fences else self.closing

    @property
    def stop(self) -> str:
        """The text at which the model has finished a block."""
        return f"{self.end}\n" if self.are_fences else self.closing

    def missing_end(self, text: str) -> str:
        """Return what a text lacks to close its last block; empty if no block is open."""
        _, opened, block = text.rpartition(self.opening)
        if not opened or self.end in block:
            return ""
        begun = next(n for n in range(len(self.end), -1, -1) if text.endswith(self.end[:n]))
        return self.end[begun:]

    def blocks_in(self, text: str) -> Iterator[str]:
        """Yield the blocks of a text; the last one may be open."""
        if self.are_fences:
            yield from _fenced(text)
            return
        text += self.missing_end(text)
        pattern = rf"{re.escape(self.opening)}(.*?){re.escape(self.end)}"
        for block in re.findall(pattern, text, re.DOTALL):
            yield "\n".join(_fenced(block)) or block


def find_code(text: str, tags: Tags, *, structured: bool = False) -> str:
    """Return the code in a reply; several blocks are joined.

    Blocks between the tags come first, then other usual forms, then a reply that is Python as a
    whole.

    Args:
        text: The reply.
        tags: The tags that were asked for.
        structured: Whether a JSON object with the keys `thought` and `code` was asked for.

    Raises:
        ParseError: There is no code; the message shows the right form.
    """
    found = _of_object(text) if structured else None
    blocks = [found] if found is not None else list(tags.blocks_in(text))
    blocks = blocks or [*Tags().blocks_in(text)] or _fenced(text) or _bare(text)
    code = "\n\n".join(filter(None, map(_trimmed, blocks)))
    if not code:
        what = "empty" if not text.strip() else "no code" if not blocks else "an empty block"
        raise ParseError(render("no_code", what=what, tags=tags, structured=structured))
    return code


def _of_object(text: str) -> str | None:
    try:
        reply = from_json(text)
    except ValueError:
        return None
    code = reply.get("code") if isinstance(reply, dict) else None
    if not isinstance(code, str):
        return None
    return "\n".join(_fenced(code)) or code


def _fenced(text: str) -> list[str]:
    fences = _FENCE.findall(text)
    named = [block for language, block in fences if language.lower() in _PYTHON]
    return named or [block for language, block in fences if not language and parsed(block)]


def _bare(text: str) -> list[str]:
    """Return a text that is Python and does something; a lone word or number is prose."""
    tree = parsed(text.strip())
    return [text] if tree is not None and any(map(_acts, tree.body)) else []


def _acts(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr):
        return True
    return any(isinstance(node, ast.Call | ast.Await) for node in ast.walk(statement))


def _trimmed(block: str) -> str:
    # After the tag, the first line may have spaces that belong to no block.
    return dedent(block).strip()
