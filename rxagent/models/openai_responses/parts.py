"""Parts: what has come of one text of an item, and what the whole text adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...call_arguments import in_order
from ..agreement import contradicts

__all__ = ["CONTRADICTS", "EQUALS", "EXTENDS", "UNKNOWN", "Part", "Parts", "missing_of"]

Part = tuple[int, str]
"""A part of a whole text: its number and its text."""

CONTRADICTS, UNKNOWN, EXTENDS, EQUALS = range(4)
"""How a whole text fits to what has come: not at all; nothing has come of one of them; one has the
other; they are equal.
"""


class Parts:
    """The pieces of one text, by the numbers of its parts.

    Where a piece has no number, or that of a part that is whole, it belongs to the latest part.
    """

    def __init__(self) -> None:
        self._pieces: dict[int, list[str]] = {}
        self._runs: list[tuple[int, int]] = []
        """The parts in the order in which their pieces came, each with how many it had before."""
        self._first_runs: dict[int, int] = {}
        self._whole: set[int] = set()
        self._latest = 0
        self._are_numbered = True

    @property
    def text(self) -> str:
        """What has come so far, in the order of the parts."""
        return "".join(map(self._text_of, self._pieces))

    @property
    def are_several(self) -> bool:
        """Whether pieces of more than one part have come."""
        return len(self._pieces) > 1

    def is_first(self, number: int) -> bool:
        """Return whether a part is the first of which a piece has come."""
        return next(iter(self._pieces), None) == number

    def number_of(self, given: int | None) -> int:
        """Return the number of the part of the next piece, as far as one is given."""
        if given is None or given in self._whole:
            self._are_numbered = False
            given = self._latest + (self._latest in self._whole)
        self._latest = given
        return given

    def number_of_whole(self, given: int | None, text: str) -> int:
        """Return the number of a part that is whole now, as far as one is given."""
        latest = self._latest if given is None else given
        if latest in self._whole and text == self._text_of(latest):
            return latest  # it is repeated
        return self.number_of(given)

    def pieces(self, number: int) -> list[str]:
        """Return the list to which the next pieces are added, which are those of a part."""
        pieces = self._pieces.setdefault(number, [])
        if not self._runs or self._runs[-1][0] != number:
            self._first_runs.setdefault(number, len(self._runs))
            self._runs.append((number, len(pieces)))
        return pieces

    def end(self, number: int) -> None:
        """Note that a part is whole."""
        self._whole.add(number)

    def is_contradicted_by(self, whole: str) -> bool:
        """Return whether a whole text is neither what has come, nor goes on from there."""
        before = self.text.strip()
        if not (before and whole) or whole.strip().startswith(before):
            return False
        return not _is_same_json(before, whole.strip())

    def are_contradicted_by(self, whole: Sequence[Part]) -> bool:
        """Return whether the whole text of an answer cannot be what has come."""
        if not contradicts(self.text, "".join(text for _, text in whole)):
            return False
        if not self._are_numbered:
            return True
        return any(contradicts(self._text_of(number), text) for number, text in whole)

    def is_part_contradicted_by(self, given: int | None, text: str) -> bool:
        """Return whether one whole part of an answer cannot be what has come of it."""
        if given is None or not self._are_numbered or text == self.text:
            return False
        if given in self._whole and text != self._text_of(given):
            return False  # the number is wrong, or that of the part before was
        return contradicts(self._text_of(given), text)

    def fit(self, whole: Sequence[Part]) -> int:
        """Return how a whole text fits to what has come."""
        before, now = self.text, "".join(text for _, text in whole)
        if before and before == now:
            return EQUALS
        if not (before and now):
            return UNKNOWN
        if now.startswith(before) or before.startswith(now) or before.endswith(now):
            return EXTENDS
        if before.strip() == now.strip() or _is_same_json(before, now):
            return EXTENDS
        fits = all(text.startswith(self._text_of(number)) for number, text in whole)
        return EXTENDS if fits and self._are_numbered else CONTRADICTS

    def fit_part(self, given: int | None, text: str) -> int:
        """Return how one whole part fits to what has come, as far as its number is given."""
        before = self.text
        known = self._text_of(self._latest if given is None else given)
        if before and (text in (before, known) or (not known and before.endswith(text))):
            return EQUALS
        if known and (text.startswith(known) or known.startswith(text)):
            return EXTENDS
        return CONTRADICTS if known and given is not None and self._are_numbered else UNKNOWN

    def missing(self, whole: Sequence[Part]) -> Iterator[Part]:
        """Yield what a whole text adds to what has come, by its parts."""
        before, now = self.text, "".join(text for _, text in whole)
        if now.startswith(before):
            yield from missing_of(whole, len(before))
        elif self._are_numbered and not before.endswith(now) and before.strip() != now.strip():
            for number, text in whole:
                known = self._text_of(number)
                if number not in self._whole and len(text) > len(known) and text.startswith(known):
                    yield number, text[len(known) :]

    def missing_in(self, number: int, text: str) -> str | None:
        """Return what a whole part adds to what has come; None if only the whole text shows it."""
        known = self._text_of(number)
        if self._since(number).startswith(text):
            return ""  # some of its pieces had another number
        if not text.startswith(known):
            return ""
        if not self._are_numbered and (before := self.text) and not known:
            return "" if before.endswith(text) else None
        if not self._are_numbered and self.text.endswith(text):
            return ""
        if not known and (before := self.text) and _may_repeat(before, text):
            return None
        return text[len(known) :]

    def _since(self, number: int) -> str:
        """Return all that has come since the first piece of a part, in the order of time."""
        ends: dict[int, int] = {}
        texts = []
        for part, begin in reversed(self._runs[self._first_runs.get(number, len(self._runs)) :]):
            texts.append("".join(self._pieces[part][begin : ends.get(part)]))
            ends[part] = begin
        return "".join(reversed(texts))

    def _text_of(self, number: int) -> str:
        return "".join(self._pieces.get(number, ()))


def missing_of(whole: Iterable[Part], size: int) -> Iterator[Part]:
    """Yield the parts of a text that lie behind its first characters.

    Args:
        whole: The parts of the text.
        size: How many characters are left out.
    """
    for number, text in whole:
        if size < len(text):
            yield number, text[size:]
        size = max(0, size - len(text))


def _may_repeat(before: str, whole: str) -> bool:
    """Return whether a part of which no piece has come may be one that has, under its number."""
    return whole.startswith(before) or before.endswith(whole)


def _is_same_json(one: str, other: str) -> bool:
    return one[:1] == other[:1] == "{" and in_order(one) == in_order(other)
