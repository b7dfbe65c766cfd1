"""Paths: which parts of a JSON value are meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from ..arguments import shown, text

__all__ = ["Path", "Place", "path_of"]

Place = tuple[str | int, ...]
"""Where a part is: keys and indexes, the outermost first."""

_STEP = re.compile(
    r"""(?:^|(?<!^)\.)(?P<key>[^.\[\]"*]+|\*)"""
    r"""|\[(?:(?P<any>\*)|(?P<index>\d+)|(?P<quoted>"(?:[^"\\]|\\.)*"))\]"""
)


@frozen
class Path:
    """A path of a JSON value; None stands for any key or any index.

    Attributes:
        kinds: Whether each step is a key (`str`) or an index (`int`).
        steps: The keys and indexes.
    """

    kinds: tuple[type, ...]
    steps: Place | tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.steps)

    def inside(self, key: str) -> Path:
        """Return this path below a key."""
        return Path((str, *self.kinds), (key, *self.steps))

    def leads_to(self, place: Place) -> bool:
        """Return whether a part at a place of this length is meant."""
        return all(
            type(at) is kind and (step is None or step == at)
            for kind, step, at in zip(self.kinds, self.steps, place, strict=True)
        )


def path_of(written: Any) -> Path:
    """Return the path that a text writes: ``items[*].url``.

    Raises:
        TypeError: It is no text.
        ValueError: It is no path.
    """
    text("path", written)
    steps = list(_steps(written))
    return Path(tuple(kind for kind, _ in steps), tuple(step for _, step in steps))


def _steps(written: str) -> Iterator[tuple[type, Any]]:
    at = 0
    while at < len(written) or not written:
        found = _STEP.match(written, at)
        if found is None:
            raise ValueError(
                f"path must be the path of a part, as 'items[*].url', not {shown(written)}. "
                "Write keys behind a dot, and [*] or a number for the items of a list."
            )
        if found["key"] is not None:
            yield str, None if found["key"] == "*" else found["key"]
        elif found["quoted"] is not None:
            yield str, json.loads(found["quoted"])
        else:
            yield int, None if found["any"] else int(found["index"])
        at = found.end()
