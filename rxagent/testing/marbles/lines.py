"""The lines of a diagram, and where in them something is wrong."""

from attrs import frozen

from ...errors import MarbleSyntaxError

__all__ = ["Line"]

# Who wrote a row is shown where, not how it was read.
__tracebackhide__ = True


@frozen
class Line:
    """A line of a diagram; `number` counts from 1, columns of its text from 0."""

    text: str
    number: int = 1
    file: str | None = None

    @property
    def place(self) -> str:
        """The file and the number, which terminals make a link of."""
        return f"{self.file or 'marbles'}:{self.number}"

    def flaw(self, column: int, what: str) -> MarbleSyntaxError:
        """Return the error that says what is wrong in this column."""
        pointer = "".join(sign if sign == "\t" else " " for sign in self.text[:column]) + "^"
        return MarbleSyntaxError(
            f"{self.place}:{column + 1}: {what}\n    {self.text}\n    {pointer}",
            file=self.file,
            line=self.number,
            column=column + 1,
        )
