import io

import pytest

from rxagent.cli import main
from rxagent.cli.app import app

MODEL = ["run", "-m", "openai:plain"]


@pytest.fixture
def refuse(folder, capsys):
    """Return a function that runs the command in this process, and returns the usage error."""

    def refuse(*arguments):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capsys.readouterr()
        assert (2, "") == (left.value.code, out)
        usage, _, error = err.partition("\nError: ")
        assert usage.startswith("Usage: rxagent")
        return error.strip()

    return refuse


REFUSED = [
    (
        ["run", "-m", "gpt-5", "hi"],
        "The name 'gpt-5' has no provider: write 'openai:",
    ),
    (["run", "-m", "nope:x", "hi"], "There is no provider 'nope'"),
    (["run", "-m", "openai:", "hi"], "'openai:' names no model"),
    ([*MODEL, "--json", "--plain", "hi"], "Choose one of --json, --plain and --quiet."),
    ([*MODEL, "--json", "-q", "hi"], "Choose one of --json, --plain and --quiet."),
    ([*MODEL, "--plain", "-q", "hi"], "Choose one of --json, --plain and --quiet."),
    ([*MODEL, "--max-steps", "-1", "hi"], "Invalid value for '--max-steps'"),
    ([*MODEL, "--timeout", "0", "hi"], "Invalid value for '--timeout'"),
    (["models", "--timeout", "0"], "Invalid value for '--timeout': '0' is not a number of seconds"),
    ([*MODEL, "--nope", "hi"], "No such option"),
    ([*MODEL, " "], "The task is empty. Write one, or pipe one in."),
    ([*MODEL, "-t", "calc", "hi"], "'calc' is not a tool. Write -t module:function."),
    ([*MODEL, "-t", ":add", "hi"], "':add' is not a tool. Write -t module:function."),
    ([*MODEL, "-t", "nowhere:add", "hi"], "There is no module 'nowhere' in this folder or among"),
    (
        [*MODEL, "-t", "os.nowhere:add", "hi"],
        "There is no module 'os.nowhere' in this folder or among",
    ),
    ([*MODEL, "-t", "shelf:ad", "hi"], "shelf has no 'ad'. Did you mean add?"),
    ([*MODEL, "-t", "shelf:zzz", "hi"], "shelf has no 'zzz'. It has: add, bare."),
    ([*MODEL, "-t", "shelf:bare", "hi"], "shelf:bare cannot be a tool. "),
    ([*MODEL, "-t", "shelf:NUMBER", "hi"], "shelf:NUMBER cannot be a tool. "),
    ([*MODEL, "-t", "wrecked:add", "hi"], "The module 'wrecked' cannot be imported: ZeroDiv"),
    ([*MODEL, "-t", "needy:add", "hi"], "The module 'needy' cannot be imported: ModuleNotFound"),
    (["run", "-m", "builtin:big", "hi"], "There is one built-in model, builtin:tiny, and no 'big'"),
    (["nope"], "There is no command 'nope'. To give an agent a task, write `rxagent run nope`."),
    (["modles"], "There is no command 'modles'. Did you mean models? To give an agent"),
    (["What is 2 + 2?"], "There is no command 'What is 2 + 2?'. To give an agent a task, write `"),
    (["chat", "Good", "day"], "`rxagent chat` takes no message, and got 'Good day'. Type it at"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=[" ".join(r[0]) for r in REFUSED])
def test_wrong_usage_says_what_and_what_to_do(refuse, folder, arguments, sentence):
    """Wrong usage gets a sentence before any request, with exit code 2."""
    (folder / "shelf.py").write_text(
        'NUMBER = 5\ndef add(a: int) -> int:\n    """Add."""\n    return a\ndef bare(a): ...\n',
        encoding="utf-8",
    )
    (folder / "wrecked.py").write_text("1 / 0\n", encoding="utf-8")
    (folder / "needy.py").write_text("import nowhere_to_be_found\n", encoding="utf-8")

    assert refuse(*arguments).startswith(sentence)


@pytest.mark.parametrize(
    ("option", "said", "sentence"),
    [
        *(
            ("--max-steps", said, "is not a number of steps. Write 0 or more.")
            for said in ("x", "-1", "2.5")
        ),
        *(
            ("--timeout", said, "is not a number of seconds. Write one above 0.")
            for said in ("x", "0", "-1")
        ),
        *(
            ("--timeout", said, "is not a number of seconds. Write one above 0.")
            for said in ("nan", "inf", "1e99")
        ),
    ],
)
def test_what_is_not_a_number_is_an_error_in_plain_words(refuse, option, said, sentence):
    """The error says which numbers are valid, not how they are parsed."""
    assert refuse(*MODEL, option, said, "hi").endswith(f": {said!r} {sentence}")


def test_a_terminal_without_a_task_is_wrong_usage(refuse, monkeypatch):
    """The command does not wait for input without a prompt."""

    class Keyboard(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Keyboard())

    assert "There is no task. Write one, or pipe one in." == refuse(*MODEL)


FILES = [
    ("model = ", "rxagent.toml cannot be read: "),
    ("modle = 'x'", "rxagent.toml sets 'modle', which is not a setting. Known: model, system,"),
    ("tools = ['os:system']", "rxagent.toml sets 'tools', which is not a setting."),
    ("model = 5", "rxagent.toml sets model to 5. Write a text."),
    ("max_steps = true", "rxagent.toml sets max_steps to True. Write a whole number."),
    ("history = 'no'", "rxagent.toml sets history to 'no'. Write true or false."),
    ("timeout = '5'", "rxagent.toml sets timeout to '5'. Write a number of seconds."),
]


@pytest.mark.parametrize(("text", "sentence"), FILES, ids=[text for text, _ in FILES])
def test_a_wrong_setting_says_where_it_stands(refuse, folder, text, sentence):
    """Settings are checked, and the error names the file."""
    (folder / "rxagent.toml").write_text(text, encoding="utf-8")

    assert refuse("run", "hi").startswith(sentence)


def test_verbose_shows_where_a_module_fails(folder, capsys):
    """-v shows the traceback of a module of tools that cannot be imported."""
    (folder / "torn.py").write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main([*MODEL, "-v", "-t", "torn:add", "hi"])

    assert 'torn.py", line 1' in capsys.readouterr().err


def show(capsys, *arguments):
    """Return the exit code and the output of a command without an agent."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    out, err = capsys.readouterr()
    assert "" == err
    return left.value.code, out


def test_the_version_is_the_package_s(folder, capsys):
    """`--version` names the command and the version."""
    import rxagent

    assert (0, f"rxagent {rxagent.__version__}\n") == show(capsys, "--version")


@pytest.mark.parametrize("command", sorted(app.commands))
def test_help_lists_every_command(folder, capsys, command):
    """Each command is in the help, and has its own help, with -h too."""
    assert f"\n  {command} " in show(capsys, "--help")[1]
    assert (0, f"Usage: rxagent {command} ") == (
        show(capsys, command, "-h")[0],
        show(capsys, command, "--help")[1][: len(f"Usage: rxagent {command} ")],
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(folder, capsys, shell):
    """Each shell gets the script that completes commands."""
    code, script = show(capsys, "completion", shell)

    assert 0 == code
    assert f"_RXAGENT_COMPLETE={shell}_complete" in script


def test_completion_completes(folder, capsys, monkeypatch):
    """The script receives the commands that begin so."""
    monkeypatch.setenv("_RXAGENT_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "rxagent d")
    monkeypatch.setenv("COMP_CWORD", "1")

    assert ["plain", "demo"] == show(capsys)[1].splitlines()[:2]
