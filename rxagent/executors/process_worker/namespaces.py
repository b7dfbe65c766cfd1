"""Namespaces of Linux: a process without a network, for which all files are read-only."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from .libc import call

__all__ = ["holds", "unshare"]

_NEW_USER, _NEW_NETWORK, _NEW_MOUNTS, _NEW_IPC = 0x10000000, 0x40000000, 0x00020000, 0x08000000
_RECURSIVE, _PRIVATE = 0x4000, 0x40000
_READ_ONLY, _NO_SUID, _NO_DEVICES = 1, 2, 4
_MOUNT_SETATTR, _HERE, _AT_RECURSIVE = 442, 2**64 - 100, 0x8000
_NO_NEW_PRIVILEGES, _CAPABILITIES = 38, 0x20080522


def unshare(scratch: str, size: int, hidden: Iterable[str], needed: Iterable[str]) -> bool:
    """Leave the namespaces of the parent; return whether all folders could be hidden.

    The process must have one thread only.

    Args:
        scratch: The folder that can be written to; a file system in memory covers it.
        size: How many bytes that may hold.
        hidden: Folders in whose place there is nothing.
        needed: Folders that stay visible, and so does one of `hidden` that holds such a folder.

    Raises:
        OSError: The kernel refuses.
    """
    user, group = os.geteuid(), os.getegid()
    call("unshare", _NEW_USER | _NEW_NETWORK | _NEW_MOUNTS | _NEW_IPC)
    try:
        return _enter(user, group, scratch, size, hidden, needed)
    finally:
        _drop_capabilities()


def _enter(
    user: int, group: int, scratch: str, size: int, hidden: Iterable[str], needed: Iterable[str]
) -> bool:
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    call("mount", None, b"/", None, _RECURSIVE | _PRIVATE, None)
    attributes = (ctypes.c_uint64 * 4)(_READ_ONLY | _NO_SUID, 0, 0, 0)
    call("syscall", _MOUNT_SETATTR, _HERE, b"/", _AT_RECURSIVE, attributes, 32)
    folders = [folder for folder in hidden if os.path.isdir(folder)]
    covered = [folder for folder in folders if not holds(folder, needed)]
    for folder in covered:
        _cover(folder, "size=4k,mode=555", _READ_ONLY)
    _cover(scratch, f"size={size},mode=700", 0)
    os.chdir(scratch)
    return folders == covered


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def holds(folder: str, paths: Iterable[str]) -> bool:
    """Return whether a folder is one of some paths, or holds one."""
    whole = os.path.realpath(folder)
    return any(os.path.commonpath([whole, os.path.realpath(path)]) == whole for path in paths)


def _cover(folder: str, options: str, flags: int) -> None:
    flags |= _NO_SUID | _NO_DEVICES
    call("mount", b"none", os.fsencode(folder), b"tmpfs", flags, options.encode())


def _drop_capabilities() -> None:
    """Give up the right to undo all this, also for what the process may start."""
    call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header, none = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    call("capset", header, none)
