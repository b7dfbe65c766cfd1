"""Cells: the tests of the contract, and how one is skipped that a provider does not offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..far_ends import FarEnd
from .table import PROPERTY

__all__ = ["Cells", "cells_of"]

_PREFIX = "test_"


class Cells:
    """What all parts of the contract share."""

    @pytest.fixture
    def far_end(self) -> Iterator[FarEnd]:
        """Yield the far end; a subclass replaces this."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a fixture `far_end`: `with OpenAIFarEnd() as far_end: "
            "yield far_end`, or a far end of your own."
        )

    @pytest.fixture(autouse=True)
    def _cell(
        self,
        request: pytest.FixtureRequest,
        far_end: FarEnd,
        record_property: Callable[[str, object], None],
    ) -> Iterator[None]:
        """Skip a cell that is not offered, and fail the test when a request was wrong."""
        cell = request.node.function.__name__.removeprefix(_PREFIX)
        parts = [part for part in type(self).__mro__ if part.__module__.startswith(__package__)]
        cells = {name for part in parts for name in cells_of(part)}
        if unknown := far_end.not_offered.keys() - cells:
            raise ValueError(f"{far_end.prefix} declares what is no cell: {', '.join(unknown)}")
        if cell in cells:
            reason = far_end.not_offered.get(cell, "")
            record_property(PROPERTY, [far_end.prefix, far_end.dated, cell, reason])
            if reason:
                pytest.skip(f"not offered: {reason}")
        yield
        far_end.verify()


def cells_of(part: type) -> dict[str, str]:
    """Return the cells of a part of the contract: their names, each with what it states."""
    return {
        name.removeprefix(_PREFIX): (test.__doc__ or "").strip().partition("\n")[0]
        for name, test in vars(part).items()
        if name.startswith(_PREFIX)
    }
