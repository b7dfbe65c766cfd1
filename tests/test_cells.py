"""Where a text ends on a terminal."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rxagent.cells import Cursor, last_cells

TEXTS = st.text("ab 日e\u0301", max_size=30)


@given(TEXTS, st.integers(2, 20))
def test_the_end_of_a_text_fits(text, width):
    """It takes no more cells than there are, and loses no more characters than need be."""
    cut = last_cells(text, width)

    assert cell_len(cut) <= width
    assert cut == text or (cut[0] == "…" and text.endswith(cut[1:]))
    assert cut == text or cell_len(cut) >= width - 1


@given(st.lists(TEXTS), st.integers(2, 20), st.integers(2, 20))
def test_the_column_does_not_depend_on_earlier_widths(texts, width, earlier):
    """A window that was resized has the cursor where one of that width has it."""
    resized, constant = Cursor(), Cursor()
    for text in texts:
        resized.follow(text, earlier)
        constant.follow(text, width)

    assert constant.column(width) == resized.column(width)


def test_the_moves_of_a_cursor():
    """Styles take no cells; tabs, returns and newlines move it; a full row is not broken yet."""
    cursor = Cursor()
    for text, column in (
        ("\x1b[2mab\x1b[0m", 2),
        ("\t", 8),
        ("cd", 10),
        ("e", 1),
        ("\ttoo far\t", 8),
        ("\rno", 2),
        ("one\ntwo", 3),
    ):
        cursor.follow(text, 10)

        assert column == cursor.column(10), text
