"""Commands that start at once: forks of a process that has imported all that a command needs.

Importing takes most of the time of a command. The start itself is tested with the fixtures
`start` and `finish`, which run a fresh interpreter.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress

if sys.platform != "win32":
    import fcntl
    import termios


class Warm:
    """The process that has imported everything."""

    def __init__(self, path, environment):
        self._path = path
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-W", "error", __file__, path],
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

    def start(self, *arguments, stdin, stdout, stderr, env=None, terminal=False):
        """Start a command in this folder; a stream is something with a `fileno`, or None: closed.

        In a terminal, its stdin becomes the terminal that controls it.
        """
        streams = [_number(stream) for stream in (stdin, stdout, stderr)]
        request = {
            "arguments": arguments,
            "open": [number for number in range(3) if streams[number] is not None],
            "environment": {**(os.environ if env is None else env)},
            "folder": os.getcwd(),
            "terminal": terminal,
        }
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(self._path)
        open_streams = [stream for stream in streams if stream is not None]
        socket.send_fds(connection, [json.dumps(request).encode()], open_streams)
        return Process(connection)


def _number(stream):
    return stream.fileno() if hasattr(stream, "fileno") else stream


class Process:
    """A command; like `subprocess.Popen`, as far as the tests need it."""

    def __init__(self, connection):
        self._connection = connection
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

    def kill(self):
        """End the command, if it has not ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait()


def _serve(path):
    """Fork for each request; return in the fork what it is to run, and None at the end."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    gc.freeze()  # so that the forks share its memory for longer
    os.write(1, b"ready\n")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that the system reaps the forks
    while listener in select.select([listener, 0], [], [])[0]:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            return _attended(connection)
        connection.close()
    listener.close()
    return None


def _attended(connection):
    """Fork once more: one reports how the other ends, which becomes the command."""
    data, numbers, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        for number in numbers:
            os.close(number)
        connection.send(str(pid).encode())
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with suppress(OSError):
            connection.send(str(code).encode())
        os._exit(0)
    connection.close()
    request = json.loads(data)
    _take_streams(dict(zip(request["open"], numbers, strict=True)))
    os.setsid()
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path.insert(0, request["folder"])
    return request["arguments"]


def _take_streams(numbers):
    """Make these files the standard streams, as the interpreter does at its start."""
    for number in range(3):
        if number in numbers:
            os.dup2(numbers[number], number)
        else:
            os.close(number)
    os.closerange(3, max(numbers.values(), default=3) + 1)
    sys.stdin = sys.__stdin__ = _stream(0, "r", "surrogateescape")
    sys.stdout = sys.__stdout__ = _stream(1, "w", "surrogateescape")
    sys.stderr = sys.__stderr__ = _stream(2, "w", "backslashreplace")


def _stream(number, mode, errors):
    try:
        line_by_line = mode == "w" and (number == 2 or os.isatty(number))
        os.fstat(number)
    except OSError:
        return None
    return open(  # the interpreter flushes it at its end
        number,
        mode,
        1 if line_by_line else -1,
        encoding="utf-8",
        errors=errors,
        newline="\n" if mode == "w" else None,
        closefd=False,
    )


def _import_what_a_command_imports():
    """Run a command in a fork, and import the modules that it has imported at its end."""
    readable, writable = os.pipe()
    if not os.fork():
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number in (1, 2):
            os.dup2(nowhere, number)
        with suppress(SystemExit):
            main(["demo"])
        os.write(writable, " ".join(sys.modules).encode())
        os._exit(0)
    os.close(writable)
    with open(readable, encoding="utf-8") as names:
        for name in names.read().split():
            importlib.import_module(name)
    os.wait()


if __name__ == "__main__":
    from rxagent.cli import main

    _import_what_a_command_imports()
    assert "readline" not in sys.modules  # a test hides it
    arguments = _serve(sys.argv[1])
    if arguments is not None:
        main(arguments)
