"""Python that arrives in pieces: where it ends, and what in it is text.

.. code-block:: text

    <code>
    page = "<code>x</code>"  # is no </code>
    </code>
    │       └ a string ────┘ └ a comment ──┘ the mark at the start of the third line ends the code
"""

from __future__ import annotations

import re
from itertools import takewhile

from attrs import Factory, define

from .code_statements import parsed

__all__ = ["PythonReader", "begun"]

_CODE = re.compile(r"[\n#'\"()\[\]{}]")
_FIELD = re.compile(r"[\n#'\"()\[\]{}:]")
_BLANKS = re.compile(r"[ \t\f]*")
_PREFIX = re.compile(r"(?<!\w)[A-Za-z]{1,2}\Z")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)


@define
class _Text:
    """A string that is open; `fields` says whether it is an f-string."""

    quote: str
    fields: bool

    @property
    def signs(self) -> str:
        return f"{self.quote[0]}\\\n" + ("{}" if self.fields else "")


@define
class _Field:
    """The code between the braces of an f-string; `is_format` behind its colon."""

    brackets: list[str] = Factory(list)
    is_format: bool = False


def begun(text: str, mark: str) -> int:
    """Return the length of the end of a text that may be the beginning of a mark."""
    sizes = range(min(len(mark) - 1, len(text)), 0, -1)
    return next((size for size in sizes if text.endswith(mark[:size])), 0)


class PythonReader:
    """Reads code up to the mark that ends it. A mark in a string or in a comment ends nothing.

    Statements lose the indentation that they all have; lines of a string stay as they are. How
    the text is split makes no difference.

    Attributes:
        is_over: Whether a mark has ended the code.
        is_fence_over: Whether that mark is a fence.
        rest: The text that is not read yet; once it is over, the text behind the mark.
        opened_at: Where in the code the latest string began that is in no other one.

    Args:
        closing: A text that ends the code.
        fence: A text that ends it at the start of a line.
        indent: How many blanks before each line belong to the fence, also within strings.
    """

    def __init__(self, closing: str = "", fence: str = "", indent: int = 0) -> None:
        self.is_over = self.is_fence_over = False
        self.rest = ""
        self._closing = closing
        self._fence = fence
        self._indent = indent
        self._pieces: list[str] = []
        self._length = 0
        self._last = ""
        self._open: list[_Text | _Field] = []
        self._brackets: list[str] = []
        self._in_comment = False
        self._starts_line = True
        self._margin: str | None = None
        self.opened_at = 0
        self._marks: list[int] = []  # in a string that is open
        self._doubtful: list[int] = []  # in comments and in strings that never ended
        self._sure: int | None = None  # how many pieces precede the first mark in a comment
        self._given = 0
        self._final = False

    @property
    def code(self) -> str:
        """The code; if no mark has ended it, up to the one that may have been meant to."""
        code = "".join(self._pieces)
        if self.is_over:
            return code
        ends = [*self._doubtful, *self._marks]
        if self._fence and self._open:
            ends += [found.start() for found in _FENCE.finditer(code, self.opened_at)]
        if not ends or parsed(code) is not None:
            return code
        fitting = (end for end in self._doubtful if parsed(code[:end]) is not None)
        return code[: next(fitting, min(ends))]

    @property
    def ends_early(self) -> bool:
        """Whether the code, as far as it is read, ends at a mark that may be text."""
        return not self.is_over and len(self.code) < self._length

    @property
    def closing_brackets(self) -> str:
        """What closes the brackets and strings that are open."""
        opened = [*self._brackets]
        for each in self._open:
            opened += [each.quote] if isinstance(each, _Text) else ["{", *each.brackets]
        return "".join(_CLOSING.get(each, each) for each in reversed(opened))

    @property
    def is_in_text(self) -> bool:
        """Whether what follows is in a string or in a comment."""
        return self._in_comment or (bool(self._open) and self._is_text(self._open[-1]))

    @property
    def needs_line(self) -> bool:
        """Whether only the end of the line ends the comment or string that is open."""
        texts = [each for each in self._open if isinstance(each, _Text)]
        return self._in_comment or (bool(texts) and len(texts[-1].quote) == 1)

    def fresh(self) -> str:
        """Return the code that was read since the last call, as far as it is certain."""
        end = len(self._pieces) if self._sure is None or self.is_over else self._sure
        found, self._given = self._pieces[self._given : end], max(end, self._given)
        return "".join(found)

    def add(self, text: str, *, final: bool = False) -> None:
        """Read a piece.

        Args:
            text: The piece.
            final: Whether no other one follows.
        """
        text, self.rest, self._final = self.rest + text, "", final
        self._read(text, len(text) - begun(text, self._closing))
        if final and self.is_in_text:
            text, self.rest = self.rest, ""
            self._read(text, len(text))

    def _read(self, text: str, end: int) -> None:
        """Read up to a place, behind which a mark may have begun."""
        at, found = 0, -2 if self._closing else -1
        while not self.is_over:
            if found != -1 and found < at:
                found = text.find(self._closing, at)
            following = self._next(text, at, end, found)
            if following is None:
                self.rest = text[self._at :]
                return
            at = following

    def _next(self, text: str, at: int, end: int, found: int) -> int | None:
        """Read up to some place, and return it; None if it depends on what follows."""
        self._at = at
        if at >= end:
            return None
        read = self._statement
        if self._in_comment:
            read = self._comment
        elif self.is_in_text:
            read = self._string
        place = read(text, at, end, found)
        if place is not None:
            self._at = place
        return place

    @staticmethod
    def _is_text(each: _Text | _Field) -> bool:
        return isinstance(each, _Text) or each.is_format

    def _emit(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)
            self._length += len(piece)
            self._last = (self._last + piece[-3:])[-3:]

    def _end(self, text: str, after: int, *, by_fence: bool = False) -> int:
        self.is_over, self.is_fence_over = True, by_fence
        self.rest = text[after:]
        return after

    def _statement(self, text: str, at: int, end: int, found: int) -> int | None:
        if self._starts_line and (place := self._begin_line(text, at)) != at:
            return place
        field = self._open[-1] if self._open else None
        sign = (_FIELD if field else _CODE).search(text, at, end)
        if found >= 0 and (sign is None or found <= sign.start()):
            self._emit(text[at:found])
            return self._end(text, found + len(self._closing))
        if sign is None:
            self._emit(text[at:end])
            return end
        place, what = sign.start(), sign[0]
        self._emit(text[at:place])
        self._at = place
        if what in "'\"":
            return self._quote(text, place)
        if isinstance(field, _Field) and not field.brackets and what in ":}":
            if what == "}":
                self._open.pop()
            field.is_format = what == ":"
        elif what in "([{":
            self._opened.append(what)
        elif what in ")]}" and self._opened:
            self._opened.pop()
        elif what == "#":
            self._in_comment = True
        self._starts_line = what == "\n"
        self._emit(what)
        return place + 1

    @property
    def _opened(self) -> list[str]:
        field = self._open[-1] if self._open else None
        return field.brackets if isinstance(field, _Field) else self._brackets

    def _begin_line(self, text: str, at: int) -> int | None:
        """Read the blanks before a line of code, or the fence that ends it."""
        blanks = _BLANKS.match(text, at)
        place = at if blanks is None else blanks.end()
        follows = text[place : place + len(self._fence or " ")]
        if self._fence and follows == self._fence:
            return self._end(text, place + len(self._fence), by_fence=True)
        if not follows or self._fence.startswith(follows):
            return len(text) if self._final else None
        self._starts_line = False
        if follows[0] not in "\r\n":
            self._indent_line(text[at:place], is_comment=follows[0] == "#")
        return place

    def _indent_line(self, blanks: str, *, is_comment: bool) -> None:
        if not (self._open or self._brackets or is_comment or self._continues()):
            self._margin = blanks if self._margin is None else _common(self._margin, blanks)
        margin = blanks if self._margin is None else _common(self._margin, blanks)
        self._emit(blanks.removeprefix(margin))

    def _continues(self) -> bool:
        return self._last.endswith(("\\\n", "\\\r\n"))

    def _comment(self, text: str, at: int, end: int, found: int) -> int | None:
        line = text.find("\n", at, end)
        place = end if line < 0 else line
        if at <= found < place:
            self._emit(text[at:found])
            self._doubtful.append(self._length)
            if self._sure is None:
                self._sure = len(self._pieces)
            self._emit(text[found : found + 1])
            return found + 1
        self._emit(text[at:place])
        self._in_comment = line < 0
        return place

    def _quote(self, text: str, at: int) -> int | None:
        quote = text[at]
        signs = "".join(takewhile(lambda sign: sign == quote, text[at : at + 3]))
        if at + len(signs) == len(text) and len(signs) < 3 and not self._final:
            return None
        prefix = _PREFIX.search(self._last)
        fields = bool(prefix and {*prefix[0].lower()} & {*"ft"})
        self._emit(signs)
        if len(signs) != 2:
            if not self._open:
                self.opened_at = self._length
            self._open.append(_Text(signs, fields))
        return at + len(signs)

    def _string(self, text: str, at: int, end: int, found: int) -> int | None:
        if self._starts_line:
            self._starts_line = False
            blanks = 0
            while blanks < self._indent and text[at + blanks : at + blanks + 1] == " ":
                blanks += 1
            if at + blanks >= end and blanks < self._indent and not self._final:
                self._starts_line = True
                return None
            at += blanks
        string = next(each for each in reversed(self._open) if isinstance(each, _Text))
        place = _first(text, string.signs, at, end)
        if at <= found < place:
            self._emit(text[at:found])
            self._marks.append(self._length)
            self._emit(text[found : found + 1])
            return found + 1
        self._emit(text[at:place])
        self._at = place
        if place == end:
            return place
        return self._sign(text, place, string)

    def _sign(self, text: str, at: int, string: _Text) -> int | None:
        """Read a sign that means something in a string."""
        sign, pair = text[at], text[at : at + 2]
        if len(pair) < 2 and sign not in "\n" and sign != string.quote and not self._final:
            return None
        if sign == "\n" and len(string.quote) == 1:
            self._doubtful += self._marks
            self._marks.clear()
            self._close(string)
            return at
        size = 1
        if sign == "\\":
            size = 1 if string.fields and pair[1:] in ("{", "}") else len(pair)
            if pair[1:] == "\r":
                if at + 2 == len(text) and not self._final:
                    return None
                size += text[at + 2 : at + 3] == "\n"
        elif sign == string.quote[0]:
            signs = text[at : at + len(string.quote)]
            if signs == string.quote:
                self._close(string)
                size = len(signs)
            elif at + len(signs) == len(text) and not self._final and {*signs} == {sign}:
                return None
        elif sign in "{}":
            size = self._brace(pair)
        self._starts_line = text[at + size - 1] == "\n"
        self._emit(text[at : at + size])
        return at + size

    def _brace(self, pair: str) -> int:
        in_field = isinstance(self._open[-1], _Field)
        if pair in ("{{", "}}") and not in_field:
            return 2
        if pair[0] == "{":
            self._open.append(_Field())
        elif in_field:
            self._open.pop()
        return 1

    def _close(self, string: _Text) -> None:
        while self._open.pop() is not string:
            pass
        if not self._open:
            self._marks.clear()


def _first(text: str, signs: str, at: int, end: int) -> int:
    found = re.compile(f"[{re.escape(signs)}]").search(text, at, end)
    return end if found is None else found.start()


def _common(one: str, other: str) -> str:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(sign for sign, _ in pairs)
