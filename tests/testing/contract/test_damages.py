"""The contract finds what is wrong with a model: each cell fails where a model is damaged."""

import html
import json
import threading

import pytest
import reactivex as rx
from attrs import evolve
from reactivex import operators as rxo
from reactivex.disposable import Disposable

from rxagent.errors import ModelError, ModelUnavailable
from rxagent.events import Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from rxagent.messages import ProviderData, Request
from rxagent.models import Model
from rxagent.testing.contract import CELLS, ModelContract, go_on, history_of
from rxagent.testing.far_ends.openai import OpenAIFarEnd


class Damaged(Model):
    """A model with a fault: a function of its deltas, or of the request."""

    def __init__(self, model, damage, of_request):
        self.model_id, self.provider = model.model_id, model.provider
        self._model, self._damage, self._of_request = model, damage, of_request

    def __call__(self, request):
        request = self._of_request(Request.of(request))
        return self._damage(self._model(request))


class DamagedFarEnd(OpenAIFarEnd):
    """A far end whose models are damaged."""

    def __init__(self, damage=lambda deltas: deltas, of_request=lambda request: request):
        super().__init__()
        self._damages = damage, of_request

    def connect(self, name, /, **options):
        """Return a damaged model."""
        return Damaged(super().connect(name, **options), *self._damages)

    def wait_hang_up(self, model, count=1, timeout=1.0):
        """Wait for less long than elsewhere: damaged models stay."""
        super().wait_hang_up(model, count, timeout)


def run(cell, far_end):
    """Run one cell."""
    getattr(ModelContract(), f"test_{cell}")(far_end)


def changed(kind, change):
    """Return a damage to the deltas of a kind."""
    return rxo.flat_map(lambda d: rx.from_iterable(change(d) if isinstance(d, kind) else [d]))


def without(kind):
    """Return a damage that loses the deltas of a kind."""
    return changed(kind, lambda delta: [])


def detached(deltas):
    """Return deltas whose subscription outlives its disposal."""

    def subscribe(observer, scheduler=None):
        left = threading.Event()
        deltas.subscribe(
            lambda delta: left.is_set() or observer.on_next(delta),
            observer.on_error,
            observer.on_completed,
            scheduler=scheduler,
        )
        return Disposable(left.set)

    return rx.create(subscribe)


def on_a_thread(deltas):
    """Return deltas that are emitted on a thread without a context."""

    def subscribe(observer, scheduler=None):
        seen = []

        def emit():
            for delta in seen:
                observer.on_next(delta)
            observer.on_completed()

        return deltas.subscribe(
            seen.append,
            observer.on_error,
            lambda: threading.Thread(target=emit).start(),
            scheduler=scheduler,
        )

    return rx.create(subscribe)


def renamed(error):
    """Return a stream with an error that says nothing."""
    return rx.throw(type(error)("It failed.") if isinstance(error, ModelError) else error)


def broken_off(error):
    """Return a stream with another error."""
    return rx.throw(ModelUnavailable(str(error), provider=error.provider, model=error.model))


def twice(delta):
    """Return a delta two times."""
    return [delta, delta]


def without_ends(deltas):
    """Return deltas whose text has no white space at its ends."""

    def joined(several):
        text = "".join(delta.text for delta in several if isinstance(delta, TextDelta))
        others = [delta for delta in several if not isinstance(delta, TextDelta)]
        return rx.from_iterable([TextDelta(text.strip()), *others])

    return deltas.pipe(rxo.to_list(), rxo.flat_map(joined))


def flat(arguments):
    """Return arguments without the values that hold others."""
    values = json.loads(arguments).items()
    return json.dumps({name: value for name, value in values if not isinstance(value, dict)})


def text_before_calls(deltas):
    """Return deltas without the text behind a call."""
    calls = []

    def kept(delta):
        calls.extend([delta] if isinstance(delta, ToolCallDelta) else [])
        return not (calls and isinstance(delta, TextDelta))

    return deltas.pipe(rxo.filter(kept))


def swallowing_at_opening(deltas):
    """Return deltas that end without an error if nothing was said before it."""
    seen = []
    return deltas.pipe(
        rxo.do_action(seen.append),
        rxo.catch(lambda error, _: rx.throw(error) if seen else rx.of(Finish("stop"))),
    )


def each_message(change):
    """Return a damage to each message of a request."""
    return lambda r: r.evolve(messages=[change(message) for message in r.messages])


DELTAS = {
    "text_in_order": [without(TextDelta), changed(TextDelta, twice), without(Finish)],
    "blanks_say_nothing": [changed(TextDelta, lambda d: [d, TextDelta("")])],
    "white_space_is_text": [
        changed(TextDelta, lambda d: [d] if d.text.strip() else []),
        changed(TextDelta, lambda d: [TextDelta(d.text.strip(" "))]),
        changed(TextDelta, lambda d: [TextDelta(d.text.rstrip())]),
        without_ends,
    ],
    "signs_are_text": [
        changed(TextDelta, lambda d: [TextDelta(d.text.replace("<i/>", ""))]),
        changed(TextDelta, lambda d: [TextDelta("\n".join(d.text.splitlines()))]),
        changed(TextDelta, lambda d: [TextDelta(html.unescape(d.text))]),
    ],
    "long_pieces": [
        changed(TextDelta, lambda d: [TextDelta(d.text[:4096])]),
        changed(ReasoningDelta, lambda d: [ReasoningDelta(d.text[:4096])]),
        changed(ToolCallDelta, lambda d: [evolve(d, arguments=d.arguments[:4096])]),
    ],
    "last_frame_is_read": [without(TextDelta), without(ToolCallDelta)],
    "reasoning_is_apart": [changed(ReasoningDelta, lambda d: [TextDelta(d.text)])],
    "reasoning_is_given_back": [changed(ReasoningDelta, lambda d: [ReasoningDelta(d.text)])],
    "refusals": [changed(RefusalDelta, lambda d: [TextDelta(d.text)])],
    "finish_reasons": [changed(Finish, lambda d: [Finish("stop")]), changed(Finish, twice)],
    "unknown_finish_reason": [
        rxo.catch(lambda *_: rx.of(Finish("stop"))),
        rxo.catch(lambda *_: rx.of(Finish("out_of_luck"))),
        rxo.catch(lambda error, _: renamed(error)),
    ],
    "usage_adds_up": [changed(Usage, twice)],
    "usage_in_detail": [
        changed(Usage, lambda d: [evolve(d, cached_tokens=0)]),
        changed(Usage, lambda d: [evolve(d, cache_write_tokens=0)]),
    ],
    "usage_names_the_model": [changed(Usage, lambda d: [evolve(d, model=None)])],
    "usage_may_be_unknown": [changed(Finish, lambda d: [Usage(0, 0), d])],
    "one_call": [without(ToolCallDelta)],
    "parallel_calls": [changed(ToolCallDelta, lambda d: [d] if d.index == 0 else [])],
    "calls_in_fragments": [changed(ToolCallDelta, lambda d: [d] if d.name else [])],
    "arguments_are_exact": [
        changed(ToolCallDelta, lambda d: [evolve(d, arguments=flat(d.arguments))]),
        changed(ToolCallDelta, lambda d: [evolve(d, arguments=d.arguments.replace("1.0", "1"))]),
        changed(
            ToolCallDelta, lambda d: [evolve(d, arguments=d.arguments.replace(" {}", " null"))]
        ),
    ],
    "text_around_calls": [text_before_calls],
    "whole_text": [without(TextDelta), without(Finish), changed(Usage, twice)],
    "whole_reasoning": [changed(ReasoningDelta, lambda d: [TextDelta(d.text)])],
    "whole_calls": [changed(ToolCallDelta, lambda d: [d] if d.index == 0 else [])],
    "whole_replies_fail": [rxo.catch(lambda *_: rx.empty())],
    "rate_limited": [rxo.catch(lambda error, _: renamed(error))],
    "unavailable": [
        rxo.catch(lambda *_: rx.empty()),
        rxo.catch(lambda error, _: rx.of(TextDelta(str(error)), Finish("stop"))),
    ],
    "rejected": [rxo.catch(lambda error, _: broken_off(error))],
    "time_out_of_the_server": [rxo.catch(lambda error, _: broken_off(error))],
    "reported_in_midstream": [rxo.catch(lambda *_: rx.empty())],
    "reported_kinds": [rxo.catch(lambda error, _: broken_off(error))],
    "reported_at_opening": [rxo.catch(lambda *_: rx.empty()), swallowing_at_opening],
    "reported_beside_the_end": [rxo.catch(lambda *_: rx.of(Finish("stop")))],
    "cut_before_its_end": [
        rxo.catch(lambda *_: rx.of(Finish("stop"))),
        rxo.catch(lambda *_: rx.empty()),
        swallowing_at_opening,
    ],
    "broken_in_midstream": [rxo.catch(lambda *_: rx.empty()), without(TextDelta)],
    "broken_at_opening": [rxo.catch(lambda *_: rx.empty())],
    "malformed": [rxo.catch(lambda error, _: broken_off(error))],
    "time_out_at_opening": [rxo.catch(lambda error, _: broken_off(error))],
    "time_out_in_midstream": [rxo.catch(lambda error, _: broken_off(error))],
    "time_out_counts_silence": [rxo.take(50)],
    "contextvars": [on_a_thread],
    "one_of_several_is_cut": [rxo.catch(lambda *_: rx.of(Finish("stop")))],
    "each_subscription_asks_again": [lambda deltas: deltas.pipe(rxo.replay(), rxo.ref_count())],
}
"""Faults in the deltas, by the cell that finds them."""

REQUESTS = {
    "roles": [lambda r: r.evolve(messages=r.messages[1:])],
    "adjacent_messages": [lambda r: r.evolve(messages=r.messages[:-1])],
    "images": [
        lambda r: r.evolve(messages=[type(m)(m.role, m.text) for m in r.messages]),
    ],
    "images_of_results": [
        lambda r: r.evolve(
            messages=[type(m)(m.role, m.text, m.tool_calls, m.tool_call_id) for m in r.messages]
        )
    ],
    "several_images": [each_message(lambda m: evolve(m, images=m.images[:1]))],
    "texts_are_whole": [
        each_message(lambda m: evolve(m, text=m.text.strip())),
        each_message(lambda m: evolve(m, text=m.text.rstrip())),
        each_message(lambda m: evolve(m, text=" ".join(m.text.split()))),
        each_message(lambda m: evolve(m, text=m.text.strip()) if m.role == "system" else m),
        each_message(
            lambda m: evolve(m, text=m.text.encode("latin-1", "replace").decode("latin-1"))
        ),
    ],
    "long_conversations": [
        lambda r: r.evolve(messages=r.messages[-12:]),
        each_message(lambda m: evolve(m, text=m.text[:2000])),
        each_message(lambda m: evolve(m, text=m.text[:2000]) if m.role == "tool" else m),
    ],
    "output_schema": [lambda r: r.evolve(output=None)],
    "kinds_of_images": [
        each_message(lambda m: evolve(m, images=[i for i in m.images if "png" in i.url])),
    ],
    "text_beside_calls": [
        each_message(lambda m: evolve(m, text="") if m.tool_calls else m),
    ],
    "options": [lambda r: r.evolve(options={})],
    "tools": [lambda r: r.evolve(tools=r.tools[:2]), lambda r: r.evolve(tools=r.tools[:8])],
    "no_tools": [lambda r: r.evolve(options={"tool_choice": "none"})],
    "ids_and_names": [lambda r: r.evolve(messages=r.messages[:3])],
    "stops_are_cut": [
        lambda r: r.evolve(stop=["three"]),
        lambda r: r.evolve(stop=["three"]) if r.tools else r,
    ],
    "calls_are_given_back": [lambda r: r.evolve(messages=r.messages[:2])],
}
"""Faults in what is sent, by the cell that finds them."""


def pairs(damages):
    """Return each cell with each of its damages."""
    return [(cell, damage) for cell, some in damages.items() for damage in some]


@pytest.mark.parametrize(("cell", "damage"), pairs(DELTAS))
def test_a_fault_in_the_deltas_is_found(cell, damage):
    """The cell fails with a model that says something else."""
    with DamagedFarEnd(damage) as far_end, pytest.raises((AssertionError, LookupError, ValueError)):
        run(cell, far_end)


@pytest.mark.parametrize(("cell", "of_request"), pairs(REQUESTS))
def test_a_fault_in_the_request_is_found(cell, of_request):
    """The cell fails with a model that sends something else."""
    with (
        DamagedFarEnd(of_request=of_request) as far_end,
        pytest.raises((AssertionError, StopIteration, LookupError, ValueError)),
    ):
        run(cell, far_end)


@pytest.mark.parametrize("cell", ["two_streams_at_once", "eight_threads"])
def test_shared_state_is_found(cell):
    """A model that keeps its first request fails where several are asked."""
    kept = []

    def first(request):
        kept.append(request)
        return kept[0]

    with DamagedFarEnd(of_request=first) as far_end, pytest.raises(AssertionError):
        run(cell, far_end)


@pytest.mark.parametrize("cell", ["leaving_in_silence", "leaving_a_whole_reply"])
def test_a_request_that_is_not_closed_is_found(cell):
    """A model that reads on after it was left fails."""
    with DamagedFarEnd(detached) as far_end, pytest.raises(TimeoutError, match="was not left"):
        run(cell, far_end)


def test_a_reply_that_is_streamed_against_the_request_is_found():
    """A model that streams in spite of `stream=False` fails."""
    with (
        DamagedFarEnd(
            of_request=lambda r: r.evolve(options={"extra_body": {"stream": True}})
        ) as far_end,
        pytest.raises(AssertionError),
    ):
        run("whole_text", far_end)


def test_a_leak_is_found():
    """A model that leaves a thread behind fails."""
    end = threading.Event()

    def leaking(deltas):
        threading.Thread(target=end.wait).start()
        return deltas

    try:
        with DamagedFarEnd(leaking) as far_end, pytest.raises(AssertionError, match="Left open"):
            run("nothing_is_left_open", far_end)
    finally:
        end.set()


def test_every_cell_can_fail():
    """For each cell there is a fault that it finds."""
    elsewhere = {
        "a_second_loop",
        "data_of_others_stays",
        "eight_threads",
        "leaving_a_whole_reply",
        "leaving_at_opening",
        "leaving_in_midstream",
        "leaving_in_silence",
        "nothing_is_left_open",
        "two_streams_at_once",
    }

    assert CELLS.keys() == DELTAS.keys() | REQUESTS.keys() | elsewhere


def test_data_of_another_is_found():
    """Data that was made for one provider, and is sent to another, is an error."""
    data = ProviderData("here", {"signature": "s" * 20})

    def leaking(request):
        return request.evolve(options={"metadata": {"signature": "s" * 20}})

    with OpenAIFarEnd() as far_end:
        history = [evolve(message, extra=[data]) for message in history_of(far_end)]
        go_on(far_end, history, "there")
    with (
        DamagedFarEnd(of_request=leaking) as far_end,
        pytest.raises(AssertionError, match="there alone wants back"),
    ):
        go_on(far_end, history, "there")


def test_a_lost_result_is_found():
    """A history of which a part does not arrive is an error."""
    with (
        DamagedFarEnd(of_request=lambda r: r.evolve(messages=r.messages[:-1])) as far_end,
        pytest.raises(AssertionError, match="was not sent"),
    ):
        go_on(far_end, history_of(far_end))
