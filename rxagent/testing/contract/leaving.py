"""Leaving: disposing closes the request at any moment, and nothing follows."""

from __future__ import annotations

from reactivex import operators as rxo

from ...events import TextDelta
from ..far_ends import Endless, FarEnd, Silence, Waiting
from .listening import Listener

__all__ = ["LeavingCells"]


class LeavingCells:
    """How a model is left."""

    def test_leaving_at_opening(self, far_end: FarEnd) -> None:
        """A request that was not answered yet is given up, and the far end sees it."""
        model = far_end.serve(Waiting())
        listener = Listener(model("Hi"))
        far_end.wait_call(model)
        listener.dispose()

        far_end.wait_hang_up(model)
        assert ([], None) == (listener.deltas, listener.error)

    def test_leaving_in_silence(self, far_end: FarEnd) -> None:
        """A stream that is silent is left, and the far end sees it."""
        model = far_end.serve(TextDelta("Hello"), Silence())
        listener = Listener(model("Hi"))
        listener.wait_deltas(1)
        listener.dispose()

        far_end.wait_hang_up(model)
        assert ("Hello", None) == (listener.reply.text, listener.error)

    def test_leaving_in_midstream(self, far_end: FarEnd) -> None:
        """A stream is left at any delta, nothing follows, and the far end sees it."""
        for count in range(1, 5):
            model = far_end.serve(TextDelta("Hello"), Endless(TextDelta(" more")))
            listener = Listener(model("Hi").pipe(rxo.take(count)))
            listener.wait_end()

            far_end.wait_hang_up(model)
            assert (count, None) == (len(listener.deltas), listener.error)
