"""Bad programs: each ends at its limit, the model reads why, and the next code runs."""

import threading
import time

import pytest

from rxagent.errors import CodeError
from rxagent.executors import CodeResult, Limits, ProcessExecutor
from rxagent.streams import each

from .running_code import NONE, functions, outcome

LOST = "All variables are lost; define again what you need."
ODD = ["asyncio", "ctypes", "mmap", "os", "resource", "signal", "socket", "sys", "threading"]


def add(number: int) -> int:
    """Add one."""
    return number + 1


CHANNEL = """import os, stat
channel = next(n for n in range(3, 99) if os.path.exists(f'/proc/self/fd/{n}')
               and stat.S_ISSOCK(os.fstat(n).st_mode))
"""
"""Finds the descriptor of the channel to the parent."""


@pytest.fixture
def opened():
    """Return a function that opens a session with small limits; the end of the test closes it."""
    sessions = []

    def opened(**limits):
        limits = Limits(**{"seconds": 5, "memory": 64 * 2**20, "output": 1000, **limits})
        executor = ProcessExecutor(authorized_imports=ODD, limits=limits)
        sessions.append(executor.open({"given": 1}))
        return sessions[-1]

    yield opened
    for session in sessions:
        session.close()


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "10 ** 10 ** 8",
        "import time\ntime.sleep(99)",
        "try:\n    while True: pass\nexcept BaseException: pass\nwhile True: pass",
        "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass",
        "import asyncio\nawait asyncio.Event().wait()",
        "import threading\nthreading.Event().wait()",
        "while True: print('x')",
        "import sys\nsys.setswitchinterval(1000)\nwhile True: pass",
    ],
)
def test_code_that_does_not_end_is_ended(opened, code):
    """At its limit, whatever it does; another process with the first variables takes its place."""
    session = opened(seconds=0.2)
    outcome(session, "x = 1")
    start = time.monotonic()

    come = outcome(session, code)
    took = time.monotonic() - start

    assert f"The code ran for longer than 0.2 s, so its process was ended. {LOST}" == come.error
    assert 0.2 <= took < 2
    assert 1 == outcome(session, "given").value
    assert "NameError" in outcome(session, "x").error


def test_the_time_of_calls_does_not_count(opened):
    """The clock stands still while a call runs, and goes on afterwards."""
    session = opened(seconds=0.3)

    def slow() -> str:
        """Take longer than the code may."""
        time.sleep(0.5)
        return "done"

    assert "done" == outcome(session, "slow()", functions(slow)).value
    assert "longer than 0.3 s" in outcome(session, "slow()\nwhile True: 0", functions(slow)).error


def test_computing_while_a_call_runs_is_limited_by_the_kernel(opened):
    """A loop beside a pending call ends, too."""
    session = opened(seconds=0.1)
    is_over = threading.Event()

    def wait() -> None:
        """Return when the code is dead."""
        is_over.wait()

    code = "import threading\nthreading.Thread(target=wait).start()\nwhile True: pass"
    try:
        come = outcome(session, code, functions(wait))
    finally:
        is_over.set()

    assert (
        f"The code computed for longer than it may, so its process was ended. {LOST}" == come.error
    )


@pytest.mark.parametrize(
    "code",
    [
        "x = 'a' * 10 ** 10",
        "[0] * 10 ** 9",
        "bytearray(10 ** 9)",
        "import mmap\nmmap.mmap(-1, 10 ** 9)",
        "x = 1\nwhile True: x = [x] * 10 ** 7",
        "def f():\n    x = {}\n    while True: x[len(x)] = object()\nf()",
    ],
)
def test_memory_is_limited(opened, code):
    """The model reads the limit; what was not allocated costs no variable."""
    session = opened()
    outcome(session, "kept = 1")

    come = outcome(session, code)

    assert "Error" in come.error
    assert 1 == outcome(session, "kept").value


@pytest.mark.parametrize(
    "code",
    [
        "x = []\nwhile True: x.append('a' * 10 ** 5)",
        "x = None\nwhile True: x = (x, 1)",
        "import threading\nx = []\ndef f():\n    while True: x.append(bytearray(10 ** 5))\n"
        "for n in range(4): threading.Thread(target=f).start()\nf()",
    ],
)
def test_what_holds_all_memory_is_given_up(opened, code):
    """If the variables leave no room, the process is replaced, and the model reads that."""
    session = opened()

    assert LOST in outcome(session, code).error
    assert 1 == outcome(session, "given").value


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
        ("'(' * 10 ** 6 and eval('(' * 10 ** 6)", "too many nested parentheses"),
        ("int('9' * 10 ** 6)", "ValueError: Exceeds the limit"),
    ],
)
def test_recursion_and_nesting_are_errors(opened, code, error):
    """The process goes on."""
    session = opened()
    outcome(session, "kept = 1")

    assert error in outcome(session, code).error
    assert 1 == outcome(session, "kept").value


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import os\nos._exit(3)", "The code ended its process, with status 3."),
        ("import os\nos.abort()", "was ended by signal SIG"),
        ("import ctypes\nctypes.string_at(0)", "was ended by signal SIGSEGV"),
        ("import os\nos.kill(os.getpid(), 9)", "was ended by signal SIGKILL"),
    ],
)
def test_a_process_that_dies_is_replaced(opened, code, error):
    """The model reads how it died, and that its variables are lost."""
    session = opened()

    come = outcome(session, code)

    assert error in come.error
    assert LOST in come.error
    assert 1 == outcome(session, "given").value


def test_a_process_that_dies_between_two_pieces_of_code_is_replaced(opened):
    """The next code runs in another one, and its output begins with what was lost."""
    session = opened()
    outcome(session, "import os, threading\nthreading.Timer(0.05, os._exit, [1]).start()")
    session._link.child.ended.result(timeout=60)

    come = outcome(session, "given")

    assert (f"[The process of the earlier code has ended. {LOST}]\n", 1) == (
        come.printed,
        come.value,
    )


@pytest.mark.parametrize(
    "code",
    [
        "os.write(channel, b'garbage\\n')",
        "os.write(channel, b'[1]\\n')",
        "os.write(channel, b'{}\\n')",
        "os.write(channel, b'\\xff\\n')",
        'os.write(channel, b\'{"run":1,"out":3}\\n\')',
        "os.write(channel, b'{\"run\":1,\"result\":' + b'9' * 9999 + b',\"is_final\":true}\\n')",
        "os.write(channel, b'[' * 10 ** 5 + b'\\n')",
        "os.write(channel, b'\\x80\\x04cos\\nsystem\\n')",
        "for n in range(99): os.write(channel, b'x' * 10 ** 5)",
    ],
)
def test_what_is_no_message_ends_the_process(opened, code):
    """It is not evaluated, and no more than one frame of it is held."""
    session = opened()

    come = outcome(session, CHANNEL + code + "\nwhile True: pass")

    assert "was ended, since it sent what is no message" in come.error
    assert LOST in come.error


def test_messages_that_code_makes_up_do_what_it_could_do_anyway(opened):
    """A result, an output and a call; one of a function that it was not given is refused."""
    session = opened(seconds=0.5)
    forged = [
        b'{"run":null,"ready":{"kept":[],"open":[],"failed":{}}}',
        b'{"run":77,"out":"of other code"}',
        b'{"run":1,"more":5}',
        b'{"run":1,"out":"forged"}',
        b'{"run":1,"cancel":5}',
        b'{"run":1,"call":99,"name":"system","args":[],"kwargs":{}}',
        b'{"run":1,"result":3,"is_final":true}',
    ]
    lines = b"".join(line + b"\n" for line in forged)

    come = outcome(session, f"{CHANNEL}os.write(channel, {lines!r})")

    assert CodeResult(3, is_final=True) == come.result
    assert "forged\n[5 more characters were printed; they were not kept.]\n" == come.printed
    assert [] == come.events


def test_messages_that_code_makes_up_do_not_prolong_its_time(opened):
    """It cannot say that it has only just begun."""
    session = opened(seconds=0.2)
    ready = b'{"run":null,"ready":{"kept":[],"open":[],"failed":{}}}\n'

    come = outcome(session, f"{CHANNEL}while True: os.write(channel, {ready!r})")

    assert "longer than 0.2 s" in come.error


def test_a_closed_channel_ends_the_process(opened):
    """The code cannot hide from its parent."""
    session = opened()

    come = outcome(session, f"{CHANNEL}os.close(channel)")
    assert f"The code ended its process, with status 1. {LOST}" == come.error

    shut = "import socket, time\nsocket.socket(fileno=channel).shutdown(2)\ntime.sleep(9)"
    come = outcome(session, f"{CHANNEL}{shut}")
    assert LOST in come.error
    assert 1 == outcome(session, "given").value


def test_a_flood_of_output_is_counted_to_the_end(opened):
    """What is beyond the limit takes no memory here; the count comes before the error."""
    session = opened(seconds=0.3, output=100)

    items, error = [], None
    try:
        for item in each(session.run("while True: print('x' * 99)", NONE)):
            items.append(item)  # one by one, since an error follows
    except CodeError as raised:
        error = raised

    assert "longer than 0.3 s" in str(error)
    assert len("".join(items)) < 300
    assert "more characters were printed; they were not kept.]" in items[-1]


def test_threads_of_earlier_code_do_not_disturb_later_code(opened):
    """What they print is not shown, what they call is refused, and lines are never torn."""
    session = opened()
    code = """import threading, time
stop = False
errors = []
def chatter():
    while not stop:
        print('noise' * 30)
        try: add(1)
        except RuntimeError as error: errors.append(str(error))
threading.Thread(target=chatter).start()"""
    tools = functions(add)
    outcome(session, code, tools)

    for number in range(20):
        assert number == outcome(session, str(number), tools).value
    come = outcome(session, "stop = True\nset(errors)", tools)
    assert ["the code that may make this call has ended"] == come.value
