"""Commands and programs that start at once: forks of a process that has imported what they need.

Importing takes most of their time. What they do from the first line on is the same, and so is
their end, which is that of an interpreter. The start itself is tested with fresh interpreters.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

SERVER = Path(__file__).with_name("warm_server.py")


class Warm:
    """The process that has imported everything."""

    def __init__(self, path, environment):
        self._path = path
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-W", "error", SERVER, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        assert b"ready\n" == self._server.stdout.readline()

    def close(self):
        """End the process."""
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def start(self, *arguments, **options):
        """Start the command, or a program; see the function `start`."""
        return start(self._path, *arguments, **options)

    def put_into(self, folder):
        """Write programs named `rxagent` and `python` that start commands and programs at once."""
        for name, arguments in {
            "rxagent": "*sys.argv[1:]",
            "python": "*sys.argv[2:], program=sys.argv[1]",
        }.items():
            text = _STARTER.format(
                python=sys.executable,
                folder=str(SERVER.parent),
                path=self._path,
                arguments=arguments,
            )
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)


_STARTER = """\
#!{python} -S
import sys
sys.path.insert(0, {folder!r})
from warm import start
sys.exit(start({path!r}, {arguments}, stdin=0, stdout=1, stderr=2).wait())
"""


def start(
    path,
    *arguments,
    program=None,
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    env=None,
    cwd=None,
    terminal=False,
    unbuffered=False,
):
    """Start the command, or the program in a file, as a fork of the process at this path.

    A stream is as `subprocess.Popen` takes it, but None closes it. In a terminal, its stdin
    becomes the terminal that controls it.
    """
    with ExitStack() as stack:
        ours, theirs = _streams((stdin, stdout, stderr), stack)
        request = {
            "arguments": arguments,
            "program": program and str(program),
            "open": [number for number in range(3) if theirs[number] is not None],
            "environment": {**(os.environ if env is None else env)},
            "folder": str(cwd or os.getcwd()),
            "terminal": terminal,
            "unbuffered": unbuffered,
        }
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(path)
        numbers = [number for number in theirs if number is not None]
        socket.send_fds(connection, [json.dumps(request).encode()], numbers)
        return Process(connection, *ours)


def _streams(streams, stack):
    """Return the ends of pipes that are ours, and the numbers of the files that are theirs."""
    ours, theirs = [None] * 3, [None] * 3
    for number, stream in enumerate(streams):
        if stream == subprocess.PIPE:
            reading, writing = os.pipe()
            mine, theirs[number] = (writing, reading) if number == 0 else (reading, writing)
            ours[number] = os.fdopen(mine, "wb" if number == 0 else "rb")
            stack.callback(os.close, theirs[number])
        elif stream == subprocess.STDOUT:
            theirs[number] = theirs[1]
        elif stream == subprocess.DEVNULL:
            theirs[number] = os.open(os.devnull, os.O_RDWR)
            stack.callback(os.close, theirs[number])
        else:
            theirs[number] = stream.fileno() if hasattr(stream, "fileno") else stream
    return ours, theirs


class Process:
    """A command; like `subprocess.Popen`, as far as the tests need it."""

    def __init__(self, connection, stdin, stdout, stderr):
        self._connection = connection
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.pid = int(connection.recv(100))
        self.returncode = None

    def wait(self, timeout=None):
        """Return the exit code.

        Raises:
            subprocess.TimeoutExpired: The command has not ended within so many seconds.
        """
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self.returncode = int(self._connection.recv(100))
            self._connection.close()
        return self.returncode

    def communicate(self, piped=b"", timeout=None):
        """Send what is piped, and return what comes from stdout and stderr up to the end."""
        with ThreadPoolExecutor() as threads:
            out, err = (
                threads.submit(stream.read if stream else bytes)
                for stream in (self.stdout, self.stderr)
            )
            with suppress(BrokenPipeError):
                self.stdin.write(piped)
            with suppress(BrokenPipeError):
                self.stdin.close()
            try:
                self.wait(timeout)
            finally:
                self.kill()
            found = out.result(), err.result()
        self.close()
        return found

    def send_signal(self, number):
        """Send a signal, if it has not ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self):
        """End the command, if it has not ended."""
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.wait()

    def close(self):
        """End the command, and close our ends of its pipes."""
        self.kill()
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
