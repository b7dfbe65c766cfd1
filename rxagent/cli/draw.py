"""`rxagent draw`: a marble diagram as a picture."""

import sys
from pathlib import Path

import click

from ..errors import MarbleSyntaxError
from .failures import ExitCode

__all__ = ["draw"]


@click.command(short_help="Draw a marble diagram as SVG.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    help="Where to write the picture; by default it is printed.",
)
def draw(file: str, output: str | None) -> ExitCode:
    """Draw the marble diagram in FILE as SVG; `-` is read from stdin.

    The picture shows what the file says. Whether that is true is what pytest tells, which performs
    every *.marble file.

    \b
    rxagent draw hello.marble -o hello.svg

    \b
    where hello.marble is, for example:

    \b
      model:  --'Hel'--'lo'--|
      > model.pipe(ops.accumulate(partial=False))
      out:    ---------------(m|)
      m = Message("assistant", "Hello")
    """
    from ..subscribers.shown import shown
    from ..testing.marbles import draw, parse

    try:
        picture = draw(parse(_text(file), "<stdin>" if file == "-" else file))
    except MarbleSyntaxError as error:
        click.echo(shown(str(error)), err=True)
        return ExitCode.FAILED
    if output is None:
        click.echo(picture, nl=False)
        return ExitCode.ANSWERED
    try:
        Path(output).write_text(picture, encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.FileError(output, error.strerror) from error
    return ExitCode.ANSWERED


def _text(file: str) -> str:
    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise click.BadParameter(f"{file!r} is no text in UTF-8.", param_hint="'FILE'") from None
