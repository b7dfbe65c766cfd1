"""What vLLM's engine runs in its own processes, so that it says a script.

The engine imports this module by its name; nothing else does, as it needs vLLM.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

__all__ = ["Forcing"]


class Forcing(AdapterLogitsProcessor):  # type: ignore[misc]  # vLLM is not installed with mypy
    """Chooses the tokens that a request has in its `extra_args`, and counts them in a file."""

    def is_argmax_invariant(self) -> bool:
        """Return False: it changes which token is the likeliest."""
        return False

    def new_req_logits_processor(self, params: Any) -> Any:
        """Return what chooses the tokens of a request; None if it has no script."""
        script = params.extra_args
        if not script or "ids" not in script:
            return None
        ids, fails, made = script["ids"], script["fails"], Path(script["made"])

        def process(before: list[int], logits: Any) -> Any:
            at = len(before)
            if at >= len(ids) and fails:
                raise RuntimeError("The engine has stopped.")
            with suppress(FileNotFoundError), made.open("ab") as file:  # if the test is over
                file.write(b".")
            logits.fill_(float("-inf"))
            logits[ids[min(at, len(ids) - 1)]] = 0
            return logits

        return process
