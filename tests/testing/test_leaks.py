"""The leak check, shown real leaks."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from rxagent.testing import leaks
from rxagent.testing.leaks import assert_no_leaks, leaks_since, snapshot
from rxagent.testing.server import ScriptedServer


@pytest.fixture
def probed() -> Iterator[list[str]]:
    """Reports of a probe while the test runs."""
    reports: list[str] = []
    leaks.probes["test"] = lambda: reports
    yield reports
    del leaks.probes["test"]


def test_nothing_is_open() -> None:
    """Nothing new is no leak."""
    assert [] == leaks_since(snapshot())


def test_thread() -> None:
    """A thread that lives on is a leak, reported with its name and place."""
    before = snapshot()
    leave = threading.Event()

    def linger() -> None:
        leave.wait(60)

    thread = threading.Thread(target=linger, name="lingerer", daemon=True)
    thread.start()
    with pytest.raises(AssertionError, match=r"thread 'lingerer', at .*test_leaks.*in linger"):
        assert_no_leaks(before, within=0)
    leave.set()

    assert_no_leaks(before)


def test_shared_threads() -> None:
    """A thread that the process shares may stay."""
    before = snapshot()
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait, args=(5,), name="rxagent-worker-7")
    thread.start()

    assert [] == leaks_since(before)
    leave.set()
    thread.join()


def test_task() -> None:
    """A task that lives on is a leak, reported with its name and place."""

    async def linger() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        before = snapshot()
        lingering = asyncio.create_task(linger(), name="lingerer")
        await asyncio.sleep(0)
        with pytest.raises(AssertionError, match=r"task 'lingerer' of .*linger, at .*test_leaks"):
            assert_no_leaks(before, within=0)
        lingering.cancel()
        await asyncio.wait([lingering])
        assert_no_leaks(before)

    asyncio.run(main())


def test_task_of_another_loop() -> None:
    """A task is found on the running loop of any thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    started = threading.Event()

    async def linger() -> None:
        started.set()
        await asyncio.sleep(60)

    before = snapshot()
    lingering = asyncio.run_coroutine_threadsafe(linger(), loop)
    started.wait(60)
    with pytest.raises(AssertionError, match=r"of .*linger, at"):
        assert_no_leaks(before, within=0)
    lingering.cancel()

    assert_no_leaks(before)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_the_socket_pair_of_a_loop_is_no_leak() -> None:
    """Each loop of asyncio has a pair of sockets, by which it is woken: they are no connection."""
    before = snapshot()
    with asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
        assert [] == leaks_since(before)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="sockets are listed by Linux only")
def test_socket() -> None:
    """A socket that stays open is a leak, reported with its addresses."""
    before = snapshot()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(AssertionError, match=rf"socket 127\.0\.0\.1:{port} to \?"):
            assert_no_leaks(before, within=0)
        with socket.create_connection(("127.0.0.1", port)):
            assert any(f"to 127.0.0.1:{port}" in leak for leak in leaks_since(before))

    assert_no_leaks(before)


def test_probes(probed: list[str]) -> None:
    """Each new report of a probe is a leak."""
    probed.append("a run")
    before = snapshot()
    probed += ["a run", "a viewer"]

    assert ["test: a run", "test: a viewer"] == leaks_since(before)
    probed.clear()
    assert [] == leaks_since(before)


def test_keepers() -> None:
    """What is kept on purpose is no leak."""
    before = snapshot()
    leaks.keepers["test"] = lambda opened: isinstance(opened, leaks.Socket)
    with socket.create_server(("127.0.0.1", 0)):
        assert [] == leaks_since(before)
    del leaks.keepers["test"]


def test_waits(probed: list[str]) -> None:
    """A thing that is closed a moment later is no leak."""
    before = snapshot()
    probed.append("a run")
    closing = threading.Timer(0.05, probed.clear)
    closing.start()
    assert_no_leaks(before)
    closing.join()

    assert [] == probed


def test_idle_connections_of_a_server_are_kept() -> None:
    """A connection to a scripted server may stay, unless an exchange is open on it."""
    everything = snapshot()
    messages = [{"role": "user", "content": "hi"}]
    with ScriptedServer() as server, openai.OpenAI(base_url=server.url, api_key="key") as api:
        before = snapshot()
        api.chat.completions.create(model="plain", messages=messages)
        assert_no_leaks(before)

        stream = api.chat.completions.create(model="stall", messages=messages, stream=True)
        with pytest.raises(AssertionError, match="an open exchange with 'stall'"):
            assert_no_leaks(before, within=0)
        stream.close()
        assert_no_leaks(before)

    assert_no_leaks(everything)


def test_server_left_running() -> None:
    """A scripted server that is not closed is a leak."""
    before = snapshot()
    server = ScriptedServer().start()

    assert any("rxagent-scripted-server" in leak for leak in leaks_since(before))
    server.close()
    assert_no_leaks(before)


LEAVING_A_THREAD = """\
import pytest, threading
from rxagent.testing.leaks import leak_check

checked = pytest.fixture(autouse=True)(leak_check)
leave = threading.Event()

def test_clean():
    pass

def test_leaky():
    threading.Thread(target=leave.wait, args=(9,), daemon=True).start()
"""

LEAVING_A_RUN = """\
import reactivex as rx
from rxagent import launch

def test_leaky(no_leaks):
    launch(rx.never())

def test_clean(no_leaks):
    pass
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Return what pytest says of tests that leave something open."""
    folder = tmp_path_factory.mktemp("leaving")
    (folder / "test_run.py").write_text(LEAVING_A_RUN)
    (folder / "test_thread.py").write_text(LEAVING_A_THREAD)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_fixture(checked: subprocess.CompletedProcess[str]) -> None:
    """The fixture makes a test with a leak an error, and no other."""
    assert 2 == checked.stdout.count("Left open:")
    assert "thread 'Thread-" in checked.stdout
    assert "4 passed, 2 errors" in checked.stdout


def test_fixture_disposes_what_it_reports(checked: subprocess.CompletedProcess[str]) -> None:
    """A run that a test leaves open is reported by it and disposed, so that pytest ends."""
    assert "open work: rxagent-run" in checked.stdout
    assert "leaks.py" not in checked.stdout
    assert (1, "") == (checked.returncode, checked.stderr)
