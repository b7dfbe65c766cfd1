"""The table of providers: written, read again, and never stale."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.testing.contract import CELLS
from rxagent.testing.contract.table import Column, columns_of, parse, render, replaced
from rxagent.testing.far_ends import known_far_ends

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "contract.md"
EMPTY = "# A page\n\n<!-- contract -->\n<!-- end of contract -->\n\nMore.\n"

NAMES = ["text_in_order", "images", "one_call"]
reasons = st.sampled_from(["", "", "no such thing: https://example.com/a", "none: (see b, c)"])
columns = st.lists(
    st.builds(
        Column,
        st.from_regex(r"[a-z][a-z-]{0,6}", fullmatch=True),
        st.sampled_from(["", "2026-11-28"]),
        st.fixed_dictionaries(dict.fromkeys(NAMES, reasons)),
    ),
    max_size=4,
    unique_by=lambda column: column.prefix,
)


@given(columns)
def test_what_is_written_is_read_again(columns):
    """A page holds the columns that were written into it, sorted, and the text around them."""
    page = replaced(EMPTY, columns, NAMES)

    assert sorted(columns, key=lambda column: column.prefix) == parse(page)
    assert page == replaced(page, columns, NAMES)
    assert (True, True) == (page.startswith("# A page\n"), page.endswith("\n\nMore.\n"))


@given(columns, columns)
def test_other_columns_stay(before, news):
    """Columns of providers that were not run stay as they are."""
    page = replaced(replaced(EMPTY, before, NAMES), news, NAMES)

    expected = {column.prefix: column for column in [*before, *news]}
    assert expected == {column.prefix: column for column in parse(page)}


def test_a_page_without_a_place():
    """A page without the marks of a table is an error that says what to write."""
    with pytest.raises(ValueError, match="write <!-- contract -->"):
        replaced("# A page\n", [], NAMES)


def test_a_column_is_whole():
    """Only a provider with a result for each cell has a column."""
    whole = [("one", "", name, "") for name in NAMES]
    part = [("two", "", name, "") for name in NAMES[1:]]

    assert [Column("one", "", dict.fromkeys(NAMES, ""))] == columns_of([*whole, *part], NAMES)


def test_reasons_are_numbered_once():
    """Equal reasons have one number."""
    table = render([Column("one", "", {"a": "none", "b": "none", "c": ""})], "abc")

    assert 2 == table.count("no, 1")
    assert table.endswith("\n1. none\n")


def test_the_page_is_that_of_the_far_ends():
    """The page has a column for each far end, with the cells that it declares, and no other.

    A column with a date lacks the cells that are newer.
    """
    page = {c.prefix: c for c in parse(PAGE.read_text(encoding="utf-8"))}
    expected = {
        prefix: Column(
            prefix,
            kind.dated,
            {
                cell: kind.not_offered.get(cell, "")
                for cell in CELLS
                if not kind.dated or cell in page[prefix].cells
            },
        )
        for prefix, kind in known_far_ends().items()
    }

    assert expected == page


@pytest.mark.parametrize("prefix", known_far_ends())
def test_what_is_not_offered_has_a_document(prefix):
    """Each cell that is not offered has a reason with the provider's document."""
    declared = known_far_ends()[prefix].not_offered

    assert declared.keys() <= CELLS.keys()
    assert [] == [cell for cell, reason in declared.items() if "https://" not in reason]


def test_every_cell_says_what_it_states():
    """Each cell of the contract has a sentence."""
    assert [] == [name for name, what in CELLS.items() if not what.endswith(".")]
