"""A terminal in which a command runs, and whose keyboard a test uses."""

import codecs
import os
import pty
import select
import subprocess
from contextlib import suppress
from pathlib import Path

from .conftest import PATIENCE

OVERLOOKED = 20.0
"""Seconds after which Ctrl-C is pressed again.

Between showing a prompt and waiting for keys, Python's `input` overlooks a signal. So the keyboard
waits until the command sleeps, which cannot be seen on every system.
"""

CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


class Screen:
    """A terminal; the command is in its foreground, so that Ctrl-C is a signal."""

    def __init__(self, start, *arguments, stdout=None, typed="", **environment):
        self.primary, secondary = pty.openpty()
        self.type(typed)
        self.process = start(
            *arguments,
            terminal=True,
            stdin=secondary,
            stdout=stdout or secondary,
            stderr=secondary,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "80", **environment},
        )
        os.close(secondary)
        self.seen = ""
        self._read = 0
        self._decode = codecs.getincrementaldecoder("utf-8")().decode

    def type(self, keys):
        """Press keys."""
        os.write(self.primary, keys.encode())

    def interrupt(self, *texts):
        """Press Ctrl-C, and read until these texts."""
        self.wait_until_it_sleeps()
        self.type(CTRL_C)
        if not self._comes(texts[0], OVERLOOKED):
            self.type(CTRL_C)
        self.read_until(*texts)

    def press_until(self, key, text):
        """Press a key for a shell's command, again if need be, and read until a text."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if children.exists():
            self.wait_until_it_sleeps(children.read_text(encoding="utf-8").split()[0])
        self.type(key)
        if not self._comes(text, OVERLOOKED):
            self.type(key)
        self.read_until(text)

    def leave(self):
        """Press Ctrl-C, which ends the command; return all that was seen."""
        self.press_until_it_ends(CTRL_C)
        return self.read_all()

    def press_until_it_ends(self, key):
        """Press a key, again if need be, which ends the command."""
        self.wait_until_it_sleeps()
        self.type(key)
        try:
            self.process.wait(OVERLOOKED)
        except subprocess.TimeoutExpired:
            self.type(key)
            self.process.wait(PATIENCE)

    def wait_until_it_sleeps(self, pid=None):
        """Wait until the command's main thread has slept for longer than a turn of another's."""
        status = Path(f"/proc/{pid or self.process.pid}/stat")
        asleep = 0
        while asleep < 10 and status.exists():
            self._more(0.002)
            with suppress(OSError):
                state = status.read_text(encoding="utf-8").rpartition(")")[2].split()[0]
                asleep = asleep + 1 if state in "SZ" else 0

    def read_until(self, *texts):
        """Read until the texts have been seen, one after the other, since what was read before."""
        for text in texts:
            assert self._comes(text), (
                f"{text!r} did not come; seen: {self.seen!r}, {self._read} read"
            )
            self._read = self.seen.index(text, self._read) + len(text)

    def _comes(self, text, patience=PATIENCE):
        while text not in self.seen[self._read :]:
            if not self._more(patience):
                return False
        return True

    def read_all(self):
        """Read until the command has ended; return all that was seen, with plain newlines."""
        while self._more():
            pass
        os.close(self.primary)
        self.process.wait(PATIENCE)
        return self.seen.replace("\r\n", "\n")

    def _more(self, patience=PATIENCE):
        if not select.select([self.primary], [], [], patience)[0]:
            return False
        try:
            piece = os.read(self.primary, 4096)
        except OSError:  # Linux raises it when the other side was closed
            return False
        self.seen += self._decode(piece)
        return bool(piece)
