"""The rows of a diagram: which sign stands in which column."""

from enum import Enum, auto

from attrs import frozen

from .lines import Line

__all__ = ["Kind", "Mark", "quoted", "read_subscription", "read_values", "unquoted"]

__tracebackhide__ = True


class Kind(Enum):
    """What a stream can tell."""

    NEXT = auto()
    ERROR = auto()
    COMPLETED = auto()


@frozen
class Mark:
    """A marble: its instant is that of `column`; `place` is where it stands itself.

    The sign is a letter, or a text with its quotes, or one of `|` and `#`.
    """

    column: int
    kind: Kind
    sign: str
    place: int


_ENDS = {"|": Kind.COMPLETED, "#": Kind.ERROR}
_ESCAPES = {"\\": "\\", "'": "'", "n": "\n", "t": "\t"}


def read_values(line: Line, start: int) -> list[Mark]:
    """Return the marbles of a row whose first column is `start`."""
    marks: list[Mark] = []
    group: int | None = None
    column = start
    while column < len(line.text):
        sign, here = line.text[column], column
        column += 1
        if sign == "(" and group is None:
            group = here
        elif sign == ")" and group is not None:
            if not any(mark.place > group for mark in marks):
                raise line.flaw(here, "This group holds no marble.")
            group = None
        elif sign == " " or (sign == "-" and group is None):
            _refuse_after_end(line, here, sign, marks)
        elif sign == "'":
            column = _end_of_text(line, here)
            marks.append(_mark(line, here, line.text[here:column], Kind.NEXT, group, marks))
        elif sign.isalnum() or sign in _ENDS:
            marks.append(_mark(line, here, sign, _ENDS.get(sign, Kind.NEXT), group, marks))
        else:
            raise line.flaw(here, _why_stray(sign))
    if group is not None:
        raise line.flaw(group, "This group is not closed.")
    return marks


def _mark(
    line: Line, here: int, sign: str, kind: Kind, group: int | None, before: list[Mark]
) -> Mark:
    _refuse_after_end(line, here, sign, before)
    return Mark(here if group is None else group, kind, sign, here)


def _refuse_after_end(line: Line, here: int, sign: str, before: list[Mark]) -> None:
    if sign != " " and before and before[-1].kind is not Kind.NEXT:
        hint = "; a comment has a line of its own" if sign == "#" else f", but {sign!r} does"
        raise line.flaw(here, f"Nothing may follow after the stream has ended{hint}.")


def _end_of_text(line: Line, start: int) -> int:
    column = start + 1
    while column < len(line.text):
        if line.text[column] == "'":
            return column + 1
        if line.text[column] == "\\":
            if line.text[column + 1 : column + 2] not in _ESCAPES:
                raise line.flaw(column, r"In a text only \\, \', \n and \t stand for something.")
            column += 1
        column += 1
    raise line.flaw(start, "This text is not closed.")


def unquoted(sign: str) -> str:
    """Return the text that a quoted one means."""
    signs = iter(sign[1:-1])
    return "".join(_ESCAPES[next(signs)] if one == "\\" else one for one in signs)


def quoted(text: str) -> str:
    """Return a text as it is written in a row."""
    for escape, meant in _ESCAPES.items():
        text = text.replace(meant, f"\\{escape}")
    return f"'{text}'"


def _why_stray(sign: str) -> str:
    match sign:
        case "^" | "!":
            return f"{sign!r} belongs in a row of subscriptions, which is written `name^ ^--!`."
        case "(":
            return "A group cannot hold another group."
        case ")":
            return "No group is open here."
        case "-":
            return "No time passes within a group."
        case "\t":
            return "How wide is a tab? Write spaces."
        case '"':
            return "A text is written in single quotes: 'Hi'."
        case _:
            return f"{sign!r} is no marble."


def read_subscription(line: Line, start: int) -> tuple[Mark | None, Mark | None]:
    """Return where a row says that its stream is subscribed and disposed."""
    found: dict[str, Mark] = {}
    group: int | None = None
    for column in range(start, len(line.text)):
        sign = line.text[column]
        if sign == "(" and group is None:
            group = column
        elif sign == ")" and group is not None:
            group = None
        elif sign in "^!":
            if sign in found or "!" in found:
                raise line.flaw(column, "A row shows one subscription; write a row for the next.")
            at = column if group is None else group
            found[sign] = Mark(at, Kind.NEXT, sign, column)
        elif sign not in " -":
            raise line.flaw(column, f"{sign!r} has no place in a row of subscriptions.")
    if group is not None:
        raise line.flaw(group, "This group is not closed.")
    return found.get("^"), found.get("!")
