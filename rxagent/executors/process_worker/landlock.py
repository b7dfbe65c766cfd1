"""Landlock of Linux: a process that sees some files only, and signals no other process."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from .libc import call

__all__ = ["restrict"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_NO_NEW_PRIVILEGES = 38

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_EXECUTE, _WRITE_FILE, _TRUNCATE, _DEVICE = 1 << 0, 1 << 1, 1 << 14, 1 << 15
_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE
_FIRST = (1 << 13) - 1


def restrict(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Forbid all files but these, what is below them included; return the version of Landlock.

    From version 4 on it also forbids TCP, from 6 on signals to other processes. Nothing can be
    executed.

    Raises:
        OSError: The kernel has no Landlock, or refuses.
    """
    version = call("syscall", _CREATE, None, 0, 1)
    later = {2: 1 << 13, 3: _TRUNCATE, 5: _DEVICE}
    files = _FIRST | sum(bit for since, bit in later.items() if since <= version)
    rules = struct.pack("=QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = call("syscall", _CREATE, ctypes.c_char_p(rules), size, 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(ruleset, path, files & ~_EXECUTE)
        call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        call("syscall", _RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # there is nothing to allow
        return
    try:
        if not os.path.isdir(path):
            access &= _FILE
        rule = struct.pack("=Qi", access, fd)
        call("syscall", _ADD, ruleset, 1, ctypes.c_char_p(rule), 0)
    finally:
        os.close(fd)
