"""Imports: how long `import rxagent` takes, and what it imports."""

import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from .row import Row

__all__ = ["rows"]

HEAVY = ("openai", "pydantic", "rich", "click", "jinja2", "huggingface_hub", "transformers")
TIMED = "import time; began = time.process_time(); {}; print(time.process_time() - began)"
LOADED = "import sys; import rxagent; print(*set({}) & set(sys.modules))"


def rows(_: str, quick: bool) -> Iterator[Row]:
    """Compare with importing the dependencies of rxagent, each in a fresh process."""
    both = [
        (_told(TIMED.format("import rxagent")), _told(TIMED.format("import reactivex, attrs")))
        for _ in range(3 if quick else 10)
    ]
    mine, base = (median(float(said) * 1e3 for said in side) for side in zip(*both, strict=True))
    loaded = _told(LOADED.format(HEAVY))
    yield Row(
        "import rxagent",
        mine,
        "ms",
        "at most 1.50 x",
        mine <= 1.5 * base and not loaded,
        f"beside reactivex and attrs, {base:.0f} ms; heavy modules loaded: {loaded or 'none'}",
        ratio=mine / base,
    )


def _told(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
