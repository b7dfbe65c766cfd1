"""The scenarios of the scripted server, as the reference lists them."""

import inspect
import math
import re
from itertools import islice
from pathlib import Path

from rxagent.testing.scenarios import Scenarios
from rxagent.testing.scripts import SCRIPTS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "testing.md"
BODY = {
    "model": "any",
    "stream": True,
    "messages": [{"role": "user", "content": "What is 2 + 3?"}],
    "tools": [{"type": "function", "function": {"name": "add"}}],
}


def ends(name):
    """Tell whether a scenario ends, its numbers being 7."""
    script = Scenarios(SCRIPTS).find(re.sub("[A-Z]+", "7", name))(BODY)
    items = list(islice(script, 1_000))
    return len(items) < 1_000 and math.inf not in items


def test_the_reference_lists_every_scenario():
    """The table has a row for each scenario: its docstring, and whether it ends."""
    rows = [
        f"| `{name}` | {inspect.getdoc(scenario)} | {'yes' if ends(name) else '**never**'} |"
        for name, scenario in SCRIPTS.items()
    ]

    table = re.search(r"(?:^\| `.*\n)+", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == table[0].splitlines()
