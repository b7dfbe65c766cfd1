"""The process of `warm.py`, which imports what commands need, and forks for each of them."""

import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress

if sys.platform != "win32":
    import fcntl
    import termios


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
    _take_streams(dict(zip(request["open"], numbers, strict=True)), request["unbuffered"])
    os.setsid()
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path.insert(0, request["folder"])
    return request["program"], request["arguments"]


def _take_streams(numbers, unbuffered):
    """Make these files the standard streams, as the interpreter does at its start."""
    for number in range(3):
        if number in numbers:
            os.dup2(numbers[number], number)
        else:
            os.close(number)
    os.closerange(3, max(numbers.values(), default=3) + 1)
    sys.stdin = sys.__stdin__ = _stream(0, "r", "surrogateescape")
    sys.stdout = sys.__stdout__ = _stream(1, "w", "surrogateescape", unbuffered)
    sys.stderr = sys.__stderr__ = _stream(2, "w", "backslashreplace")


def _stream(number, mode, errors, unbuffered=False):
    try:
        line_by_line = mode == "w" and (number == 2 or os.isatty(number))
        os.fstat(number)
    except OSError:
        return None
    file = open(number, f"{mode}b", 0 if unbuffered else -1, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(  # the interpreter flushes it at its end
        file,
        encoding="utf-8",
        errors=errors,
        newline="\n" if mode == "w" else None,
        line_buffering=line_by_line,
        write_through=unbuffered,
    )


def _program_in_place_of_this_one(path, names):
    """Return the code of a program, for which nothing of this one is left in its names."""
    with open(path, encoding="utf-8") as file:
        code = compile(file.read(), path, "exec")
    for name in [*names]:
        if not name.startswith("__"):
            del names[name]
    names["__file__"], names["__doc__"] = path, None
    return code


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
    served = _serve(sys.argv[1])
    if served is not None:
        program, arguments = served
        if program is None:
            main(arguments)
        else:
            sys.argv = [program, *arguments]
            # Its names live as long as the interpreter, as those of any program.
            exec(_program_in_place_of_this_one(program, globals()), globals())
