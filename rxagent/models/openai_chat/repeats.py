"""Repeats: whole messages inside a stream, which may repeat what came before them."""

from collections.abc import Mapping
from typing import Any

from .choices import Undecided

__all__ = ["Repeats"]


class Repeats:
    """Finds what a message says beyond the deltas and the messages before it."""

    def __init__(self) -> None:
        self._fields: dict[tuple[int, str], _Field] = {}

    def add(self, choice: int, name: str, part: Any) -> None:
        """Note a part of a field that came in a delta."""
        field = self._fields.get((choice, name))
        if field is None:
            field = self._fields[choice, name] = _Field()
        field.in_deltas = True
        if isinstance(part, str):
            field.texts.append(part)
        else:
            field.is_text = False

    def new_in(self, choice: int, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a message that are new, and of texts their new ends.

        Raises:
            Undecided: The messages of a stream neither repeat nor continue each other.
        """
        new = {}
        for name, part in message.items():
            field = self._fields.setdefault((choice, name), _Field()) if part else _Field()
            if not isinstance(part, str):
                if not field.in_deltas:
                    new[name] = part
            elif field.is_text and (end := field.new_end(part)):
                new[name] = end
        return new


class _Field:
    """A field of one choice: what was read of it, and how its messages are related.

    `grow` is true once a message has repeated the one before it, false once one has not.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.in_deltas = False
        self.is_text = True
        self.grow: bool | None = None

    def new_end(self, text: str) -> str:
        before = "".join(self.texts)
        if self.grow is not False and text.startswith(before):
            self.grow = True if before and not self.in_deltas else self.grow
            self.texts = [text]
            return text[len(before) :]
        if self.in_deltas or not text:
            return ""  # such as a text without the white space around it
        if self.grow:
            raise Undecided("messages that neither repeat nor continue each other")
        self.grow = False
        self.texts.append(text)
        return text
