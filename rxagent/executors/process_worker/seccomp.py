"""A filter of system calls: no new processes, no sockets, no signals to others."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator

from .libc import call
from .system_calls import (
    ATTRIBUTES,
    CLONE,
    CLONE3,
    FCNTL,
    FORBIDDEN,
    IOCTL,
    OWN,
    PRCTL,
    SENDTO,
    Numbers,
)

__all__ = ["restrict"]

_NO_NEW_PRIVILEGES, _SET_FILTER, _FILTER = 38, 22, 2
_LOAD, _EQUALS, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_THREAD = 0x10000

_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The architecture as the kernel names it, and the column of its numbers."""

_SET_FLAGS, _ASYNC = 4, 0x2000
_SIGNALLING = (8, 10, 15)
"""Of fcntl: F_SETOWN, F_SETSIG and F_SETOWN_EX name who gets which signal."""

_PARENT_DEATH_SIGNAL = 1
_INNOCENT = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x40049409)
"""Of ioctl, what Python needs: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, and
FICLONE, by which pathlib copies files."""


def restrict(is_read_only: bool = False) -> None:
    """Install the filter for this thread, and all that it starts.

    Args:
        is_read_only: Whether all files outside the scratch folder are read-only. Otherwise no
            attribute of any file can be changed, since nothing else forbids that.

    Raises:
        OSError: The kernel refuses, or the filter is not known for this machine.
    """
    system = os.uname()
    if system.sysname != "Linux" or system.machine not in _MACHINES:
        raise OSError(f"there is no filter for {system.sysname} on {system.machine}")
    forbidden = FORBIDDEN if is_read_only else FORBIDDEN | ATTRIBUTES
    program = b"".join(_program(*_MACHINES[system.machine], forbidden.values(), os.getpid()))
    code = ctypes.create_string_buffer(program, len(program))
    filter = struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    call("prctl", _SET_FILTER, _FILTER, ctypes.c_char_p(filter), 0, 0)


def _program(
    architecture: int, column: int, forbidden: Iterable[Numbers], own: int
) -> Iterator[bytes]:
    """Yield the instructions; a jump says how many to skip if it holds, and if it does not."""
    yield _do(_LOAD, 4)
    yield _do(_EQUALS, architecture, 1, 0)
    yield _refuse(errno.EPERM)
    yield _do(_LOAD, 0)
    yield _do(_AT_LEAST, 0x40000000, 0, 1)  # the other numbers of x86_64, for x32
    yield _refuse(errno.EPERM)
    for numbers in forbidden:
        if (number := numbers[column]) is not None:
            yield _do(_EQUALS, number, 0, 1)
            yield _refuse(errno.EPERM)
    yield _do(_EQUALS, CLONE3[column], 0, 1)  # its flags cannot be read; `clone` takes its place
    yield _refuse(errno.ENOSYS)
    yield _do(_EQUALS, CLONE[column], 0, 4)
    yield _do(_LOAD, _argument(0))
    yield _do(_ANY_BIT, _THREAD, 1, 0)
    yield _refuse(errno.EPERM)
    yield _do(_RETURN, _ALLOW)
    for name, numbers in OWN.items():
        zero = 0 if name == "prlimit64" else own  # to `kill`, 0 is the whole group
        yield _do(_EQUALS, numbers[column], 0, 5)
        yield _do(_LOAD, _argument(0))
        yield _do(_EQUALS, own, 2, 0)
        yield _do(_EQUALS, zero, 1, 0)
        yield _refuse(errno.EPERM)
        yield _do(_RETURN, _ALLOW)
    yield from _checked(
        FCNTL[column],
        1,
        *(_do(_EQUALS, command, 0, 1) + _refuse(errno.EPERM) for command in _SIGNALLING),
        _do(_EQUALS, _SET_FLAGS, 0, 3),
        _do(_LOAD, _argument(2)),  # to a terminal, O_ASYNC means the signals of its owner
        _do(_ANY_BIT, _ASYNC, 0, 1),
        _refuse(errno.EPERM),
    )
    yield from _checked(
        PRCTL[column], 0, _do(_EQUALS, _PARENT_DEATH_SIGNAL, 0, 1), _refuse(errno.EPERM)
    )
    yield from _checked(
        IOCTL[column],
        1,
        *(_do(_EQUALS, command, 0, 1) + _do(_RETURN, _ALLOW) for command in _INNOCENT),
        _refuse(errno.EPERM),
    )
    yield _do(_EQUALS, SENDTO[column], 0, 6)  # without an address only
    yield _do(_LOAD, _argument(4))
    yield _do(_EQUALS, 0, 0, 2)
    yield _do(_LOAD, _argument(4) + 4)
    yield _do(_EQUALS, 0, 1, 0)
    yield _refuse(errno.EPERM)
    yield _do(_RETURN, _ALLOW)
    yield _do(_RETURN, _ALLOW)


def _checked(number: int, argument: int, *checks: bytes) -> Iterator[bytes]:
    """Yield instructions for one call, which load an argument first, and allow it in the end."""
    body = b"".join([_do(_LOAD, _argument(argument)), *checks, _do(_RETURN, _ALLOW)])
    yield _do(_EQUALS, number, 0, len(body) // 8)
    yield body


def _argument(index: int) -> int:
    return 16 + 8 * index


def _do(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(error: int) -> bytes:
    return _do(_RETURN, _REFUSE | error)
