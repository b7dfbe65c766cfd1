"""The sandbox: an interpreter of Python of its own, without access to anything outside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen
from reactivex import Observable, abc

from ..arguments import number, several, shown, suggesting, valid
from ..events import Event
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer
from .protocol import NOT_OF_EXECUTORS, CodeResult, Functions, Limits, Session
from .sandbox_language import LANGUAGE, MODULES
from .sandbox_run import SandboxRun
from .sandbox_values import held
from .sandbox_variables import SandboxVariables

__all__ = ["SandboxExecutor", "SandboxSession"]


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return several("additional_authorized_imports", names, "names of modules", str)


def _there(_: Any, __: Any, names: tuple[str, ...]) -> None:
    refused = sorted({name for name in names if name.partition(".")[0] not in MODULES})
    if refused:
        raise ValueError(
            f"The sandbox cannot import {', '.join(refused)}; it has only {', '.join(MODULES)}. "
            "Give the agent a tool that does what it needs, or run its code in a process: "
            f"executor=ProcessExecutor(authorized_imports={refused!r})."
        )


@suggesting("SandboxExecutor", NOT_OF_EXECUTORS)
@frozen
class SandboxExecutor:
    """Runs code in a sandbox: an interpreter of Python of its own, in a process of its own.

    Code in it has no files, no environment variables, no network and no modules but the sandbox's;
    it can reach only the tools that it is given. Its language is Python without inheritance,
    `yield` and `del`; the system prompt says so. It differs from `ProcessExecutor` in that the code
    need not be trusted, and cannot use packages such as numpy.

    The processes belong to all sandboxes of this program, take 7 MB each, and end when they were
    idle for 10 s. A session has one from its first piece of code until it is closed.

    Args:
        limits: The limits of each piece of code.
        recursion: How deeply functions may call each other.
        additional_authorized_imports: Modules that the code needs. A sandbox has all of its
            modules anyway, so this only checks them.

    Raises:
        ValueError: The sandbox does not have one of the modules.
    """

    limits: Limits = field(factory=Limits)
    recursion: int = field(
        default=1000, validator=valid(number, least=1, whole=True, what="a number of calls")
    )
    additional_authorized_imports: tuple[str, ...] = field(
        default=(), converter=_names, validator=_there
    )

    @limits.validator
    def _check_limits(self, _: Any, limits: Any) -> None:
        if not isinstance(limits, Limits):
            raise TypeError(f"limits must be Limits(...), not {shown(limits)}.")

    @property
    def language(self) -> str:
        """What the model must know about the language, for the system prompt."""
        return LANGUAGE

    def open(self, variables: Mapping[str, Any], saved: Any = None) -> Session:
        """Return a new session with these variables, and with those that another one saved.

        It starts nothing yet.

        Raises:
            TypeError: The sandbox cannot hold a variable, or `saved` is not what `save` returned.
            ValueError: A variable's name is no identifier.
        """
        if not isinstance(saved, bytes | None):
            raise TypeError(f"saved must be what save() returned, not {shown(saved)}.")
        for name in variables:
            if not (isinstance(name, str) and name.isidentifier()):
                raise ValueError(f"The name of a variable must be an identifier, not {name!r}.")
        copies = {name: held(f"The variable {name}", value) for name, value in variables.items()}
        return SandboxSession(self, copies, saved)


class SandboxSession:
    """The variables of one run, and the process of the sandbox that holds them.

    `SandboxExecutor.open` makes it.
    """

    def __init__(
        self, executor: SandboxExecutor, variables: Mapping[str, Any], saved: bytes | None
    ) -> None:
        self._limits = executor.limits
        self._variables = SandboxVariables(executor.limits, executor.recursion, variables, saved)
        self._running: SandboxRun | None = None
        self._is_closed = False

    def run(self, code: str, functions: Functions) -> Observable[str | Event | CodeResult]:
        """Emit what code prints, the events of its calls, and last its result.

        Subscribing runs it. Disposing kills it; its variables are then as they were before, or
        lost if saving them would have taken too long, and the next piece of code prints that. A
        session runs one piece of code at a time.

        Raises:
            CodeError: The code failed or met a limit, or its process died; by `on_error`.
            RuntimeError: The session is closed, or runs other code; by `on_error`.
            ValueError: The saved variables cannot be read; by `on_error`.
        """

        def subscribe(
            observer: abc.ObserverBase[str | Event | CodeResult],
            scheduler: abc.SchedulerBase | None = None,
        ) -> abc.DisposableBase:
            if self._is_closed:
                raise RuntimeError("This session is closed. Open another one.")
            run_scheduler = RunScheduler.of(scheduler)
            how = self._variables, self._limits, code, functions, observer, run_scheduler
            running = self._running = SandboxRun(*how, previous=self._running)
            run_scheduler.when_resumed(running.begin)
            return running

        return run_scoped(Producer(subscribe, is_serial=True), is_serial=True)

    def save(self) -> bytes | None:
        """Return the variables, for `SandboxExecutor.open`; None if they cannot be kept.

        They are those after the latest piece of code that was not killed. They are None if saving
        them takes more than 20 ms, unless that piece gave the final answer. The bytes are not
        checked when they are opened, so open only those of your own programs.
        """
        return self._variables.saved

    def close(self) -> None:
        """End the session and free its process; calling it again does nothing."""
        self._is_closed = True
        if self._running is not None and not self._running.is_done:
            self._variables.lose()
        self._variables.close()

    def __del__(self) -> None:
        if not getattr(self, "_is_closed", True):  # it was made
            self.close()
