"""The executor that runs code in a process of its own, with all of Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from ..arguments import several, suggesting, text
from .process_session import ProcessSession, Settings
from .protocol import NOT_OF_EXECUTORS, Limits, Session

__all__ = ["BASE_MODULES", "ProcessExecutor"]

BASE_MODULES = (
    *("array", "asyncio", "base64", "bisect", "calendar", "cmath", "collections", "copy"),
    *("csv", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib"),
    *("heapq", "io", "itertools", "json", "math", "operator", "pprint", "queue", "random", "re"),
    *("secrets", "stat", "statistics", "string", "struct", "textwrap", "time", "typing"),
    *("unicodedata", "uuid", "zoneinfo"),
)
"""The modules that any code may import."""


def _modules(names: Iterable[str]) -> tuple[str, ...]:
    return several("authorized_imports", names, "names of modules", str)


@suggesting(
    "ProcessExecutor",
    NOT_OF_EXECUTORS | {"additional_authorized_imports": "Write `authorized_imports=[...]`."},
)
@frozen
class ProcessExecutor:
    """Run code in a separate `python -I` process for each session: all of Python, and numpy.

    .. warning::

        This is no sandbox. It is for code of models that you trust about as much as yourself:
        `SandboxExecutor` is the default for a reason. The kernel isolates the process, as far as
        it can: on Linux by namespaces, Landlock and a filter of system calls. With these, the code
        cannot reach the network, the home folder, files outside its scratch folder except Python's
        own, the environment of its parent, or other processes, and cannot start new ones. Where
        one of them is missing or forbidden, as in many containers, and on macOS, **the code can
        reach what your user can**: the log says once what it can reach, and what it cannot.
        The check of imports only guides the model: code can get around it.

    The process has no environment variables of its parent, a scratch folder, which is removed
    with it, limits of memory and time, and a session of its own, so that all of it is killed
    together. It calls tools through a pipe, in JSON: values that JSON cannot hold become their
    repr, with a note. Nothing that the process sends is unpickled or evaluated.

    Variables persist between pieces of code. They cannot be saved: a run that continues another
    one starts without them.

    Args:
        authorized_imports: Modules that code may import beside those of `BASE_MODULES`, which
            include their submodules; `"*"` stands for all.
        limits: The limits of each piece of code; memory is what it takes beyond the interpreter.
        python: The interpreter, Python 3.11 or later, such as that of a virtual environment with
            numpy; by default the one that runs this.

    Raises:
        OSError: This system is not a Unix.
    """

    authorized_imports: tuple[str, ...] = field(default=(), converter=_modules)
    limits: Limits = field(factory=Limits)
    python: str = field(factory=lambda: sys.executable)

    def __attrs_post_init__(self) -> None:
        text("python", self.python)
        if os.name != "posix":
            raise OSError("ProcessExecutor needs Linux or macOS. Use SandboxExecutor instead.")

    @property
    def language(self) -> str:
        """What the model must know about the language, for the system prompt."""
        limits = self.limits
        every = "any module that is installed"
        names = sorted({*BASE_MODULES, *self.authorized_imports})
        modules = every if "*" in names else ", ".join(names)
        return (
            "The code is Python, all of the language. Variables, functions and imports are kept "
            "for later code. `await` works at the top level; asynchronous functions must be "
            "awaited, several at once by `asyncio.gather`.\n"
            f"It can import: {modules}.\n"
            "It has no network, starts no processes, and can write files in the current folder "
            "only, which are lost in the end. Values that are passed to functions, returned by "
            "them, or given to final_answer, must be JSON: numbers, texts, True, False, None, "
            "lists, and dicts with texts as keys.\n"
            f"Each piece of code may run for {limits.seconds:g} s, hold "
            f"{limits.memory // 2**20:,} MiB, make {limits.calls:,} calls, and print "
            f"{limits.output:,} characters."
        )

    def open(self, variables: Mapping[str, Any], saved: Any = None) -> Session:
        """Return a new session with these variables; nothing can be saved of an earlier one."""
        imports = (*BASE_MODULES, *self.authorized_imports)
        return ProcessSession(Settings(self.limits, imports, self.python), variables)
