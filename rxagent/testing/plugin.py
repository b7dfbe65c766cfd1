"""The pytest plugin: each `*.marble` file is a test, and a table shows what providers offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("rxagent.testing.contract")

__all__ = ["MarbleFile", "MarbleItem"]

_REWRITTEN = "marble diagram rewritten"


class WrongPicture(Exception):
    """A diagram differs from what happens."""


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail the test when it leaves threads, tasks, sockets, or work of a run open."""
    from .leaks import leak_check

    yield from leak_check()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--marbles-update`."""
    parser.getgroup("rxagent").addoption(
        "--marbles-update",
        action="store_true",
        help="rewrite the row `out:` of marble diagrams as what comes",
    )
    parser.getgroup("rxagent").addoption(
        "--contract-update",
        action="store_true",
        help="rewrite the table of providers, for those whose contract is run",
    )
    parser.addini(
        "contract_table",
        "the Markdown page with the table of providers; one that is stale fails the tests",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep the table of providers, if there is one."""
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist, whose controller has the reports
    if (name := config.getini("contract_table")) and not is_worker:
        page = config.rootpath / name
        if not page.is_file():
            raise pytest.UsageError(f"contract_table names {page}, and there is no such file.")
        config.pluginmanager.register(_TableKeeper(page, config))


class _TableKeeper:
    """Imports what keeps the table once a cell has run, since that takes long to import."""

    def __init__(self, page: Path, config: pytest.Config) -> None:
        self._page = page
        self._config = config
        self._report: Any = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._report is None and any("contract" in name for name, _ in report.user_properties):
            from .contract.report import ContractReport

            is_written = self._config.getoption("contract_update")
            self._report = ContractReport(self._page, is_written)
            self._config.pluginmanager.register(self._report)
            self._report.pytest_runtest_logreport(report)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> MarbleFile | None:
    """Collect marble diagrams."""
    if file_path.suffix != ".marble":
        return None
    return MarbleFile.from_parent(parent, path=file_path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the diagrams that were rewritten, for review."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, path in report.user_properties:
            if name == _REWRITTEN:
                terminalreporter.write_line(f"{path} was rewritten: look at what it says now.")


class MarbleFile(pytest.File):
    """A file with a marble diagram."""

    def collect(self) -> Iterator[MarbleItem]:
        """Yield the test of the diagram."""
        yield MarbleItem.from_parent(self, name=self.path.stem)


class MarbleItem(pytest.Item):
    """A marble diagram, as a test."""

    def runtest(self) -> None:
        """Perform the diagram, and compare."""
        # Importing this at the top would make pytest start later.
        from .marbles import perform, read, report, updated
        from .marbles.report import from_here

        diagram = read(from_here(self.path))
        outcome = perform(diagram)
        wrong = report(diagram, outcome)
        # What comes in real time would be rewritten as silence.
        if wrong and self.config.getoption("marbles_update") and not outcome.is_astray:
            self.path.write_text(updated(diagram, outcome.notes), encoding="utf-8")
            self.user_properties.append((_REWRITTEN, str(from_here(self.path))))
            diagram = read(from_here(self.path))
            wrong = report(diagram, perform(diagram))
        if wrong:
            raise WrongPicture(wrong)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the difference or the error with its place, without our traceback."""
        from ..errors import MarbleSyntaxError

        if not isinstance(excinfo.value, WrongPicture | MarbleSyntaxError):
            return super().repr_failure(excinfo, style)
        parts = [str(excinfo.value), _in_own_code(excinfo.value.__cause__)]
        return "\n\n".join(filter(None, parts))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the diagram is."""
        return self.path, 0, f"marbles: {self.name}"


def _in_own_code(error: BaseException | None) -> str:
    """Return the traceback of an error through the user's own modules, if there are any."""
    from .marbles.report import is_of_diagram, is_own

    if error is None:
        return ""
    info = pytest.ExceptionInfo.from_exception(error)
    info.traceback = info.traceback.filter(lambda entry: is_own(entry.frame.raw))
    if all(is_of_diagram(entry.frame.raw) for entry in info.traceback):
        return ""  # The error already has its place in the diagram.
    return str(info.getrepr(style="short"))
