"""Isolation: what the kernel forbids the process, as far as it can."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import landlock, namespaces, seccomp
from .libc import call

__all__ = ["isolate", "limit_memory", "limit_time"]

_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/full")
_FACTS = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo"),
    *("/etc/ld.so.cache", "/etc/localtime", "/proc/self", "/proc/cpuinfo", "/proc/meminfo"),
    "/sys/devices/system/cpu",
)

_MOST_ARENAS = 2**64 - 8
"""Of glibc's malloc; each arena that a thread gets, or a lack of memory, reserves 64 MiB."""

_PARENT_DEATH_SIGNAL = 1

_PROTECTIONS: dict[str, tuple[str, ...]] = {
    "the network": ("namespaces", "seccomp"),
    "files outside its folder": ("landlock",),
    "changes of files outside its folder": ("namespaces", "changes"),
    "the home folder": ("rules", "covers"),
    "the environment of its parent": ("landlock", "namespaces"),
    "signals to other processes": ("seccomp", "scopes"),
    "new processes": ("seccomp",),
}
"""What is kept from the process, and the layers each of which does that."""


def isolate(settings: dict[str, Any]) -> dict[str, Any]:
    """Isolate the process, which must have one thread only; return a report of what worked.

    Args:
        settings: What the parent sent first.
    """
    scratch, memory = settings["folder"], settings["memory"]
    needed = _python_paths()
    failed: dict[str, str] = {}

    def attempt(layer: str, isolating: Callable[[], object]) -> object:
        try:
            if layer not in settings["layers"]:
                raise OSError("it was not requested")
            return isolating()
        except Exception as error:  # a kernel without it is no reason not to run
            failed[layer] = str(error)
            return None

    hidden = settings["hidden"]
    covers = attempt("namespaces", lambda: namespaces.unshare(scratch, memory, hidden, needed))
    version = attempt(
        "landlock",
        lambda: landlock.restrict([*needed, *_FACTS, *_DEVICES], [scratch, "/dev/null"]),
    )
    _end_with_parent()
    attempt("seccomp", lambda: seccomp.restrict(is_read_only="namespaces" not in failed))
    if not covers:
        failed["covers"] = failed.get("namespaces", "the home folder holds this Python")
    if "landlock" in failed or any(namespaces.holds(path, hidden) for path in needed):
        failed["rules"] = failed.get("landlock", "this Python's folders hold the home folder")
    if not isinstance(version, int) or version < 6:
        failed["scopes"] = failed.get("landlock", f"this kernel has version {version} of it")
    if not isinstance(version, int) or version < 3:  # the earlier ones let files be truncated
        failed["changes"] = failed.get("landlock", f"this kernel has version {version} of it")
    elif "seccomp" in failed:  # nothing else keeps attributes of files
        failed["changes"] = failed["seccomp"]
    for name, most in ("CORE", 0), ("NOFILE", 256), ("FSIZE", memory):
        attempt_limit(f"RLIMIT_{name}", most, failed)
    if "seccomp" in failed and "namespaces" not in failed:  # there, no other processes count
        attempt_limit("RLIMIT_NPROC", 64, failed)
    kept = {what for what, layers in _PROTECTIONS.items() if not failed.keys() >= set(layers)}
    return {
        "kept": [what for what in _PROTECTIONS if what in kept],
        "open": [what for what in _PROTECTIONS if what not in kept],
        "failed": failed,
    }


def _end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, whatever the code does then."""
    with suppress(OSError):  # not Linux
        call("prctl", _PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def _python_paths() -> list[str]:
    paths = (sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path)
    return [path for path in dict.fromkeys(paths) if os.path.isabs(path) and os.path.exists(path)]


def attempt_limit(name: str, most: int, failed: dict[str, str]) -> None:
    """Set a limit of the process, or note why that failed."""
    try:
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(kind, (most, most))
    except (AttributeError, OSError, ValueError) as error:
        failed[name] = str(error)


def limit_memory(most: int, failed: dict[str, str]) -> None:
    """Limit the memory of the code to so many bytes beyond those of the interpreter itself.

    The process may have started threads, but none of them may have used much memory.
    """
    with suppress(OSError, ValueError):  # another C library
        call("mallopt", _MOST_ARENAS, 1)
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            own = int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        own = 256 * 2**20
    attempt_limit("RLIMIT_AS", own + most, failed)


def limit_time(seconds: float) -> None:
    """Limit the seconds of computation from now on."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used + seconds) + 1
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
