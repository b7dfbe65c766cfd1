"""A session of `ProcessExecutor`: its process, and what runs in it.

.. code-block:: text

    run(code) ── code ──▶ process ── printed, called, … ──▶ events
                             ▲                    │
                             └── reply ── call ◀──┘
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import frozen
from reactivex import Observable, abc

from ..errors import CodeError
from ..events import Event
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer
from .process_link import LOST, Link
from .process_running import KEPT, STOPPED, Running
from .process_worker.values import plain
from .protocol import CodeResult, Functions, Limits

__all__ = ["LAYERS", "ProcessSession", "Settings"]

LAYERS = ("namespaces", "landlock", "seccomp")
"""The means of isolation of Linux that are tried."""


@frozen
class Settings:
    """What the processes of an executor have in common.

    Attributes:
        limits: The limits of each piece of code.
        imports: The modules that code may import.
        python: The interpreter.
        layers: The means of isolation that are tried.
    """

    limits: Limits
    imports: tuple[str, ...]
    python: str
    layers: tuple[str, ...] = LAYERS


class ProcessSession:
    """The variables of one run, in a process that is started by the first code.

    Args:
        settings: Those of the executor.
        variables: The first variables.
    """

    def __init__(self, settings: Settings, variables: Mapping[str, Any]) -> None:
        self._settings = settings
        self._variables, self._notes = plain(dict(variables))
        self._link: Link | None = None
        self._runs = 0
        self._latest: Running | None = None
        self._is_closed = False

    def run(self, code: str, functions: Functions) -> Observable[str | Event | CodeResult]:
        """Emit what code prints, the events of its calls, and last its result.

        Subscribing runs it; disposing kills its process, which loses all variables.

        Raises:
            CodeError: The code failed or met a limit, or its process died; by `on_error`.
            OSError: No process can be started; likewise.
        """

        def subscribe(
            observer: abc.ObserverBase[str | Event | CodeResult],
            scheduler: abc.SchedulerBase | None = None,
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            limits = self._settings.limits
            running = Running(observer, functions, limits, run_scheduler, self._ended)
            run_scheduler.when_resumed(lambda: self._begin(running, code, run_scheduler))
            return running

        return run_scoped(Producer(subscribe, is_serial=True), is_serial=True)

    def save(self) -> None:
        """Return None, since the variables stay in the process."""

    def close(self) -> None:
        """Kill the process; calling it again does nothing."""
        self._is_closed = True
        self._kill()

    def _begin(self, running: Running, code: str, scheduler: RunScheduler) -> None:
        if running.is_stopped:
            return
        if self._latest is not None:
            running.wait_for(self._latest, lambda: self._begin(running, code, scheduler))
            return
        try:
            link = self._enter(scheduler)
        except (CodeError, OSError) as error:
            running.on_error(error)
            return
        self._latest = running
        self._runs += 1
        notes, self._notes = self._notes, []
        running.begin(link, self._runs, code, notes)

    def _enter(self, scheduler: RunScheduler) -> Link:
        """Return the link to the process, which is started if there is none."""
        if self._is_closed:
            raise CodeError("The session is closed, so no code can run in it.")
        if self._link is not None and self._link.child.ended.done():
            self._kill()
            self._notes.append(f"The process of the earlier code has ended. {LOST}")
        if self._link is None:
            self._link = self._start(scheduler)
        return self._link

    def _start(self, scheduler: RunScheduler) -> Link:
        settings, limits = self._settings, self._settings.limits
        try:
            link = Link(settings.python)
        except OSError as error:
            raise OSError(
                f"ProcessExecutor(python={settings.python!r}) cannot start a process: {error}. "
                "The interpreter must be Python 3.11 or later."
            ) from error
        self._finalizer = weakref.finalize(self, link.child.kill)
        self._finalizer.atexit = False
        message = {
            "folder": link.child.folder,
            "memory": limits.memory,
            "output": limits.output,
            "seconds": limits.seconds,
            "imports": settings.imports,
            "layers": settings.layers,
            "hidden": _homes(),
            "variables": self._variables,
        }
        link.send(message, scheduler)
        return link

    def _ended(self, fate: str) -> None:
        self._latest = None
        if fate != KEPT:
            self._kill()
        if fate == STOPPED:
            self._notes.append(f"The earlier code was stopped. {LOST}")

    def _kill(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.kill()
            self._finalizer.detach()


def _homes() -> list[str]:
    """Return the home folder of the user, which a variable may have moved elsewhere."""
    import pwd  # not where there is no ProcessExecutor

    homes = {os.path.expanduser("~")}
    with suppress(KeyError):  # a user without a name
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    return sorted(home for home in homes if os.path.isabs(home) and home != os.sep)
