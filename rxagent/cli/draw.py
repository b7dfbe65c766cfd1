"""`rxagent draw`: marble diagrams as pictures."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..errors import MarbleSyntaxError, RxAgentError
from .draw_run import marble_of
from .failures import ExitCode
from .stdio import echo, open_stdin

__all__ = ["draw"]

_NAMES = {".marble": "diagrams", ".svg": "pictures"}


@click.command(short_help="Draw marble diagrams as SVG.")
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
@click.option(
    *("-o", "--output"),
    type=click.Path(writable=True),
    help="The file to write, or a folder for several pictures; the default is stdout.",
)
@click.option(
    "--theme",
    type=click.Choice(["auto", "light", "dark"]),
    default="auto",
    help="The colours; by default those of the page, or the reader's.",
)
@click.option(
    "--marble",
    is_flag=True,
    help="Write the marble diagram of a run instead, from its events as lines of JSON.",
)
@click.option("--run", metavar="ID", help="With --marble: the run, if the file has several.")
@click.option(
    "--shrink",
    metavar="PREDICATE",
    help="With --marble: keep the fewest events for which a Python expression holds.",
)
def draw(
    files: tuple[str, ...],
    output: str | None,
    theme: str,
    marble: bool,
    run: str | None,
    shrink: str | None,
) -> ExitCode:
    """Draw the marble diagram in each FILE as SVG; `-` is stdin.

    The picture shows what the file says. To check that it is true, run pytest, which performs
    every *.marble file.

    With --marble, FILE holds the events of a run, as `rxagent run --json` writes them. The diagram
    performs the run again, with what the model and the tools said, and is a test as it stands.

    \b
    rxagent draw hello.marble -o hello.svg
    rxagent draw --theme light *.marble -o pictures/
    rxagent draw --marble run.jsonl -o run.marble
    rxagent draw --marble run.jsonl --shrink 'state.usage.total_tokens > 100'

    \b
    where hello.marble is, for example:

    \b
      model:  --'Hel'--'lo'--|
      > model.pipe(ops.accumulate(partial=False))
      out:    ---------------(m|)
      m = Message("assistant", "Hello")
    """
    if marble or run is not None or shrink is not None:
        if not marble:
            raise click.UsageError("--run and --shrink are about a run: write --marble, too.")
        written = _written(files, output, ".marble")
        return max([_draw_run(file, target, run, shrink) for file, target in written])
    pictures = _written(files, output, ".svg")
    return max([_draw(file, picture, theme) for file, picture in pictures])


def _written(
    files: tuple[str, ...], output: str | None, suffix: str
) -> list[tuple[str, Path | None]]:
    """Return the path of what is written for each file; None is stdout."""
    if output is None or not (output.endswith(("/", os.sep)) or Path(output).is_dir()):
        if len(files) > 1:
            raise click.UsageError(f"Several {_NAMES[suffix]} need a folder: write `-o folder/`.")
        return [(files[0], None if output is None else Path(output))]
    if "-" in files:
        raise click.UsageError(f"A diagram from stdin has no name: write `-o name{suffix}`.")
    folder = Path(output)
    names = [f"{Path(file).stem}{suffix}" for file in files]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(
                f"Several of these {_NAMES[suffix]} would be {name}: draw them one at a time."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.FileError(str(folder), error.strerror) from error
    return [(file, folder / name) for file, name in zip(files, names, strict=True)]


def _draw_run(file: str, target: Path | None, run: str | None, predicate: str | None) -> ExitCode:
    try:
        text = marble_of(_text(file), "<stdin>" if file == "-" else file, run, predicate)
    except RxAgentError as error:
        echo(str(error), err=True)
        return ExitCode.FAILED
    return _write(text, target)


def _draw(file: str, picture: Path | None, theme: str) -> ExitCode:
    from ..testing.marbles import draw, parse

    try:
        drawn = draw(parse(_text(file), "<stdin>" if file == "-" else file), theme=theme)
    except MarbleSyntaxError as error:
        echo(str(error), err=True)
        return ExitCode.FAILED
    return _write(drawn, picture)


def _write(text: str, path: Path | None) -> ExitCode:
    if path is None:
        echo(text, end="")
        return ExitCode.ANSWERED
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from error
    return ExitCode.ANSWERED


def _text(file: str) -> str:
    data = open_stdin().buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise click.BadParameter(
            f"{file!r} is not UTF-8. Save it as UTF-8.", param_hint="'FILE'"
        ) from None
