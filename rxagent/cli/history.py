"""History: what was typed before, for the arrow keys of this conversation and of later ones."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

__all__ = ["History", "history_path"]

_MOST = 1000


def history_path() -> Path:
    """Return where the texts of `rxagent chat` are kept: in the folder of its settings."""
    return Path(click.get_app_dir("rxagent")) / "chat-history.jsonl"


class History:
    """A file of texts, one a line as JSON, the latest last.

    Several processes may add to it. Where it cannot be read or written, nothing is remembered,
    and nothing else is amiss.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[str]:
        """Yield the latest texts, and let go of those before them."""
        with suppress(OSError):
            lines = self._path.read_bytes().splitlines(keepends=True)
            if len(lines) > 2 * _MOST:
                self._write(b"".join(lines[-_MOST:]), os.O_TRUNC)
            for line in lines[-_MOST:]:
                with suppress(ValueError):
                    if isinstance(text := json.loads(line), str):
                        yield text

    def add(self, text: str) -> None:
        """Remember a text."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._write(json.dumps(text).encode() + b"\n", os.O_APPEND)

    def _write(self, lines: bytes, how: int) -> None:
        # What is said to a model is nobody else's business.
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | how, mode=0o600)
        try:
            if hasattr(os, "fchmod"):  # the file may be there already, and open to others
                os.fchmod(file, 0o600)
            os.write(file, lines)
        finally:
            os.close(file)
