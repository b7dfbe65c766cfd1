import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.tools.docstrings import read_docstring

GOOGLE = """Look a word up.

    Takes any language.

    Args:
        word: What to look up,
            one word only.
        limit (int, optional): How many.

    Returns:
        Its meanings.
    """

NUMPY = """Look a word up.

    Takes any language.

    Parameters
    ----------
    word : str
        What to look up,
        one word only.
    limit : int, default 3
        How many.

    Returns
    -------
    list[str]
        Its meanings.
    """

SPHINX = """Look a word up.

    Takes any language.

    :param word: What to look up,
        one word only.
    :type word: str
    :param int limit: How many.
    :returns: Its meanings.
    """

DESCRIBED = {"word": "What to look up, one word only.", "limit": "How many."}


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX], ids=["Google", "NumPy", "Sphinx"])
def test_each_style_describes_the_same_parameters(docstring):
    """What is said of a parameter is found in every style, its lines joined."""
    _, described = read_docstring(docstring)

    assert DESCRIBED == described


@pytest.mark.parametrize(
    ("docstring", "returns"),
    [
        (GOOGLE, "Returns:\n    Its meanings."),
        (NUMPY, "Returns\n-------\nlist[str]\n    Its meanings."),
        (SPHINX, ":returns: Its meanings."),
    ],
    ids=["Google", "NumPy", "Sphinx"],
)
def test_what_is_not_about_parameters_stays(docstring, returns):
    """The description keeps what a tool does and returns."""
    text, _ = read_docstring(docstring)

    assert f"Look a word up.\n\nTakes any language.\n\n{returns}" == text


@pytest.mark.parametrize(
    "docstring", [None, "", "  \n  ", "\n    Args:\n        word: What.\n    "]
)
def test_no_description_is_an_empty_text(docstring):
    """A docstring that says nothing, or only speaks of parameters, describes nothing."""
    text, _ = read_docstring(docstring)

    assert "" == text


def test_a_colon_does_not_begin_a_parameter():
    """A line that goes on is no entry, whatever it holds."""
    _, described = read_docstring(
        "Ask.\n\nArgs:\n    url: Where,\n        like this: http://a.example\n"
    )

    assert {"url": "Where, like this: http://a.example"} == described


def test_parameters_described_together_share_the_text():
    """NumPy's style names several parameters in one line."""
    _, described = read_docstring("Add.\n\nParameters\n----------\na, b : int\n    A number.\n")

    assert {"a": "A number.", "b": "A number."} == described


def test_an_unindented_line_ends_the_section():
    """Prose after the arguments belongs to the description."""
    text, described = read_docstring("Ask.\n\nArgs:\n    url: Where.\n\nIt may take long.")

    assert ("Ask.\n\nIt may take long.", {"url": "Where."}) == (text, described)


@given(
    st.lists(
        st.sampled_from(
            ["Args:", "Parameters", "----", ":param a: b", "    a: b", "a : b", "", "x"]
        ),
        max_size=12,
    )
)
def test_any_docstring_can_be_read(lines):
    """However odd a docstring is, reading it ends and gives a text and texts."""
    text, described = read_docstring("\n".join(lines))

    assert isinstance(text, str)
    assert all(isinstance(said, str) for said in described.values())
