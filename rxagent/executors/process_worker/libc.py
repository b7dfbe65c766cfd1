"""Calls of the kernel that Python has no function for."""

from __future__ import annotations

import ctypes
import os
from typing import Any

__all__ = ["call", "library"]


def library() -> Any:
    """Return the C library of the process.

    Raises:
        OSError: It cannot be loaded.
    """
    return ctypes.CDLL(None, use_errno=True)


def call(name: str, *args: Any) -> int:
    """Call a function of the C library.

    Raises:
        OSError: It failed, or this system has no such function.
    """
    function = getattr(library(), name, None)
    if function is None:
        raise OSError(f"there is no {name} on this system")
    function.restype = ctypes.c_long
    result: int = function(*(ctypes.c_ulong(arg) if isinstance(arg, int) else arg for arg in args))
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result
