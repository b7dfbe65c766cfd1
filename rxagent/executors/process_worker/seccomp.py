"""A filter of system calls: no new processes, no sockets, no signals to others."""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator

from .libc import call

__all__ = ["restrict"]

_NO_NEW_PRIVILEGES, _SET_FILTER, _FILTER = 38, 22, 2
_LOAD, _EQUALS, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_THREAD = 0x10000

_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The architecture as the kernel names it, and the column of its numbers."""

_FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "setpriority": (141, 140),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "mount": (165, 40),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "setns": (308, 268),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "mount_setattr": (442, 442),
}
_CLONE, _CLONE3, _SENDTO = (56, 220), (435, 435), (44, 206)
_OWN = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
"""Calls that name a process first: allowed for this one, which is also 0."""


def restrict() -> None:
    """Install the filter for this thread, and all that it starts.

    Raises:
        OSError: The kernel refuses, or the filter is not known for this machine.
    """
    system = os.uname()
    if system.sysname != "Linux" or system.machine not in _MACHINES:
        raise OSError(f"there is no filter for {system.sysname} on {system.machine}")
    program = b"".join(_program(*_MACHINES[system.machine], os.getpid()))
    code = ctypes.create_string_buffer(program, len(program))
    filter = struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    call("prctl", _SET_FILTER, _FILTER, ctypes.c_char_p(filter), 0, 0)


def _program(architecture: int, column: int, own: int) -> Iterator[bytes]:
    """Yield the instructions; a jump says how many to skip if it holds, and if it does not."""
    yield _do(_LOAD, 4)
    yield _do(_EQUALS, architecture, 1, 0)
    yield _refuse(errno.EPERM)
    yield _do(_LOAD, 0)
    yield _do(_AT_LEAST, 0x40000000, 0, 1)  # the other numbers of x86_64, for x32
    yield _refuse(errno.EPERM)
    for numbers in _FORBIDDEN.values():
        if (number := numbers[column]) is not None:
            yield _do(_EQUALS, number, 0, 1)
            yield _refuse(errno.EPERM)
    yield _do(_EQUALS, _CLONE3[column], 0, 1)  # its flags cannot be read; `clone` takes its place
    yield _refuse(errno.ENOSYS)
    yield _do(_EQUALS, _CLONE[column], 0, 4)
    yield _do(_LOAD, _argument(0))
    yield _do(_ANY_BIT, _THREAD, 1, 0)
    yield _refuse(errno.EPERM)
    yield _do(_RETURN, _ALLOW)
    for name, numbers in _OWN.items():
        zero = 0 if name == "prlimit64" else own  # to `kill`, 0 is the whole group
        yield _do(_EQUALS, numbers[column], 0, 5)
        yield _do(_LOAD, _argument(0))
        yield _do(_EQUALS, own, 2, 0)
        yield _do(_EQUALS, zero, 1, 0)
        yield _refuse(errno.EPERM)
        yield _do(_RETURN, _ALLOW)
    yield _do(_EQUALS, _SENDTO[column], 0, 6)  # without an address only
    yield _do(_LOAD, _argument(4))
    yield _do(_EQUALS, 0, 0, 2)
    yield _do(_LOAD, _argument(4) + 4)
    yield _do(_EQUALS, 0, 1, 0)
    yield _refuse(errno.EPERM)
    yield _do(_RETURN, _ALLOW)
    yield _do(_RETURN, _ALLOW)


def _argument(index: int) -> int:
    return 16 + 8 * index


def _do(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(error: int) -> bytes:
    return _do(_RETURN, _REFUSE | error)
