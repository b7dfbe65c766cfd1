"""Failures: each is one of our errors, with provider, model and the provider's sentence."""

from __future__ import annotations

from ...errors import (
    MalformedReply,
    ModelError,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from ...events import Finish, TextDelta
from ..far_ends import (
    Broken,
    Cut,
    Endless,
    FarEnd,
    Garbage,
    LastFrame,
    Rejected,
    Reported,
    Silence,
    Waiting,
)
from .listening import Listener, failure, forms

__all__ = ["FailureCells"]

_PATIENCE = 0.3
_LONGER = 0.5
_HELLO = TextDelta("Hello"), TextDelta(" there")
_KINDS = (503, ModelUnavailable), (429, RateLimited), (400, ModelRejected)


def _fails(far_end: FarEnd, status: int, kind: type[ModelError]) -> None:
    """Check that a status is an error of this kind, with the provider's sentence and no answer."""
    sentence = f"That is so by rule {status}."
    error, reply = failure(far_end.serve(Rejected(status, sentence)), kind)
    assert sentence in str(error)
    assert [] == reply.deltas


class FailureCells:
    """How a model fails."""

    def test_rate_limited(self, far_end: FarEnd) -> None:
        """A rate limit names the seconds that the server wants to be left alone."""
        limited = Rejected(429, "Too many requests.", {"retry-after": "7"})
        error, _ = failure(far_end.serve(limited), RateLimited)

        assert 7 == error.retry_after
        assert "Too many requests." in str(error)

    def test_unavailable(self, far_end: FarEnd) -> None:
        """A server that cannot answer now is unavailable, and its reply is no answer."""
        for status in (409, 500, 502, 503, 529, 599):
            _fails(far_end, status, ModelUnavailable)

    def test_rejected(self, far_end: FarEnd) -> None:
        """A request, key or model that is rejected is so with the provider's own sentence."""
        for status in (400, 401, 403, 404, 413, 418, 422):
            _fails(far_end, status, ModelRejected)

    def test_time_out_of_the_server(self, far_end: FarEnd) -> None:
        """A server that reports that it, or one behind it, has waited too long has timed out."""
        for status in (408, 504):
            _fails(far_end, status, ModelTimeout)

    def test_reported_in_midstream(self, far_end: FarEnd) -> None:
        """An error that the provider reports in mid-stream follows what was said before."""
        reported = Reported(503, "The engine is overloaded.")
        error, reply = failure(far_end.serve(*_HELLO, reported), ModelUnavailable)

        assert "Hello there" == reply.text
        assert "The engine is overloaded." in str(error)

    def test_reported_kinds(self, far_end: FarEnd) -> None:
        """An error that is reported with status 200 is of the kind that its status or type says."""
        for status, kind in _KINDS:
            sentence = f"That is so by rule {status // 100}."
            error, reply = failure(far_end.serve(*_HELLO, Reported(status, sentence)), kind)
            assert "Hello there" == reply.text
            assert sentence in str(error)

            for form in forms(far_end):
                error, _ = failure(far_end.serve(Reported(status, sentence), **form), kind)
                assert sentence in str(error)

    def test_reported_at_opening(self, far_end: FarEnd) -> None:
        """An error that the provider reports in place of a reply, with status 200, is its error."""
        reported = Reported(503, "The engine is overloaded.")
        error, reply = failure(far_end.serve(reported), ModelUnavailable)

        assert [] == reply.deltas
        assert "The engine is overloaded." in str(error)

    def test_reported_beside_the_end(self, far_end: FarEnd) -> None:
        """An error that comes in one frame with the end is no answer."""
        reported = Reported(503, "The engine is overloaded.")
        last = LastFrame([TextDelta("Hello"), reported, Finish("stop")])
        error, _ = failure(far_end.serve(last), ModelUnavailable)

        assert "The engine is overloaded." in str(error)

    def test_cut_before_its_end(self, far_end: FarEnd) -> None:
        """A body that ends before its end mark is no whole answer, and no empty one."""
        for form in forms(far_end):
            kind = ModelError if form else ModelUnavailable  # half a whole one is malformed, too
            _, reply = failure(far_end.serve(*_HELLO, Cut(), **form), kind)
            assert ("" if form else "Hello there") == reply.text
            assert [] == reply.reasons

            _, reply = failure(far_end.serve(Cut(), **form), kind)
            assert [] == reply.deltas

    def test_broken_in_midstream(self, far_end: FarEnd) -> None:
        """A connection that breaks in mid-stream is no whole answer."""
        _, reply = failure(far_end.serve(*_HELLO, Broken()), ModelUnavailable)

        assert "Hello there" == reply.text
        assert [] == reply.reasons

    def test_broken_at_opening(self, far_end: FarEnd) -> None:
        """A connection that breaks before the first delta is no empty answer."""
        _, reply = failure(far_end.serve(Broken()), ModelUnavailable)

        assert [] == reply.deltas

    def test_time_out_at_opening(self, far_end: FarEnd) -> None:
        """A server that does not answer in time times out, and is left."""
        for form in forms(far_end):
            model = far_end.serve(Waiting(), **far_end.patience(_PATIENCE), **form)
            failure(model, ModelTimeout)

            far_end.wait_hang_up(model)

    def test_time_out_in_midstream(self, far_end: FarEnd) -> None:
        """A server that falls silent times out after what it said, and is left."""
        model = far_end.serve(*_HELLO, Silence(), **far_end.patience(_PATIENCE))
        _, reply = failure(model, ModelTimeout)

        assert "Hello there" == reply.text
        far_end.wait_hang_up(model)

    def test_time_out_counts_silence(self, far_end: FarEnd) -> None:
        """A reply that takes longer than the time-out goes on while something comes."""
        patience = far_end.patience(_LONGER)
        moving = far_end.serve(Endless(TextDelta("1 ")), **patience)
        listener = Listener(moving("Hi"))
        listener.wait_deltas(1)
        failure(far_end.serve(Silence(), **patience), ModelTimeout)  # which was asked later

        count = len(listener.deltas) + 100
        listener.wait_deltas(count)
        listener.dispose()
        assert listener.error is None
        assert len(listener.deltas) >= count
        far_end.wait_hang_up(moving)

    def test_malformed(self, far_end: FarEnd) -> None:
        """What the protocol does not allow is a malformed reply, after what was said before."""
        _, reply = failure(far_end.serve(*_HELLO, Garbage()), MalformedReply)

        assert "Hello there" == reply.text
