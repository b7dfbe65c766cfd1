"""Blocks of code in what a model writes."""

from __future__ import annotations

import re

from attrs import frozen
from pydantic_core import from_json

from ..arguments import shown
from ..errors import ParseError
from ..json_text import escaped
from ..messages import StopHint
from .code_fences import code_of_fences
from .code_reader import CodeReader
from .code_statements import parsed
from .code_tags import does_something
from .prompts import render

__all__ = ["Tags", "find_code"]

_FENCED = re.compile(r"^[ \t]*```(?:json)?[ \t]*\n(\s*\{.*\}\s*)\n[ \t]*```\s*\Z", re.M | re.S)


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
    def of(cls, tags: str | tuple[str, str]) -> Tags:
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
    def stop(self) -> StopHint:
        """The text at which a provider may stop; a fence stands on its own line."""
        are_fences = self.closing in self.opening
        return StopHint(f"\n{self.closing}\n" if are_fences else self.closing)

    def reader(self) -> CodeReader:
        """Return a reader of a text with such blocks."""
        return CodeReader(self.opening, self.closing)


def find_code(text: str, tags: Tags, *, structured: bool = False) -> str:
    """Return the code in a reply; several blocks are joined.

    Blocks between the tags come first, then other usual forms, then a reply that is Python as a
    whole. What is a string or a comment in the code is a part of it, also if it looks like a tag
    or a fence.

    Args:
        text: The reply.
        tags: The tags that were asked for.
        structured: Whether a JSON object with the keys `thought` and `code` was asked for.

    Raises:
        ParseError: There is no code; the message shows the right form.
    """
    found = _of_object(text, tags) if structured else None
    blocks = [found] if found is not None else _blocks(text, tags)
    code = "\n\n".join(filter(None, map(str.strip, blocks)))
    if not code:
        what = "empty" if not text.strip() else "no code" if not blocks else "an empty block"
        raise ParseError(render("no_code", what=what, tags=tags, structured=structured))
    return code


def _blocks(text: str, tags: Tags) -> list[str]:
    asked, usual = _read(text, tags), _read(text, Tags())
    blocks = asked.blocks or usual.blocks or code_of_fences(usual.fences)
    return blocks or ([text] if does_something(text) else [])


def _read(text: str, tags: Tags) -> CodeReader:
    reader = tags.reader()
    reader.add(text)
    reader.end()
    return reader


def _of_object(text: str, tags: Tags) -> str | None:
    """Return the code in a JSON object, which may be in a fence."""
    fenced = _FENCED.search(text)
    try:
        reply = from_json(escaped(fenced[1] if fenced else text))
    except ValueError:
        return None
    code = reply.get("code") if isinstance(reply, dict) else None
    if not isinstance(code, str):
        return None
    reader = CodeReader.inside()
    reader.add(code)
    reader.end()
    found = "".join(reader.blocks)
    if parsed(found) is None and (tagged := _read(code, tags).blocks or _read(code, Tags()).blocks):
        return "\n\n".join(tagged)
    return found
