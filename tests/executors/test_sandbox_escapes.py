"""Escapes: what breaks out of restricted Pythons does not break out of the sandbox."""

import os

import pytest

from rxagent.executors import Limits, SandboxExecutor

from .coding import Ran, add, functions_of

EXECUTOR = SandboxExecutor(Limits(seconds=2))

SECRET = "canary-5d41402a"

CHAIN = "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen']"

ESCAPES = {
    # Files
    "open": "print(open('{secret}').read())",
    "open to write": "open('{marker}', 'w').write('x')",
    "open through io": "import io\nprint(io.open('{secret}').read())",
    "open through codecs": "import codecs\nprint(codecs.open('{secret}').read())",
    "open through os": "import os\nprint(os.read(os.open('{secret}', 0), 99))",
    "pathlib": "import pathlib\nprint(pathlib.Path('{secret}').read_text())",
    "pathlib to write": "import pathlib\npathlib.Path('{marker}').write_text('x')",
    "pathlib touch": "import pathlib\npathlib.Path('{marker}').touch()",
    "pathlib glob": "import pathlib\nprint(list(pathlib.Path('{folder}').iterdir()))",
    "os.listdir": "import os\nprint(os.listdir('{folder}'))",
    "os.mkdir": "import os\nos.mkdir('{marker}')",
    "os.rename": "import os\nos.rename('{secret}', '{marker}')",
    "os.chdir": "import os\nos.chdir('{folder}')\nprint(open('secret').read())",
    "linecache": "import linecache\nprint(linecache.getlines('{secret}'))",
    "fileinput": "import fileinput\nprint(list(fileinput.input('{secret}')))",
    "license": "print(type(license))\nlicense._Printer__filenames = ['{secret}']\nlicense()",
    "tomllib of a file": "import tomllib\nprint(tomllib.load(open('{secret}', 'rb')))",
    "csv of a file": "import csv\nprint(list(csv.reader(open('{secret}'))))",
    "sqlite": "import sqlite3\nsqlite3.connect('{marker}')",
    "shelve": "import shelve\nshelve.open('{marker}')",
    "a proc file": "print(open('/proc/self/environ').read())",
    "a path with dots": "print(open('../../../../../../../..{secret}').read())",
    "a path with a null": "print(open('{secret}\\0x').read())",
    "a file by number": "print(open(0).read())\nprint(open(3).read())",
    # Processes
    "os.system": "import os\nos.system('touch {marker}')",
    "os.popen": "import os\nprint(os.popen('cat {secret}').read())",
    "os.execv": "import os\nos.execv('/bin/sh', ['sh', '-c', 'touch {marker}'])",
    "os.fork": "import os\nos.fork()",
    "os.kill": "import os\nos.kill(os.getppid(), 9)",
    "os._exit": "import os\nos._exit(0)",
    "posix.system": "import posix\nposix.system('touch {marker}')",
    "subprocess": "import subprocess\nsubprocess.run(['touch', '{marker}'])",
    "pty": "import pty\npty.spawn('/bin/sh')",
    "multiprocessing": "import multiprocessing\nmultiprocessing.Process(target=print).start()",
    "threading": "import threading\nthreading.Thread(target=print).start()",
    "signal": "import signal\nsignal.raise_signal(9)",
    "ctypes": "import ctypes\nctypes.CDLL(None).system(b'touch {marker}')",
    "asyncio's subprocess": (
        "import asyncio\nawait asyncio.create_subprocess_shell('touch {marker}')"
    ),
    "asyncio's loop": "import asyncio\nasyncio.get_event_loop().run_in_executor(None, print)",
    # Network
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', 9))",
    "urllib": "import urllib.request\nurllib.request.urlopen('file://{secret}')",
    "http": "import http.client\nhttp.client.HTTPConnection('127.0.0.1')",
    "asyncio's network": "import asyncio\nawait asyncio.open_connection('127.0.0.1', 9)",
    "webbrowser": "import webbrowser\nwebbrowser.open('file://{secret}')",
    # Environment
    "os.environ": "import os\nprint(dict(os.environ))",
    "os.getenv": "import os\nprint(os.getenv('RXAGENT_SECRET'))",
    "os.environb": "import os\nprint(os.environb)",
    "sys.argv": "import sys\nprint(sys.argv)",
    "sys.path": "import sys\nprint(sys.path)",
    "sys.modules": "import sys\nprint(sys.modules['os'])",
    "sys.stdout's file": "import sys\nprint(sys.stdout.buffer)",
    "site": "import site\nprint(site.getsitepackages())",
    "platform": "import platform\nprint(platform.node())",
    "getpass": "import getpass\nprint(getpass.getuser())",
    # Imports
    "__import__": "__import__('os').system('touch {marker}')",
    "__builtins__": "__builtins__['__import__']('os')",
    "importlib": "import importlib\nimportlib.import_module('subprocess')",
    "imp": "import imp\nimp.load_source('x', '{secret}')",
    "a loader": "().__class__.__base__.__subclasses__()[84]().load_module('os')",
    "__loader__": "__loader__.load_module('os')",
    "__spec__": "__spec__.loader.load_module('os')",
    "a module's module": "import json\njson.decoder.scanner.re.sys.modules['os'].system('x')",
    "a module's globals": "import random\nrandom._os.system('touch {marker}')",
    "rxagent": "import rxagent",
    "a package of the host": "import attrs, reactivex",
    # Dunder chains
    "the mro": "print(().__class__.__mro__)",
    "the subclasses": "print(''.__class__.__base__.__subclasses__())",
    "Popen by the subclasses": CHAIN + "[0]('touch {marker}', shell=True)",
    "a class by type": "print(type(()).__bases__[0].__subclasses__())",
    "a function's globals": "def f(): pass\nprint(f.__globals__)",
    "a tool's globals": "print(add.__globals__['__builtins__'])",
    "a tool's code": "add.__code__ = (lambda: 0).__code__",
    "a tool's closure": "print(add.__closure__, add.__self__, add.__wrapped__)",
    "a builtin's module": "print(print.__self__.eval)",
    "a bound method's self": "print([].append.__self__.__class__)",
    "a code object": "type((lambda: 0).__code__)(0, 0, 0, 0, 0, 0, b'')",
    "a frame": "import sys\nprint(sys._getframe().f_back.f_globals)",
    "a traceback's frame": (
        "try:\n    1 / 0\nexcept Exception as e:\n    print(e.__traceback__.tb_frame.f_back)"
    ),
    "a generator's frame": "print((x for x in [1]).gi_frame.f_builtins)",
    "a coroutine's frame": "async def f(): pass\nprint(f().cr_frame.f_globals)",
    "__reduce__": "print([].__reduce_ex__(2)[0].__globals__)",
    "__init_subclass__": "print(object.__init_subclass__.__self__)",
    "__getattribute__": "print(object.__getattribute__((), '__class__'))",
    "__class__ assigned": "class A: pass\nclass B: pass\na = A()\na.__class__ = B",
    "a metaclass": "class M(type): pass",
    "type with bases": "type('X', (object,), {{}})",
    "__del__": "class A:\n    def __del__(self): open('{marker}', 'w')\nx = A()\nx = None",
    "__set_name__": "class A:\n    x = print\nprint(A.x.__self__)",
    # getattr and formats
    "getattr of a dunder": "print(getattr((), '__cl' + 'ass__').__base__)",
    "getattr of a module": "import os\ngetattr(os, 'sys' + 'tem')('touch {marker}')",
    "getattr of getattr": "print(getattr(getattr, '__self__'))",
    "vars": "print(vars(add))",
    "dir": "print(dir())",
    "globals": "print(globals())",
    "locals": "print(locals()['__builtins__'])",
    "a format's attribute": "print('{{0.__class__.__base__}}'.format(()))",
    "a format's globals": "def f(): pass\nprint('{{0.__globals__}}'.format(f))",
    "a format of a tool": "print('{{0.__globals__[SECRET]}}'.format(add))",
    "format_map": "print('{{x.__class__}}'.format_map({{'x': 1}}))",
    "an f-string": "print(f'{{().__class__.__base__}}')",
    "string.Formatter": "import string\nstring.Formatter().format('{{0.__class__}}', ())",
    "a template": "import string\nstring.Template('$x').safe_substitute(x=add.__globals__)",
    # Code from text
    "eval": 'eval(\'__import__("os").system("touch {marker}")\')',
    "exec": 'exec(\'import subprocess\\nsubprocess.run(["touch", "{marker}"])\')',
    "eval with builtins": "eval('open(\"{secret}\").read()', {{'__builtins__': {{}}}})",
    "compile": "exec(compile('import os\\nos.fork()', 'x', 'exec'))",
    "pickle": "import pickle\npickle.loads(b\"cos\\nsystem\\n(S'touch {marker}'\\ntR.\")",
    "marshal": "import marshal\nmarshal.loads(b'x')",
    "copyreg": "import copyreg\ncopyreg.__newobj__(object)",
    "code": "import code\ncode.interact()",
    "timeit": 'import timeit\ntimeit.timeit(\'open("{marker}", "w")\', number=1)',
    "a decorator": "@print\n@open\nclass A: pass",
    "inspect": "import inspect\nprint(inspect.stack()[-1].frame.f_globals)",
    "gc": "import gc\nprint(gc.get_objects())",
    "atexit": "import atexit\natexit.register(print)",
    "builtins": "import builtins\nbuiltins.open('{secret}')",
    # The host
    "breakpoint": "breakpoint()",
    "input": "input()",
    "help": "help()",
    "exit": "exit()",
    "quit": "quit()",
    "SystemExit": "raise SystemExit('now')",
    "KeyboardInterrupt": "raise KeyboardInterrupt('now')",
    "sys.exit": "import sys\nsys.exit(1)",
    "sys.settrace": "import sys\nsys.settrace(print)",
    "faulthandler": "import faulthandler\nfaulthandler._sigsegv()",
    "an error whose text fails": (
        "class A:\n    def __str__(self): return open('{secret}').read()\n"
        "raise ValueError(str(A()))"
    ),
    "an object as the answer": (
        "class A:\n    def __reduce__(self): return (open, ('{marker}', 'w'))\nfinal_answer(A())"
    ),
    "an object as an argument": "class A: pass\nadd(A(), open)",
    "a name that is no name": "add(**{{'__class__': 1}})",
    "a terminal's controls": "print('\\x1b]0;x\\x07', '\\x00')",
    "a surrogate": "print('\\ud800'); '\\udfff'",
}


HARMLESS = {
    "__class__ assigned",
    "__del__",
    "__set_name__",
    "a surrogate",
    "a terminal's controls",
    "an object as the answer",
    "getattr of a dunder",
    "locals",
    "os.chdir",
    "sys.argv",
}
"""Those that the sandbox runs, as they give nothing away; all others are errors."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a secret, which is in the environment too."""
    (tmp_path / "secret").write_text(f"{SECRET} = 1")
    monkeypatch.setenv("RXAGENT_SECRET", SECRET)
    return tmp_path


def test_there_are_enough():
    """There are at least sixty of them."""
    assert len(ESCAPES) >= 60


@pytest.mark.parametrize("name", ESCAPES)
def test_it_does_not_escape(name, folder):
    """Nothing outside is read, written or started, the model reads why, and the session goes on."""
    marker = folder / "marker"
    code = ESCAPES[name].format(secret=folder / "secret", marker=marker, folder=folder)
    session = EXECUTOR.open({"kept": 1})
    try:
        ran = Ran(session, code, functions_of(add))
        seen = f"{ran.items} {ran.error}".replace(str(folder / "secret"), "")
        assert ran.error is not None or name in HARMLESS
        assert SECRET not in seen
        assert "root:" not in seen
        assert "site-packages" not in seen
        assert not marker.exists()
        assert ["secret"] == os.listdir(folder)
        assert 2 == Ran(session, "kept + 1").value
    finally:
        session.close()
