"""The page of the command line lists all commands, options, variables and settings."""

import re
from pathlib import Path

import click
import pytest

from rxagent.cli.app import app
from rxagent.cli.options import _SETTINGS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "command-line.md"


def section(heading):
    """Return the text below a heading of the page."""
    return PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]


def rows(heading):
    """Return the rows of the tables below a heading, with what stands above each table."""
    found, title = set(), ""
    for line in section(heading).splitlines():
        if line.startswith("### "):
            title = line.removeprefix("### ")
        elif line.startswith("| `"):
            found.add((title, *line.strip("| ").split(" | ")))
    return found


def option_row(option):
    """Return the row of an option: its names, its variable, its help."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    chosen = ""
    if isinstance(option.type, click.Choice):
        chosen = f" One of {', '.join(f'`{choice}`' for choice in option.type.choices)}."
    return names, f"`{option.envvar}`" if option.envvar else "-", f"{option.help}{chosen}"


def options(command):
    """Return the rows of the options of a command."""
    return {option_row(one) for one in command.params if isinstance(one, click.Option)}


def test_all_commands_and_options_are_on_the_page():
    """Each has a row with its help, and no row is left of one that is gone."""
    commands = {(f"`rxagent {name}`", one.short_help) for name, one in app.commands.items()}
    shared = options(app.commands["run"])
    assert shared < options(app.commands["chat"])
    expected = {("", *row) for row in commands}
    expected |= {("Options of `run` and `chat`", *row) for row in shared}
    for name, command in app.commands.items():
        rest = options(command) - shared
        title = "More options of `chat`" if name == "chat" else f"Options of `{name}`"
        expected |= {(title, *row) for row in rest}

    assert expected == rows("All commands")


def test_all_settings_are_on_the_page():
    """Each setting of rxagent.toml is named."""
    named = re.findall(r"`(\w+)`", section("Settings"))

    assert [] == [name for name in _SETTINGS if name not in named]


EASY = {'rxagent run "What is 23 * 17?"', "rxagent chat"}
"""The examples that the built-in model can do."""


@pytest.mark.parametrize("name", ["run", "chat"])
def test_an_example_that_is_too_hard_for_the_built_in_model_names_another(name):
    """The examples stand below the sentence that without a model the built-in one answers."""
    below = app.commands[name].help.partition("Without a model")[2]
    examples = re.findall(rf"^    (?:.* )?(rxagent {name}\b.*)$", below, re.MULTILINE)

    assert EASY & set(examples)
    assert [] == [one for one in examples if one not in EASY and " -m " not in one]
