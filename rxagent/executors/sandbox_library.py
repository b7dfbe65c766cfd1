"""The library of the sandbox, as this process may use it.

The runtime of pydantic-monty has threads, and files of the kernel that a forked child shares with
its parent: used in both, it hangs in the child and crashes the parent. So a child that was forked
after the parent had used it loads a copy of the library, which has a runtime of its own. Tried
with pydantic-monty 1.4 on Linux.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import MissingExtra

__all__ = ["keep_for_ever", "library"]

_NAME = "pydantic_monty._monty"

_lock = threading.Lock()
_library: Any = None
_is_used_by_parent = False


def library() -> Any:
    """Return the module of pydantic-monty for this process; the first call loads it.

    Raises:
        MissingExtra: It cannot be loaded here.
    """
    global _library
    with _lock:
        if _library is None:
            try:
                import pydantic_monty._monty as original
            except ImportError as error:
                raise MissingExtra(
                    f"The sandbox needs pydantic-monty, which cannot be loaded ({error}). Install "
                    "it with: pip install pydantic-monty. Or run code in a process: "
                    "ProcessExecutor."
                ) from error
            _library = _copy_of(original) if _is_used_by_parent else original
        return _library


def _copy_of(original: ModuleType) -> ModuleType:
    source = Path(str(original.__file__))
    folder = tempfile.mkdtemp(prefix="rxagent-")
    try:
        copy = shutil.copy(source, folder)
        loader = importlib.machinery.ExtensionFileLoader(_NAME, copy)
        spec = importlib.util.spec_from_file_location(_NAME, copy, loader=loader)
        if spec is None:
            raise ImportError(f"{copy} cannot be loaded", name=_NAME, path=copy)
        before = sys.modules.get(_NAME)
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        if before is not None:
            sys.modules[_NAME] = before
        return module
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep_for_ever(thing: object) -> None:
    """Never free an object: in a forked child, the end of it would reach the parent's processes."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _forget() -> None:
    """Reset in a forked child."""
    global _lock, _library, _is_used_by_parent
    _lock = threading.Lock()
    _is_used_by_parent = _is_used_by_parent or _library is not None
    if _library is not None:
        keep_for_ever(_library)
    _library = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
