"""The contract: what every model does, as tests that any model can be put to.

.. code-block:: python

    class TestMyModel(ModelContract):
        @pytest.fixture
        def far_end(self):
            with MyFarEnd() as far_end:
                yield far_end

Each test is a cell of the table of providers: it passes, or is skipped because the far end
declares in `not_offered`, with the provider's document, that the provider has no such thing.
"""

from __future__ import annotations

from .calls import CallCells
from .cells import Cells, cells_of
from .failures import FailureCells
from .histories import go_on, history_of
from .leaving import LeavingCells
from .replies import ReplyCells
from .requests import RequestCells
from .together import TogetherCells
from .whole import WholeCells

__all__ = ["CELLS", "ModelContract", "go_on", "history_of"]


class ModelContract(
    ReplyCells,
    CallCells,
    WholeCells,
    RequestCells,
    FailureCells,
    LeavingCells,
    TogetherCells,
    Cells,
):
    """The tests that every model passes; a subclass gives the fixture `far_end`.

    A subclass may replace a test by one of the same name, where its provider needs another script.
    """


CELLS = {
    name: what for part in ModelContract.__mro__[1:-2] for name, what in cells_of(part).items()
}
"""The names of the cells, each with what it states, in the order of the table."""
