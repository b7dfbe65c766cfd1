"""What the kernel keeps from code: each layer by itself, and what the log says of it."""

import itertools
import logging
import os
import socket
import subprocess
import time

import pytest

from rxagent.executors import Limits, ProcessExecutor, process_link
from rxagent.executors.process_session import LAYERS, ProcessSession, Settings
from rxagent.executors.process_worker import system_calls
from rxagent.executors.process_worker.namespaces import holds

from .running_code import outcome

SECRET = "a secret of the parent"

READ_ENVIRONMENT = "import os\nopen(f'/proc/{os.getppid()}/environ', 'rb').read().count(b'SECRET')"
READ_HOME = "open(home + '/private').read()"
READ_FILE = "open('/etc/passwd').read()[:4]"
WRITE_FILE = "open(outside, 'w').write('x')"
REMOVE_FILE = "import os\nos.remove(victim)"
TRUNCATE_FILE = "import os\nos.truncate(victim, 0)"
SET_MODE = "import os\nos.chmod(victim, 0o600)"
SET_OWNER = "import os\nos.chown(victim, os.getuid(), os.getgid())"
SET_TIME = "import os\nos.utime(victim, (1, 1))"
SET_EXTRA = "import os\nos.setxattr(victim, 'user.a', b'1')"
CONNECT = "import socket\nsocket.create_connection(address, 5).close()"
SIGNAL = "import os\nos.kill(os.getppid(), 0)"
SIGNAL_GROUP = "import os\nos.killpg(os.getpgid(os.getppid()), 0)"
FORK = "import os\npid = os.fork()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)"
START = "import subprocess\nsubprocess.run(['/bin/true'])"
LEAVE_GROUP = "import os\nos.setsid()"

ATTEMPTS = {
    "the network": [CONNECT],
    "files outside its folder": [READ_FILE],
    "changes of files outside its folder": [
        *(WRITE_FILE, REMOVE_FILE, TRUNCATE_FILE),
        *(SET_MODE, SET_OWNER, SET_TIME, SET_EXTRA),
    ],
    "the home folder": [READ_HOME],
    "the environment of its parent": [READ_ENVIRONMENT],
    "signals to other processes": [SIGNAL, SIGNAL_GROUP],
    "new processes": [FORK, START, LEAVE_GROUP],
}
"""What the log may say is kept from code, and code that tries to get at it."""

SETS = [layers for count in range(4) for layers in itertools.combinations(LAYERS, count)]
"""What a kernel may have: any of the layers, as containers forbid some of them."""

every_set = pytest.mark.parametrize("layers", SETS, ids=lambda layers: "+".join(layers) or "none")


@pytest.fixture
def far_end():
    """Return the address of a server of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield list(server.getsockname())


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a home folder with one file in it."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "private").write_text("private")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SECRET", SECRET)
    return home


@pytest.fixture
def start(home, far_end, tmp_path, caplog, monkeypatch):
    """Return a function that starts a process, and tells what is kept from it."""
    sessions = []
    (tmp_path / "victim").touch()
    variables = {
        "home": str(home),
        "address": far_end,
        "outside": str(tmp_path / "written"),
        "victim": str(tmp_path / "victim"),
    }

    def start(layers):
        monkeypatch.setattr(process_link, "_logged", set())
        settings = Settings(Limits(), ("*",), ProcessExecutor().python, layers)
        session = ProcessSession(settings, variables)
        sessions.append(session)
        caplog.clear()
        with caplog.at_level(logging.INFO, "rxagent"):
            assert 1 == outcome(session, "1").value
        (record,) = caplog.records
        kept = record.args[-1] if isinstance(record.args, tuple) else ""
        return session, kept.split(", ")

    yield start
    for session in sessions:
        session.close()


@every_set
def test_what_is_kept_from_code_cannot_be_reached(start, layers):
    """With all layers together, with each one alone, and with any two of them."""
    session, kept = start(layers)

    for what, attempts in ATTEMPTS.items():
        if what in kept:
            for attempt in attempts:
                come = outcome(session, attempt)
                assert "Error" in str(come.error), (what, attempt, come.value)


def test_without_a_layer_the_log_says_that_code_can_reach_everything(start, caplog):
    """The reader learns why, and the code still runs."""
    session, kept = start(())

    assert ["nothing"] == kept
    assert [logging.WARNING] == [record.levelno for record in caplog.records]
    for what, attempts in ATTEMPTS.items():
        assert what in caplog.text
        if what != "new processes":
            assert None is outcome(session, attempts[0]).error


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="The signals of files are those of Linux.")
@every_set
def test_no_signal_of_a_file_reaches_another_process(start, layers):
    """Neither that of a socket which names its owner nor that of a pipe, unless the log says so."""
    session, kept = start(layers)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as victim:
        code = f"""import contextlib, ctypes, fcntl, os, socket, struct
SET_OWNER, SET_SIGNAL, SET_OWNER_EX = 8, 10, 15
SOCKET_OWNER, FILE_OWNER, FILE_ASYNC = 0x8902, 0x8901, 0x5452
pid = {victim.pid}
for own in (
    lambda fd: fcntl.fcntl(fd, SET_OWNER, pid),
    lambda fd: fcntl.fcntl(fd, SET_OWNER_EX, struct.pack('ii', 1, pid)),
    lambda fd: fcntl.ioctl(fd, SOCKET_OWNER, struct.pack('i', pid)),
    lambda fd: fcntl.ioctl(fd, FILE_OWNER, struct.pack('i', pid)),
):
    for ours, theirs in (map(socket.socket.detach, socket.socketpair()), os.pipe()):
        for attempt in (
            own,
            lambda fd: fcntl.fcntl(fd, SET_SIGNAL, 9),
            lambda fd: fcntl.fcntl(fd, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK),
            lambda fd: fcntl.ioctl(fd, FILE_ASYNC, struct.pack('i', 1)),
        ):
            with contextlib.suppress(OSError):
                attempt(ours)
        os.write(theirs, b'x')"""
        assert outcome(session, code).error is None
        answer, _ = victim.communicate(b"alive")

    assert (b"alive" if "signals to other processes" in kept else b"") == answer


@pytest.mark.parametrize(
    "attempt", ["os.memfd_create('a')", "0 <= libc.shmget(0, 4096, 0o1600) or 1 / 0"]
)
def test_no_memory_is_had_that_is_not_counted(start, attempt):
    """A file without a folder, or memory to share, would hold any amount and outlive the code."""
    session, kept = start(LAYERS)
    if "new processes" not in kept:
        pytest.skip("This kernel has no filter of system calls.")

    come = outcome(session, f"import ctypes, os\nlibc = ctypes.CDLL(None)\n{attempt}")

    assert "Error" in str(come.error)


def test_the_fork_bomb_is_refused_or_limited(start):
    """Where the filter of system calls works, not even one process is started."""
    session, kept = start(LAYERS)
    if "new processes" not in kept:
        pytest.skip("This kernel does not keep code from starting processes.")

    come = outcome(session, "import os\nwhile True: os.fork()")

    assert "PermissionError" in come.error


@pytest.mark.parametrize("layers", [LAYERS, ("namespaces",)], ids=["all", "namespaces"])
def test_code_cannot_undo_its_isolation(start, layers):
    """It has no right to mount, nor gets it in further namespaces, nor can it trace its parent."""
    session, kept = start(layers)
    if "changes of files outside its folder" not in kept:
        pytest.skip("This kernel does not keep code from changing files.")
    code = """import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
flags = 32 | 4096  # remount, bind
attempts = {
    'remount': lambda: libc.mount(None, b'/', None, flags, None),
    'mount': lambda: libc.mount(b'none', os.getcwd().encode(), b'tmpfs', 0, None),
    'unmount': lambda: libc.umount2(os.getcwd().encode(), 2),
    'trace': lambda: libc.ptrace(16, os.getppid(), None, None),
    'nested': lambda: libc.unshare(0x10020000) or libc.mount(None, b'/', None, flags, None),
    'nested unmount': lambda: libc.umount2(os.getcwd().encode(), 2),
}
[name for name, attempt in attempts.items() if attempt() != -1]"""

    assert [] == outcome(session, code).value
    for attempt in (WRITE_FILE, REMOVE_FILE):
        assert "Error" in outcome(session, attempt).error


def test_the_environment_is_empty(start):
    """But for the scratch folder, and what keeps libraries from starting threads."""
    session, _ = start(LAYERS)

    names = outcome(session, "import os\nsorted(os.environ)").value

    assert ["HOME", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TMPDIR"] == names


def test_no_file_of_the_parent_is_open(start, tmp_path):
    """Nothing is inherited but the channel."""
    with open(tmp_path / "open", "w") as file:
        os.set_inheritable(file.fileno(), True)
        session, _ = start(LAYERS)

    code = """import os, stat
kinds = []
for fd in range(3, 99):
    try: mode = os.fstat(fd).st_mode
    except OSError: continue
    kinds.append('channel' if stat.S_ISSOCK(mode) else os.readlink(f'/proc/self/fd/{fd}'))
kinds"""
    assert ["channel"] == outcome(session, code).value


@every_set
def test_the_scratch_folder_can_be_used(start, layers):
    """It is the current folder and the place of temporary files, which can be copied."""
    session, _ = start(layers)
    code = """import os, shutil, tempfile
os.makedirs('a/b')
with open('a/b/c', 'w') as file: file.write('text')
os.rename('a/b/c', 'e')
shutil.copyfile('e', 'd')
with tempfile.NamedTemporaryFile() as file: name = file.name
[open('d').read(), os.path.dirname(name) == os.getcwd() == os.environ['HOME'], os.listdir('a/b')]"""

    assert ["text", True, []] == outcome(session, code).value


def test_files_are_limited_in_size(start):
    """A disk cannot be filled by one file, and where it lies in memory, not by many."""
    session, _ = start(LAYERS)

    come = outcome(
        session, "with open('x', 'wb') as file:\n    while True: file.write(bytes(2**20))"
    )

    assert come.error is not None


def test_a_folder_that_code_has_locked_is_removed():
    """Where it is on the disk, also folders without any right."""
    settings = Settings(Limits(), ("*",), ProcessExecutor().python, ())
    session = ProcessSession(settings, {})
    code = """import os
os.makedirs('a/b/c')
os.symlink('/etc', 'a/link')
for folder in ('a/b/c', 'a/b', 'a'): os.chmod(folder, 0)"""
    assert outcome(session, code).error is None
    child = session._link.child

    session.close()
    child.ended.result(timeout=60)

    assert not os.path.exists(child.folder)
    assert os.path.isdir("/etc")


def test_the_filter_knows_the_numbers_of_this_machine():
    """No number stands for two calls."""
    for column in (0, 1):
        calls = [
            *system_calls.FORBIDDEN.values(),
            *system_calls.ATTRIBUTES.values(),
            *system_calls.OWN.values(),
            *(system_calls.CLONE, system_calls.CLONE3, system_calls.SENDTO),
            *(system_calls.FCNTL, system_calls.IOCTL, system_calls.PRCTL),
        ]
        numbers = [call[column] for call in calls if call[column] is not None]
        assert len(set(numbers)) == len(numbers)


def test_what_is_hidden_is_not_needed():
    """A home folder that holds the interpreter stays where it is."""
    assert holds("/home/ada", ["/usr", "/home/ada/venv"])
    assert not holds("/home/ada", ["/usr", "/home/adam/venv"])


@pytest.mark.parametrize("end", ["", "os._exit(0)"])
def test_what_code_has_started_is_killed_with_it(start, end):
    """Where processes can be started, those of its group end with the session, or before it."""
    session, _ = start(())
    code = """import os, time
pid = os.fork()
if not pid:
    time.sleep(99)
    os._exit(0)
print(pid, flush=True)
"""
    pid = int(outcome(session, code + end).printed.split()[-1])  # after a warning of Python 3.12

    session.close()

    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)  # the system reaps it, at its own time
    assert not is_running(pid)


def is_running(pid):
    """Return whether there is a process of that number that is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
