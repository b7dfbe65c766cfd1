"""Event loops other than asyncio's, in which nothing can run or be awaited."""

from __future__ import annotations

import asyncio
import sys

__all__ = ["refuse_trio"]


def refuse_trio() -> None:
    """Raise RuntimeError inside a task of trio, unless asyncio runs in it (as by trio-asyncio)."""
    lowlevel = sys.modules.get("trio.lowlevel")
    current_task = getattr(lowlevel, "current_task", None)  # None while trio is being imported
    if current_task is None:
        return
    try:
        current_task()
    except RuntimeError:
        return
    if asyncio._get_running_loop() is None or asyncio.current_task() is None:
        raise RuntimeError(
            "rxagent runs on asyncio and cannot run inside trio. Call it in a thread: "
            "`await trio.to_thread.run_sync(agent.run, task)`."
        )
