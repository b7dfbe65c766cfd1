import subprocess
import sys

import pytest

import rxagent

HEAVY = (
    "cattrs",
    "click",
    "huggingface_hub",
    "jinja2",
    "openai",
    "pydantic",
    "rich",
    "torch",
    "transformers",
)


def python(program):
    """Return what a program prints in a fresh interpreter."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (0, "") == (ran.returncode, ran.stderr)
    return ran.stdout.strip()


def test_what_is_promised_is_what_is_visible():
    """`__all__` is sorted, without doubles, and is what `dir` shows."""
    assert sorted(set(rxagent.__all__)) == rxagent.__all__
    assert sorted([*rxagent.__all__, "__version__"]) == dir(rxagent)


ROOMS = ["errors", "events", "models", "operators", "subscribers", "testing"]


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_shows_what_it_promises_and_nothing_else(name):
    """`dir` of a module, which Tab uses, lists its public names."""
    room = getattr(rxagent, name)

    assert sorted(set(room.__all__)) == room.__all__ == dir(room)


@pytest.mark.parametrize("name", rxagent.__all__)
def test_each_promised_name_can_be_imported(name):
    """`from rxagent import name` works, and gives the same thing each time."""
    assert getattr(rxagent, name) is getattr(rxagent, name)


def test_a_name_that_is_not_promised_is_an_attribute_error():
    """A misspelt name is reported as Python reports it."""
    with pytest.raises(AttributeError, match="module 'rxagent' has no attribute 'Agnet'"):
        _ = rxagent.Agnet


def test_the_doorway_loads_nothing_heavy():
    """`import rxagent` brings no provider's SDK and nothing that is slow to import."""
    heavy = python(f"import rxagent, sys; print([m for m in {HEAVY} if m in sys.modules])")

    assert "[]" == heavy


def test_the_doorway_loads_no_room_before_it_is_entered():
    """`import rxagent` alone reads no file of the package but the one that finds the others."""
    rooms = python("import rxagent, sys; print([m for m in sys.modules if 'rxagent.' in m])")

    assert "['rxagent.lazy']" == rooms


def test_a_star_import_gives_what_is_promised():
    """`from rxagent import *` binds `__all__`, and works in a fresh interpreter."""
    program = "from rxagent import *; import rxagent; print(set(rxagent.__all__) - set(dir()))"

    assert "set()" == python(program)
