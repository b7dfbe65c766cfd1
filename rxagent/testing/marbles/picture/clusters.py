"""Clusters: what a stream tells at one instant, and the room that it takes."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from attrs import evolve, frozen

from ..diagram import Note
from ..rows import Kind, unquoted
from .faces import Face, Shape, face_of
from .parts import width_of
from .texts import shortened, visible

__all__ = ["Ball", "Cluster", "ball", "clusters"]

_PILL = Face(Shape.PILL, "text")
_LONGEST = 16
_PADDING = 8.0
_BETWEEN = 4.0
_FRAME = 4.0
_HALF_END = {Kind.COMPLETED: 3.0, Kind.ERROR: 7.0}


@frozen
class Ball:
    """A marble that has no place yet."""

    face: Face
    text: str
    title: str

    @property
    def width(self) -> float:
        """How wide it is."""
        least, _ = self.face.shape.size
        if self.face.shape is not Shape.PILL:
            return least
        return max(least, width_of(self.text, "pill") + 2 * _PADDING)

    @property
    def height(self) -> float:
        """How high it is."""
        return self.face.shape.size[1]


@frozen
class Cluster:
    """What a stream tells at `at`: balls, stacked one under the other, and its end beside them."""

    at: float
    balls: tuple[Ball, ...]
    end: Kind | None
    end_title: str

    def moved(self, seconds: float) -> "Cluster":
        """Return the cluster so much later."""
        return evolve(self, at=round(self.at + seconds, 6))

    @property
    def is_framed(self) -> bool:
        """Whether a frame holds together what comes at the same instant."""
        return len(self.balls) + (self.end is not None) > 1

    @property
    def half(self) -> float:
        """Half of the width of the widest ball."""
        return max((ball.width / 2 for ball in self.balls), default=0.0)

    @property
    def left(self) -> float:
        """How far it reaches to the left of its instant."""
        return self.half + _FRAME if self.is_framed else self.half or self._half_end

    @property
    def right(self) -> float:
        """How far it reaches to the right of its instant."""
        if not self.is_framed or self.end is None:
            return self.left
        return self.end_offset + self._half_end + _FRAME

    @property
    def end_offset(self) -> float:
        """How far to the right of its instant the end is drawn."""
        return self.half + _BETWEEN + self._half_end if self.balls else 0.0

    @property
    def _half_end(self) -> float:
        return _HALF_END[self.end] if self.end is not None else 0.0

    @property
    def above(self) -> float:
        """How far it reaches above the line."""
        first = self.balls[0].height / 2 if self.balls else 0.0
        return max(first, 14.0) + (_FRAME if self.is_framed else 0.0)

    @property
    def below(self) -> float:
        """How far it reaches below the line."""
        tops = self.offsets
        last = tops[-1] + self.balls[-1].height / 2 if self.balls else 0.0
        return max(last, 14.0) + (_FRAME if self.is_framed else 0.0)

    @property
    def offsets(self) -> list[float]:
        """How far below the line the middle of each ball is."""
        offsets = [0.0] if self.balls else []
        for one, other in zip(self.balls, self.balls[1:], strict=False):
            offsets.append(offsets[-1] + one.height / 2 + _BETWEEN + other.height / 2)
        return offsets


def clusters(notes: Iterable[Note], written: Mapping[str, str]) -> list[Cluster]:
    """Return the clusters of some notes, in their order; `written` says what each letter means."""
    return [
        _cluster(at, list(together), written)
        for at, together in groupby(notes, key=lambda note: note.at)
    ]


def _cluster(at: float, notes: list[Note], written: Mapping[str, str]) -> Cluster:
    last = notes[-1]
    end = last.kind if last.kind is not Kind.NEXT else None
    shown = [note for note in notes if note.sign not in ("|", "#")]
    title = {Kind.ERROR: _error(last, written), Kind.COMPLETED: "completed"}.get(last.kind, "")
    return Cluster(at, tuple(_ball(note, written) for note in shown), end, title)


def _error(note: Note, written: Mapping[str, str]) -> str:
    return written.get("!" if note.sign == "#" else note.sign, "")


def _ball(note: Note, written: Mapping[str, str]) -> Ball:
    if note.sign.startswith("'"):
        text = visible(unquoted(note.sign))
        return Ball(_PILL, shortened(text, _LONGEST), f"TextDelta({note.sign})")
    return ball(note.sign, note.value, written)


def ball(letter: str, value: object, written: Mapping[str, str]) -> Ball:
    """Return the ball of a letter."""
    return Ball(face_of(value), letter, f"{letter} = {written[letter]}")
