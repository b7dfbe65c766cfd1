"""The page about the way of a delta names the files through which a text really goes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "explanation" / "way-of-a-delta.md").read_text(encoding="utf-8")
WAY, BESIDE = PAGE.split("## Other files on the way")
BESIDE = BESIDE.partition("\n## ")[0]
DELTAS = 1000
ENOUGH = 0.9 * DELTAS

PROGRAM = f"""
import asyncio, io, json, sys, threading
from collections import Counter
from functools import cache
from itertools import islice
from pathlib import Path

calls = []


def note(frame, what, _):
    if what == "call":
        calls.append((frame.f_code, threading.get_ident()))


threading.setprofile(note)
sys.setprofile(note)

import rxagent
from rxagent.events import TextDelta
from rxagent.models import OpenAIModel
from rxagent.subscribers import Console
from rxagent.testing import ScriptedServer
from rxagent.testing.frames import saying, text_chunk

HOUSE = Path(rxagent.__file__).parent


@cache
def within_house(name):
    file = Path(name)
    if file.is_relative_to(HOUSE / "testing") or not file.is_relative_to(HOUSE):
        return None
    return file.relative_to(HOUSE).as_posix()


WORD = text_chunk("word ")


def calls_for(count):
    loop, arrived = None, asyncio.Queue()

    async def says(body):
        nonlocal loop
        loop = asyncio.get_running_loop()
        for item in saying(body, [WORD] * count):
            yield item
            if item is WORD:  # each delta arrives alone
                await arrived.get()

    def arrive(event):
        if type(event) is TextDelta:
            loop.call_soon_threadsafe(arrived.put_nowait, None)

    server.scenario("says", says)
    console = Console(live=True, out=io.StringIO(), err=io.StringIO())
    calls.clear()
    run = rxagent.Agent(model).start("Hi", attach=[console])
    run.subscribe(arrive)
    run.result()
    run.drain()
    seen = []
    for code, thread in list(calls):
        file = within_house(code.co_filename)
        if file is not None:
            seen.append((file, code.co_qualname, thread))
    return seen


with ScriptedServer() as server:
    model = OpenAIModel("says", api_base=server.url, api_key="scripted")
    few = Counter(file for file, *_ in calls_for(100))
    few = Counter(file for file, *_ in calls_for(100))  # after all is loaded that is loaded late
    seen = calls_for(100 + {DELTAS})

called = Counter(file for file, *_ in seen)
called.subtract(few)
arrivals = [place for place, call in enumerate(seen) if call[1].endswith("data_received")]
middle = len(arrivals) // 2
way = [tuple(function) for function in json.loads(sys.argv[1])]


def order_from(arrived):
    # The functions of the way in the order of their first calls, those on other threads last.
    met, loop = ({{}}, {{}}), seen[arrived][-1]
    for file, name, thread in islice(seen, arrived, None):
        if (file, name) in way:
            met[thread != loop][file, name] = None
        if len(met[0] | met[1]) == len(way):
            break
    return (*met[0], *(function for function in met[1] if function not in met[0]))


# Most often, since a pause of the machine may fall between any two calls.
orders = Counter(map(order_from, arrivals[middle : middle + 21]))
order = orders.most_common(1)[0][0]
print(json.dumps([called, order]))
"""


@pytest.fixture(scope="module")
def traced():
    """Return how often each file is called for more deltas, and the functions that one meets.

    The functions are those of the way, in the order of their first call.
    """
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(deciding())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == ran.returncode, ran.stderr
    called, order = json.loads(ran.stdout)
    return called, [tuple(function) for function in order]


def deciding():
    """Return the files and functions that the page shows as the way."""
    return re.findall(r"^(\S+\.py) +(\S+) ", WAY, re.MULTILINE)


def passed(is_each):
    """Return the files that each text passes besides; or those that are woken for many."""
    lines = [line for line in BESIDE.splitlines() if line.startswith("- ") == is_each]
    lines = lines if is_each else [line for line in lines if line.startswith("Threads of")]
    return set(re.findall(r"`(\w+(?:/\w+)*\.py)`", "\n".join(lines)))


def test_the_way_has_twelve_files():
    """No file is on the way twice, and there are at most twelve."""
    files = [file for file, _ in deciding()]

    assert 12 == len(files) == len(set(files))


def test_a_delta_takes_the_way_that_the_page_shows(traced):
    """Each function of the way is called for a delta, in the order of the page."""
    _, order = traced

    assert deciding() == order


def test_the_page_has_all_that_each_delta_meets(traced):
    """A file is called for each delta, if and only if the page says so."""
    called, _ = traced
    often = {file for file, count in called.items() if count >= ENOUGH}
    shown = {file for file, _ in deciding()} | passed(is_each=True)

    assert [] == sorted(shown - often)
    assert [] == sorted(often - shown - passed(is_each=False))


def test_each_file_on_the_page_exists():
    """No path of the page leads to nothing."""
    paths = set(re.findall(r"[\w/]+/\w+\.py", PAGE))

    assert paths
    assert [] == [path for path in sorted(paths) if not (PROJECT / "rxagent" / path).is_file()]
