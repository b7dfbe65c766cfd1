"""The lines of a diagram, and where in them something is wrong."""

from attrs import frozen

from ...errors import MarbleSyntaxError

__all__ = ["Line"]


@frozen
class Line:
    """A line of a diagram; `number` counts from 1, columns of its text from 0."""

    text: str
    number: int = 1
    file: str | None = None

    def flaw(self, column: int, what: str) -> MarbleSyntaxError:
        """Return the error that says what is wrong in this column."""
        place = f"{self.file or 'marbles'}:{self.number}:{column + 1}"
        pointer = "".join(sign if sign == "\t" else " " for sign in self.text[:column]) + "^"
        return MarbleSyntaxError(
            f"{place}: {what}\n    {self.text}\n    {pointer}",
            file=self.file,
            line=self.number,
            column=column + 1,
        )
