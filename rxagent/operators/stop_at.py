"""The operator that ends a model's answer at some words."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from reactivex import Observable, abc

from ..arguments import several, shown
from ..events import Delta, Finish, StepRetried, TextDelta
from ..streams.sink import HoldingSink, lift
from ._operator import operator

__all__ = ["stop_at"]


@operator(takes="deltas")
def stop_at(words: Iterable[str]) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Cut a model's text before the first of some words, and close the request.

    Text that could be the start of such a word waits until that is known, and later deltas wait
    behind it; all else passes at once. A cut answer ends with `Finish("stop")`. How the model
    splits its text into deltas makes no difference.

    .. marbles:: stop_at/stop_at
    """
    stops = (words,) if isinstance(words, str) else several("words", words, "texts", str)
    if not all(stops):
        raise ValueError(f"words is one or more texts that are not empty, not {shown(words)}.")
    return lift(partial(_Stopping, stops))


class _Stopping(HoldingSink[Delta, Delta]):
    __slots__ = ("_stops",)

    def __init__(self, words: Iterable[str], observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._stops = StopMatcher(words)

    def on_next(self, value: Delta) -> None:
        for passed in self._stops.add(value):
            if self._stops.stopped:
                self._dispose_source()
            self.observer.on_next(passed)
        if self._stops.stopped:
            super().on_completed()

    def flush(self) -> None:
        for passed in self._stops.flush():
            self.observer.on_next(passed)


class StopMatcher:
    """Passes the deltas of a turn until its text contains one of some words."""

    def __init__(self, words: Iterable[str]) -> None:
        self.stopped = False
        self._words = tuple(words)
        self._waiting: deque[Delta] = deque()
        beginnings = {word[:end] for word in self._words for end in range(1, len(word))}
        begun = rf"(?:{_any(beginnings)})\Z"
        self._find_begun = re.compile(begun).search
        self._find = re.compile(f"{_any(self._words)}|{begun}").search

    def add(self, delta: Delta) -> Iterable[Delta]:
        """Add a delta; return the deltas that need not wait any longer."""
        if not isinstance(delta, TextDelta):
            return self._pass(delta)
        if not self._waiting and self._find(delta.text) is None:
            return (delta,)
        self._waiting.append(delta)
        return self._look()

    def _pass(self, delta: Delta) -> Iterator[Delta]:
        match delta:
            case Finish():
                yield from self.flush()
            case StepRetried():
                yield from self._without_text()
        if self._waiting:
            self._waiting.append(delta)
        else:
            yield delta

    def flush(self) -> Iterator[Delta]:
        """Yield all deltas that wait."""
        while self._waiting:
            yield self._waiting.popleft()

    def _look(self) -> Iterator[Delta]:
        text = "".join(delta.text for delta in self._waiting if isinstance(delta, TextDelta))
        end = self._end(text)
        if end is None:
            yield from self._release(self._sure(text))
            return
        self.stopped = True
        yield from self._release(end)
        yield from self._without_text()
        yield Finish("stop")

    def _end(self, text: str) -> int | None:
        """Return where the word begins that ends first, the longest of several."""
        found = [(at + len(word), at) for word in self._words if (at := text.find(word)) >= 0]
        return min(found)[1] if found else None

    def _sure(self, text: str) -> int:
        """Return how many characters of a text belong to no word, however it continues."""
        begun = self._find_begun(text)
        return len(text) if begun is None else begun.start()

    def _release(self, characters: int) -> Iterator[Delta]:
        """Yield so many characters, and the other deltas between them and after them."""
        while self._waiting:
            delta = self._waiting[0]
            if isinstance(delta, TextDelta):
                if len(delta.text) > characters:
                    self._waiting[0] = TextDelta(delta.text[characters:])
                    if characters:
                        yield TextDelta(delta.text[:characters])
                    return
                characters -= len(delta.text)
            yield self._waiting.popleft()

    def _without_text(self) -> Iterator[Delta]:
        yield from (delta for delta in self.flush() if not isinstance(delta, TextDelta))


def _any(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, texts)) or "(?!)"
