"""Idle runs: what a script waits for at its end although nothing works for it."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from .open_work import OpenWork, awaited_work, open_work

__all__ = ["IdleRuns"]

_log = logging.getLogger("rxagent")

_HELD = "a stream that its reader holds"

_PATIENCE = 5.0
"""Seconds for which runs may be idle before they are logged."""


class IdleRuns:
    """Logs, once, the runs that a script waits for while nothing of them works.

    They are paused, or held by an observer that has no room, or wait for something that this
    package does not know, as a thread of the program; or they wait for each other, as for a place
    or a result. They may never end, so the script must not wait for them without a word. What works
    on another loop may help them, so it counts, too.
    """

    def __init__(self) -> None:
        self._since = monotonic()
        self._seen: list[tuple[object, int]] = []
        self._is_logged = False

    def look(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Look what a script waits for now; called again and again while it waits."""
        idle = [work.run or _HELD for work in _idle(loop)]
        seen = [(run, getattr(run, "seq", 0)) for run in idle]
        if not idle or seen != self._seen:
            self._since, self._seen = monotonic(), seen
        elif monotonic() - self._since >= _PATIENCE and not self._is_logged:
            self._is_logged = True
            _log.warning(
                "the script has ended, and waits for idle runs; resume or cancel them, or press "
                "Ctrl-C: %s",
                ", ".join(map(str, idle)),
            )


def _idle(loop: asyncio.AbstractEventLoop | None) -> list[OpenWork]:
    if any(work.is_awaited and _works(work) for work in open_work()):
        return []
    awaited = awaited_work(loop)
    return [work for work in awaited if work.run is not None] or awaited[:1]


def _works(work: OpenWork) -> bool:
    return work.run is None and work.loop.is_running() and not work.is_idle()
