"""The page about the way of a delta names the files through which a text really goes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "explanation" / "way-of-a-delta.md").read_text(encoding="utf-8")
DELTAS = 1000

PROGRAM = f"""
import io, json, sys, threading
from collections import Counter
from pathlib import Path

calls = Counter()


def note(frame, what, _):
    if what == "call":
        calls[frame.f_code.co_filename] += 1


threading.setprofile(note)
sys.setprofile(note)

import rxagent
from rxagent.models import OpenAIModel
from rxagent.subscribers import Console
from rxagent.testing import ScriptedServer
from rxagent.testing.frames import saying, text_chunk

HOUSE = Path(rxagent.__file__).parent


def called_for(count):
    server.scenario("says", lambda body: saying(body, [text_chunk("word ")] * count))
    console = Console(live=True, out=io.StringIO(), err=io.StringIO())
    calls.clear()
    run = rxagent.Agent(model).start("Hi", attach=[console])
    run.result()
    run.drain()
    return Counter(dict(list(calls.items())))


with ScriptedServer() as server:
    model = OpenAIModel("says", api_base=server.url, api_key="scripted")
    called_for(100)  # loads all that is loaded late
    few = called_for(100)
    more = called_for(100 + {DELTAS})
    more.subtract(few)
files = {{Path(name): count for name, count in more.items() if name.startswith(str(HOUSE))}}
print(json.dumps({{file.relative_to(HOUSE).as_posix(): n for file, n in files.items()}}))
"""


@pytest.fixture(scope="module")
def called():
    """Return how often the functions of each file are called for so many more deltas."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    counts = json.loads(ran.stdout)
    return {file: n for file, n in counts.items() if not file.startswith("testing/")}


def test_a_delta_takes_the_way_that_the_page_shows(called):
    """The more deltas there are, the more often each file of the way is called."""
    way = set(re.findall(r"^(\S+\.py) ", PAGE, re.MULTILINE))

    assert len(way) == 12
    assert [] == [file for file in sorted(way) if called.get(file, 0) < DELTAS // 100]


def test_what_every_delta_meets_is_on_the_page(called):
    """Each file that is called for every delta has its name on the page."""
    assert [] == [file for file, n in called.items() if n >= 0.9 * DELTAS and file not in PAGE]


def test_each_file_on_the_page_exists():
    """No path of the page leads to nothing."""
    paths = set(re.findall(r"[\w/]+/\w+\.py", PAGE))

    assert paths
    assert [] == [path for path in sorted(paths) if not (PROJECT / "rxagent" / path).is_file()]
