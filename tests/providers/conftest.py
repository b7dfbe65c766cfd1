"""What the tests of providers share, whose SDKs are not among the dependencies."""

import asyncio
import threading

from rxagent.testing.leaks import keepers


def _is_logging(opened: object) -> bool:
    """Return whether it is of LiteLLM's callbacks: the task ends with its clients, the threads
    with the process.
    """
    if isinstance(opened, threading.Thread):
        return opened.name.startswith("litellm-logging")
    is_task = isinstance(opened, asyncio.Task)
    return is_task and "LoggingWorker" in getattr(opened.get_coro(), "__qualname__", "")


keepers["LiteLLM's callbacks"] = _is_logging
