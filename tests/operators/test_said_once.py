"""Nothing is said twice: in any composed model, the one that has begun to speak answers."""

from functools import partial
from itertools import pairwise

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent
from rxagent import operators as ops
from rxagent.errors import ModelTimeout, ModelUnavailable
from rxagent.events import (
    Finish,
    MessageCompleted,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.models import resolve
from rxagent.state import TextView
from rxagent.testing import ScriptedServer
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.frames import text_chunk
from rxagent.testing.marbles import request
from rxagent.testing.scenarios import Ending

from ..strategies import conversations, prefixes

LOST = ModelUnavailable("It broke off.")

words = st.builds(TextDelta, st.text("ab", min_size=1, max_size=2))
speech = st.one_of(
    words,
    st.builds(ReasoningDelta, st.just("hm")),
    st.builds(RefusalDelta, st.just("no")),
    st.builds(ToolCallDelta, st.just(0), st.just("c"), st.just("add"), st.just("{")),
)
silence = st.sampled_from([Usage(1, 0), TextDelta(""), ReasoningDelta(""), Finish("stop")])
attempts = st.tuples(
    st.lists(silence, max_size=2).flatmap(
        lambda quiet: st.lists(speech | silence, max_size=3).map(lambda said: [*quiet, *said])
    ),
    st.sampled_from([None, LOST, ModelTimeout("late")]),
)


def model_from(drawn):
    """Return a model that makes the next of some attempts each time it is asked."""
    left = iter(drawn)

    def ask(_):
        said, error = next(left, ([], LOST))
        end = rx.empty() if error is None else rx.throw(error)
        return rx.concat(rx.from_iterable(said), end)

    return lambda _: rx.defer(ask)


def retried(model, **how):
    """Return a model that is asked three times."""
    return lambda question: model(question).pipe(ops.retry(3, delay=0, **how))


COMBINED = {
    "retry": lambda one, other: retried(one),
    "fallback": ops.fallback,
    "hedge": partial(ops.hedge, after=1),
    "race": ops.race,
    "a fallback of retries": lambda one, other: ops.fallback(retried(one), retried(other)),
    "a retry of a fallback": lambda one, other: retried(ops.fallback(one, other)),
    "a hedge of fallbacks": lambda one, other: ops.hedge(
        ops.fallback(one, other), retried(other), after=1
    ),
    "a retry of a race": lambda one, other: retried(ops.race(one, other)),
}


def received(model):
    """Return all that a model emits, an error too."""
    said = []
    with VirtualScheduler() as scheduler:
        model(request).subscribe(said.append, said.append, scheduler=scheduler)
        scheduler.run()
    return said


def says(delta):
    """Return whether a delta says something."""
    return isinstance(delta, ToolCallDelta) or bool(getattr(delta, "text", ""))


@pytest.mark.parametrize("combine", COMBINED.values(), ids=COMBINED)
@given(st.lists(attempts, min_size=1, max_size=4), st.lists(attempts, min_size=1, max_size=4))
def test_what_was_said_is_never_taken_back(combine, one, other):
    """Without `midstream`, the text is that of one attempt, and stays."""
    observed = received(combine(model_from(one), model_from(other)))
    spoken = [delta for delta in observed if says(delta)]
    after = observed[observed.index(spoken[0]) :] if spoken else []

    assert [] == [delta for delta in after if isinstance(delta, StepRetried)]
    assert not spoken or spoken in [
        [delta for delta in said if says(delta)] for said, _ in [*one, *other]
    ]


@given(st.lists(attempts, min_size=1, max_size=4), st.lists(attempts, min_size=1, max_size=4))
def test_what_is_asked_midstream_retracts(one, other):
    """Midstream every failure but the last retracts, so what is left is the last attempt's."""
    first = retried(model_from(one), midstream=True)
    observed = received(ops.fallback(first, model_from(other), midstream=True))
    so_far = [""]
    rx.from_iterable(observed).pipe(ops.text_so_far(), rxo.map(str)).subscribe(so_far.append)

    tried = ([([], LOST)] * 3)[: 3 - len(one)]
    asked = [*[*one, *tried][:3], *other[:1]]
    ended = next((at for at, (_, error) in enumerate(asked) if error is None), len(asked) - 1)
    assert ended == len([delta for delta in observed if isinstance(delta, StepRetried)])
    texts = [delta.text for delta in asked[ended][0] if isinstance(delta, TextDelta)]
    assert "".join(texts) == so_far[-1]


@pytest.mark.parametrize("combine", COMBINED.values(), ids=COMBINED)
def test_an_error_after_a_word_passes_as_it_is(combine):
    """The error is the model's own, not another, and nothing stands between it and the word."""
    said = [TextDelta("a")], LOST
    observed = received(combine(model_from([said]), model_from([said])))

    assert [TextDelta("a"), LOST] == observed
    assert LOST is observed[-1]


def test_the_recipe_of_the_readme_says_nothing_twice():
    """A reply that is cut after four words is an error; its words come once, and are kept."""

    def four_words(body):
        return [*map(text_chunk, ["one ", "two ", "three ", "four "]), Ending.ABORT]

    with ScriptedServer() as server:
        server.scenario("big", four_words)
        there = {"api_base": server.url, "api_key": "any"}
        big, small = resolve("openai:big", **there), resolve("openai:plain", **there)
        careful = ops.fallback(
            lambda question: big(question).pipe(ops.timeout(idle=20), ops.retry(2)), small
        )
        run = Agent(careful).start("Count to ten.")
        pieces, errors = [], []
        run.pipe(ops.text()).subscribe(pieces.append, errors.append)
        with pytest.raises(ModelUnavailable) as failed:
            run.result(60)

    assert ["one ", "two ", "three ", "four "] == pieces
    assert [failed.value] == errors
    assert "one two three four " == run.state.text
    assert 1 == len(server.exchanges)


# The text that takes back


def visible(events):
    """Return the text that is left when all retractions are obeyed."""
    kept = said = ""
    for event in events:
        if isinstance(event, TextDelta):
            said += event.text
        elif isinstance(event, StepRetried):
            said = kept
        elif isinstance(event, StepStarted | MessageCompleted):
            kept = said
    return said


@given(prefixes() | conversations())
def test_the_text_so_far_is_what_is_left(events):
    """It is what `text` has emitted but for what was retracted, and changes with each emission."""
    views = rx.from_iterable(events).pipe(ops.text_so_far(), rxo.to_list()).run()
    texts = ["", *map(str, views)]

    assert all(isinstance(view, TextView) for view in views)
    assert visible(events) == texts[-1]
    assert all(before != after for before, after in pairwise(texts))


@given(st.lists(words, max_size=5), st.lists(words, max_size=5))
def test_views_of_a_retracted_text_stay_what_they_were(first, second):
    """A view that was emitted says the same after a retraction."""
    events = [*first, StepRetried(1, "..."), *second]
    views = rx.from_iterable(events).pipe(ops.text_so_far(), rxo.to_list()).run()
    at_once = rx.from_iterable(events).pipe(ops.text_so_far(), rxo.map(str), rxo.to_list()).run()

    assert at_once == [str(view) for view in views]


def test_an_agents_earlier_steps_are_not_taken_back():
    """A retraction takes back its own attempt alone."""
    model = model_from(
        [
            ([TextDelta("a"), ToolCallDelta(0, "c", "add", "{}")], None),
            ([TextDelta("b")], LOST),
            ([TextDelta("c")], None),
        ]
    )
    agent = Agent(retried(model, midstream=True), tools=[add])
    so_far = agent("Add.").pipe(ops.text_so_far(), rxo.map(str), rxo.to_list()).run()

    assert ["a", "ab", "a", "ac"] == so_far


def add() -> int:
    """Add nothing."""
    return 0


def test_the_state_says_the_same_of_one_turn():
    """What is left of a turn is the text of the state that its events come to."""
    first, second = rx.concat(rx.of(TextDelta("a")), rx.throw(LOST)), rx.of(TextDelta("b"))
    careful = ops.fallback(lambda _: first, lambda _: second, midstream=True)
    run = Agent(careful).start("Go.")
    views = []
    run.pipe(ops.text_so_far()).subscribe(views.append)
    run.result(60)

    assert run.state.text == str(views[-1])
