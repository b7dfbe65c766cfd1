import subprocess
import sys

from rxagent.cli.demo import add

from .conftest import PATIENCE


def test_the_demo_shows_a_tool_at_work(finish):
    """Without key and server, an agent calls a tool in one step and answers in the next."""
    code, out, err = finish("demo")

    assert 0 == code
    assert "The answers are scripted" in out
    assert "\nThe answer is 5.\n" in out
    assert "● add(a=2, b=3)" in err
    assert "  └ 5\n" in err
    assert "  2 steps · " in err


def test_the_demo_needs_no_network(finish, monkeypatch):
    """Proxies and keys in the environment are not used."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    assert 0 == finish("demo")[0]


def test_the_demo_s_tool_adds():
    """The tool returns the sum."""
    assert 5 == add(2, 3)


def test_the_help_loads_nothing_heavy(folder):
    """`--help` imports no provider's SDK, no pydantic and no rich."""
    program = (
        "import sys\nfrom rxagent.cli import main\ntry:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print([m for m in ('openai', 'rich', 'pydantic', 'cattrs', 'aiohttp', 'reactivex')"
        " if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=PATIENCE, check=True
    )

    assert "[]" == ran.stdout.decode().splitlines()[-1]
