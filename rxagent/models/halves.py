"""Halves: characters that a provider has cut in two, put together again."""

from collections.abc import Hashable

__all__ = ["Halves", "whole_text"]


class Halves:
    """Joins the halves of surrogate pairs across the pieces of a text.

    The first half is kept until the next piece of its channel comes; a half that stays alone
    becomes U+FFFD, since no text with one can be encoded.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, str] = {}

    def __len__(self) -> int:
        """How many halves wait for their other ones."""
        return len(self._kept)

    def join(self, channel: Hashable, text: str) -> str:
        """Return a piece of a channel's text as whole characters."""
        if not self._kept and text.isascii():
            return text
        text = self._kept.pop(channel, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._kept[channel] = text[-1]
            text = text[:-1]
        return whole_text(text)

    def flush(self) -> dict[Hashable, str]:
        """Return what stays of the halves that are left, by channel."""
        kept, self._kept = self._kept, {}
        return dict.fromkeys(kept, "�")


def whole_text(text: str) -> str:
    """Return a text without halves: pairs are joined, single ones become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
