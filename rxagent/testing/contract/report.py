"""Report: compares the table of a page with the cells of this test run, or writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import CELLS
from .table import PROPERTY, columns_of, replaced

__all__ = ["ContractReport"]


class ContractReport:
    """The part of the pytest plugin that keeps the table of providers.

    Args:
        page: The page with the table.
        is_written: Whether the table is written; else it is compared.
    """

    def __init__(self, page: Path, is_written: bool) -> None:
        self._page = page
        self._is_written = is_written
        self._results: list[tuple[str, str, str, str]] = []
        self._news = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a cell that was passed, or is not offered."""
        if hasattr(report, "wasxfail"):
            return
        for name, value in report.user_properties:
            if name == PROPERTY and isinstance(value, list | tuple):
                prefix, dated, cell, reason = map(str, value)
                if report.skipped if reason else (report.when == "call" and report.passed):
                    self._results.append((prefix, dated, cell, reason))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Compare or write the table; one that is stale fails the run."""
        columns = columns_of(self._results, CELLS)
        if not columns:
            return
        before = self._page.read_text(encoding="utf-8")
        after = replaced(before, columns, CELLS)
        if after == before:
            return
        names = ", ".join(column.prefix for column in columns)
        if self._is_written:
            self._page.write_text(after, encoding="utf-8")
            self._news = f"{self._page} was rewritten, for {names}: look at what it says now."
            return
        self._news = (
            f"The table in {self._page} is stale, for one of {names}: "
            "run the same tests with --contract-update."
        )
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what became of the table."""
        if self._news:
            terminalreporter.write_line(self._news)
