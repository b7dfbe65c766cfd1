"""What a run remembers of its events, for those who come late and for its state."""

from threading import Lock

from ..events import Event, ReasoningDelta, TextDelta
from ..state import State, TextView, fold_all

__all__ = ["Record"]


class Record:
    """The events of a run so far; neighbouring pieces of one text are kept as one.

    Reading it is safe on any thread while the run goes on.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._events: list[Event] = []
        self._kind: type[TextDelta] | type[ReasoningDelta] | None = None
        self._text = TextView()
        self._state = State()
        self._folded = 0

    def add(self, event: Event) -> None:
        """Remember one more event."""
        kind = type(event)
        with self._lock:
            if kind is self._kind:
                self._text += event.text  # type: ignore[attr-defined]  # both kinds have it
                return
            self._settle()
            if isinstance(event, TextDelta | ReasoningDelta):
                self._kind, self._text = type(event), TextView(event.text)
            else:
                self._events.append(event)

    def _settle(self) -> None:
        if self._kind is not None:
            self._events.append(self._kind(self._text.text))
            self._kind = None

    @property
    def events(self) -> list[Event]:
        """All events so far."""
        with self._lock:
            return [*self._events, *self._unsettled()]

    def _unsettled(self) -> list[Event]:
        return [] if self._kind is None else [self._kind(self._text.text)]

    @property
    def state(self) -> State:
        """What the events so far come to; folds only what is new."""
        with self._lock:
            self._state = fold_all(self._state, self._events[self._folded :])
            self._folded = len(self._events)
            return fold_all(self._state, self._unsettled())
