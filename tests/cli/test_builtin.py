"""The command line without a model: the built-in one answers."""

from importlib.util import find_spec

import pytest

from rxagent.cli import main
from rxagent.models import provider

NEEDS_THE_ENGINE = pytest.mark.skipif(
    not find_spec("onnxruntime_genai"), reason="onnxruntime-genai is not installed"
)


@NEEDS_THE_ENGINE
def test_run_answers(finish):
    """The answer alone goes to stdout; thought, code, output and the model's name to stderr."""
    code, out, err = finish("run", "What is 23 * 17?")

    assert (0, "391\n") == (code, out)
    for text in ("Thought: I calculate it.", "final_answer(23 * 17)", "└ The answer: 391"):
        assert text in err
    assert 1 == err.count("Answered by builtin:tiny, a demonstration model that may be wrong;")


@NEEDS_THE_ENGINE
@pytest.mark.parametrize("flag", ["-q", "--json"])
def test_nothing_is_added(finish, flag):
    """What prints the answer or the events alone does not name the model."""
    _, _, err = finish("run", flag, "2 + 2")

    assert "" == err


@NEEDS_THE_ENGINE
def test_its_name_changes_nothing(finish):
    """By its name it answers as if no model had been named."""
    code, out, err = finish("run", "-m", "builtin:tiny", "What is 2 + 2?")

    assert (0, "4\n") == (code, out)
    assert "final_answer(2 + 2)" in err


@NEEDS_THE_ENGINE
def test_without_an_answer_it_is_not_named(finish):
    """A run that failed was answered by no model."""
    code, _, err = finish("run", "--max-steps", "0", "What is 2 + 2?")

    assert 3 == code
    assert "Answered by" not in err


@NEEDS_THE_ENGINE
def test_chat_answers(finish):
    """Each line from a pipe is answered."""
    code, out, _ = finish("chat", piped="2 + 3\nWhat is 6 * 7?\n")

    assert (0, "5\n42\n") == (code, out)


@pytest.mark.parametrize("command", [["run", "hi"], ["chat"]])
def test_without_the_engine(folder, capsys, monkeypatch, command):
    """The error says what to install, and how to name another model."""
    monkeypatch.setattr(provider, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as left:
        main(command)
    error = capsys.readouterr().err

    assert 2 == left.value.code
    assert "No model was chosen. Name one with -m, like -m openai:gpt-5-mini, or in" in error
    assert "pip install 'rxagent[builtin]'" in error
