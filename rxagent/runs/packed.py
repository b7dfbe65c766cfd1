"""Packed: many pieces in little room."""

from array import array
from collections.abc import Hashable, Iterator, Sequence

from ..events import Event
from ..operators._channels import like, piece

__all__ = ["Packed"]


class Packed:
    """Neighbouring pieces, joined by channel, which can be told apart again.

    Beside the text, a piece costs a byte or two.

    Args:
        pieces: Events that are pieces, at least one.
        channels: The channel of each.

    Attributes:
        joined: The pieces of each channel in one; the channels in the order in which they began.
        count: How many pieces there are.
    """

    __slots__ = ("_lengths", "_order", "count", "joined")

    def __init__(self, pieces: Sequence[Event], channels: Sequence[Hashable]) -> None:
        numbers = {channel: number for number, channel in enumerate(dict.fromkeys(channels))}
        texts = list(map(piece, pieces))
        self.count = len(pieces)
        self._lengths = _small(list(map(len, texts)))
        if len(numbers) == 1:
            self._order: Sequence[int] | None = None
            self.joined: tuple[Event, ...] = (like(pieces[0])("".join(texts)),)
            return
        self._order = order = _small([numbers[channel] for channel in channels])
        told: list[list[str]] = [[] for _ in numbers]
        for number, text in zip(order, texts, strict=True):
            told[number].append(text)
        firsts = (pieces[order.index(number)] for number in numbers.values())
        self.joined = tuple(
            like(first)("".join(text)) for first, text in zip(firsts, told, strict=True)
        )

    def pieces(self) -> Iterator[Event]:
        """Tell the pieces apart again."""
        channels = [(like(joint), piece(joint)) for joint in self.joined]
        ends = [0] * len(channels)
        for number, length in zip(self._order or bytes(self.count), self._lengths, strict=True):
            make, text = channels[number]
            start = ends[number]
            ends[number] = end = start + length
            yield make(text[start:end])


def _small(numbers: list[int]) -> Sequence[int]:
    try:
        return bytes(numbers)
    except ValueError:
        return array("Q", numbers)
