"""`rxagent draw`: marble diagrams as pictures."""

import os
from pathlib import Path

import click

from ..errors import MarbleSyntaxError
from .failures import ExitCode
from .stdio import echo, open_stdin

__all__ = ["draw"]


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
def draw(files: tuple[str, ...], output: str | None, theme: str) -> ExitCode:
    """Draw the marble diagram in each FILE as SVG; `-` is stdin.

    The picture shows what the file says. To check that it is true, run pytest, which performs
    every *.marble file.

    \b
    rxagent draw hello.marble -o hello.svg
    rxagent draw --theme light *.marble -o pictures/

    \b
    where hello.marble is, for example:

    \b
      model:  --'Hel'--'lo'--|
      > model.pipe(ops.accumulate(partial=False))
      out:    ---------------(m|)
      m = Message("assistant", "Hello")
    """
    return max([_draw(file, picture, theme) for file, picture in _pictures(files, output)])


def _pictures(files: tuple[str, ...], output: str | None) -> list[tuple[str, Path | None]]:
    """Return the path of each file's picture; None is stdout."""
    if output is None or not (output.endswith(("/", os.sep)) or Path(output).is_dir()):
        if len(files) > 1:
            raise click.UsageError("Several pictures need a folder: write `-o folder/`.")
        return [(files[0], None if output is None else Path(output))]
    if "-" in files:
        raise click.UsageError("A diagram from stdin has no name: write `-o name.svg`.")
    folder = Path(output)
    names = [f"{Path(file).stem}.svg" for file in files]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(
                f"Several of these pictures would be {name}: draw them one at a time."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.FileError(str(folder), error.strerror) from error
    return [(file, folder / name) for file, name in zip(files, names, strict=True)]


def _draw(file: str, picture: Path | None, theme: str) -> ExitCode:
    from ..testing.marbles import draw, parse

    try:
        drawn = draw(parse(_text(file), "<stdin>" if file == "-" else file), theme=theme)
    except MarbleSyntaxError as error:
        echo(str(error), err=True)
        return ExitCode.FAILED
    if picture is None:
        echo(drawn, end="")
        return ExitCode.ANSWERED
    try:
        picture.write_text(drawn, encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.FileError(str(picture), error.strerror) from error
    return ExitCode.ANSWERED


def _text(file: str) -> str:
    data = open_stdin().buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise click.BadParameter(
            f"{file!r} is not UTF-8. Save it as UTF-8.", param_hint="'FILE'"
        ) from None
