"""The suite in a project: what is reported, and the table that is kept."""

from textwrap import dedent

import pytest

from rxagent.events import Finish, TextDelta
from rxagent.streams import each
from rxagent.testing.contract import CELLS
from rxagent.testing.far_ends.openai import OpenAIFarEnd

from ..nested import APART

pytest_plugins = ["pytester"]

FAR_END = """
    from rxagent.testing import ModelContract
    from rxagent.testing.far_ends.openai import OpenAIFarEnd
    import pytest

    class FarEnd(OpenAIFarEnd):
        prefix = "mine"
        not_offered = {not_offered!r}

    class TestMine(ModelContract):
        @pytest.fixture
        def far_end(self):
            with FarEnd() as far_end:
                yield far_end

        def test_of_my_own(self, far_end):
            far_end.serve()
"""
REASON = "it has no eyes: https://example.com/api"


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Import what a model needs: a run within pytest forgets each module that it imports first."""
    with OpenAIFarEnd() as far_end:
        list(each(far_end.serve(TextDelta("Hi"), Finish("stop"))("Hi")))


@pytest.fixture
def suite(pytester):
    """Return a function that runs the contract in a project, with a page for its table."""
    pytester.makeini("[pytest]\ncontract_table = table.md\n")
    (pytester.path / "table.md").write_text("<!-- contract -->\n<!-- end of contract -->\n")

    def suite(*arguments, not_offered=None):
        source = dedent(FAR_END).replace("{not_offered!r}", repr(not_offered or {}))
        (pytester.path / "test_mine.py").write_text(source)
        return pytester.runpytest(*APART, "-p", "no:cacheprovider", "-rs", *arguments)

    return suite


def test_the_table_is_kept(suite, pytester):
    """A run fails when the table is stale, writes it when asked to, and then passes."""
    stale = suite(not_offered={"images": REASON})
    assert pytest.ExitCode.TESTS_FAILED == stale.ret
    stale.stdout.fnmatch_lines(["The table in * is stale*", "*not offered: " + REASON])

    suite("--contract-update", not_offered={"images": REASON}).assert_outcomes(
        passed=len(CELLS), skipped=1
    )
    page = (pytester.path / "table.md").read_text()
    assert "| images | no, 1 |" in page
    assert f"1. {REASON}" in page
    assert pytest.ExitCode.OK == suite(not_offered={"images": REASON}).ret


def test_a_part_of_the_contract_changes_no_table(suite, pytester):
    """A run of some cells neither compares nor writes."""
    before = (pytester.path / "table.md").read_text()

    assert pytest.ExitCode.OK == suite("--contract-update", "-k", "images").ret
    assert before == (pytester.path / "table.md").read_text()


def test_an_unknown_cell(suite):
    """What is declared as not offered must be a cell."""
    result = suite("-k", "test_images", not_offered={"smells": REASON})

    result.stdout.fnmatch_lines(["*mine declares what is no cell: smells*"])
    assert pytest.ExitCode.TESTS_FAILED == result.ret


def test_a_page_that_is_missing(pytester):
    """A page that does not exist is an error that names it."""
    pytester.makeini("[pytest]\ncontract_table = nowhere.md\n")

    result = pytester.runpytest(*APART)
    result.stderr.fnmatch_lines(["*contract_table names *nowhere.md*no such file*"])


def test_a_fixture_that_is_missing(pytester):
    """A suite without a far end says what to write."""
    pytester.makepyfile(
        test_it="""
        from rxagent.testing import ModelContract

        class TestIt(ModelContract):
            pass
        """
    )
    result = pytester.runpytest(*APART, "-k", "test_images")

    result.stdout.fnmatch_lines(["*TestIt needs a fixture `far_end`*"])
