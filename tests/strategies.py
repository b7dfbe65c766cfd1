"""Random runs, well-formed as the grammar in `rxagent.events` says.

.. code-block:: text

    Run   = RunStarted (Usage | Summarised | Plan | Step)*
            (StepLimitReached (Usage | Summarised)* Step)? FinalAnswer RunCompleted
    Step  = StepStarted (Turn || Call || ... || Call) StepFailed?
    Turn  = (Delta* StepRetried)* Delta* MessageCompleted

and MessageReceived anywhere before the last step.

`runs()` draws whole ones, `prefixes()` what is left of one that broke off, `conversations()` the
events of several runs, of which each continues the one before.
"""

from collections import deque

from hypothesis import strategies as st

from rxagent.events import (
    ApprovalAnswered,
    ApprovalAsked,
    FinalAnswer,
    Finish,
    MessageCompleted,
    MessageReceived,
    Planned,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.messages import Message, ProviderData, ToolCall

texts = st.text("ab{} \n", max_size=3)
pieces = st.lists(texts, max_size=3)
names = st.sampled_from(["add", "search", "say"])
counts = st.integers(0, 1000)
models = st.sampled_from([None, "big", "small"])
usages = st.builds(Usage, *[counts] * 5, models, st.integers(0, 2))
kept = st.builds(ProviderData, st.just("here"), st.dictionaries(texts, counts, max_size=1))
extras = st.lists(kept, max_size=1).map(tuple)
values = st.none() | st.integers() | texts
few_values = st.lists(values, max_size=2)


def flat(sequences):
    """Return the items of several sequences in one list."""
    return [item for sequence in sequences for item in sequence]


@st.composite
def interleaved(draw, *sequences):
    """Draw one of the ways in which sequences may happen side by side."""
    waiting = [deque(sequence) for sequence in sequences if sequence]
    happened = []
    while waiting:
        chosen = draw(st.sampled_from(waiting)) if len(waiting) > 1 else waiting[0]
        happened.append(chosen.popleft())
        waiting = [sequence for sequence in waiting if sequence]
    return happened


@st.composite
def fragmented(draw, index, call):
    """Draw the fragments of a call, in the one form that `normalise` gives them."""
    cut = draw(st.integers(0, len(call.arguments)))
    return [
        ToolCallDelta(index, call.id, call.name, "", call.extra),
        ToolCallDelta(index, arguments=call.arguments[:cut]),
        ToolCallDelta(index, arguments=call.arguments[cut:]),
    ]


@st.composite
def carried_out(draw, call, inner):
    """Draw what happens to a call: perhaps it is asked for, then it runs, or fails at once."""
    asked = draw(st.booleans())
    events = [ApprovalAsked(call), ApprovalAnswered(call.id, "approved", call)] if asked else []
    failed = ToolFailed(call.id, f"ToolError: {draw(texts)}")
    if draw(st.booleans()):
        return [*events, failed] if draw(st.booleans()) else [*events, ToolStarted(call), failed]
    outputs = draw(_run(inner - 1) if inner and draw(st.booleans()) else few_values)
    completed = ToolCompleted(call.id, draw(texts), draw(values))
    return [
        *events,
        ToolStarted(call),
        *(ToolOutput(call.id, value) for value in outputs),
        completed,
    ]


@st.composite
def _attempt(draw, step, attempt, retracted, inner):
    """Draw the deltas of an attempt, what its eager calls do meanwhile, and what is left to do."""
    said, thought = draw(pieces), draw(pieces)
    thoughts = [ReasoningDelta(piece, draw(extras)) for piece in thought]
    reuse = draw(st.booleans())  # some providers number the calls of each attempt alike
    calls = [
        ToolCall(
            f"call_{step}_{1 if reuse else attempt}_{index}", draw(names), draw(texts), draw(extras)
        )
        for index in range(draw(st.integers(0, 2)))
    ]
    fragments = [draw(fragmented(index, call)) for index, call in enumerate(calls)]
    deltas = draw(
        interleaved(
            [TextDelta(piece) for piece in said],
            thoughts,
            flat(fragments),
            draw(st.lists(usages, max_size=2)),
            [RefusalDelta("no")] if draw(st.integers(0, 9)) == 0 else [],
        )
    )
    if not retracted or draw(st.booleans()):
        deltas.append(Finish(draw(st.sampled_from(["stop", "length", "tool_calls"]))))
    extra = flat(delta.extra for delta in thoughts)
    message = Message("assistant", "".join(said), calls, reasoning="".join(thought), extra=extra)

    doings = [deque(draw(carried_out(call, inner))) for call in calls]
    eager = draw(st.booleans())
    events, doing = [], []
    for delta in deltas:
        events.append(delta)
        if eager and isinstance(delta, ToolCallDelta) and delta.id and delta.index:
            doing.append(doings[delta.index - 1])  # sealed by the next one
        for sequence in doing:
            for _ in range(draw(st.integers(0, len(sequence)))):
                events.append(sequence.popleft())
    if not retracted:
        return [*events, MessageCompleted(message)], message, doings
    begun = [
        call
        for call, sequence in zip(calls, doings, strict=True)
        if sequence and any(event == ToolStarted(call) for event in events)
    ]
    voided = [ToolFailed(call.id, "StepRetried: retracted") for call in begun]
    return [*events, StepRetried(attempt + 1, "ModelTimeout: silent"), *voided], message, []


@st.composite
def _step(draw, number, inner, last=False):
    events = [StepStarted(number)]
    retracted = draw(st.integers(0, 2))
    for attempt in range(1, retracted + 1):
        events += draw(_attempt(number, attempt, True, inner))[0]
    turn, message, doings = draw(_attempt(number, retracted + 1, False, inner))
    events += turn
    begun = any(isinstance(event, ToolStarted | ToolFailed) for event in turn)
    if not message.tool_calls and not last and draw(st.booleans()):
        spelled = ToolCall(f"call_{number}_1_0", draw(names), draw(texts))
        doings = [deque(draw(carried_out(spelled, inner)))]
    if not begun and (last or draw(st.booleans())):
        # The calls are no calls: the answer is among them, or they come to nothing.
        return events if last else [*events, StepFailed(f"ParseError: {draw(texts)}")]
    return events + draw(interleaved(*doings))


@st.composite
def _plan(draw):
    said = draw(pieces)
    deltas = draw(
        interleaved([TextDelta(piece) for piece in said], draw(st.lists(usages, max_size=1)))
    )
    text = "".join(said)
    return [PlanStarted(), *deltas, MessageCompleted(Message("assistant", text)), Planned(text)]


def spent(events):
    """Return all reports of usage among some events, those of inner runs too."""
    for event in events:
        while isinstance(event, ToolOutput):
            event = event.value
        if isinstance(event, Usage):
            yield event


def total(reports):
    """Return several reports as one, None if there are none."""
    reports = list(reports)
    if not reports:
        return None
    models = {usage.model for usage in reports}
    return Usage(
        sum(usage.input_tokens for usage in reports),
        sum(usage.output_tokens for usage in reports),
        sum(usage.cached_tokens for usage in reports),
        sum(usage.reasoning_tokens for usage in reports),
        sum(usage.cache_write_tokens for usage in reports),
        models.pop() if len(models) == 1 else None,
        sum(usage.unreported for usage in reports),
    )


@st.composite
def _run(draw, inner):
    message = draw(st.none() | st.builds(Message, st.just("user"), texts))
    events = [RunStarted(draw(texts), draw(st.sampled_from(["agent", "helper"])), message)]
    number = 0
    kinds = ["step", "step", "plan", "usage", "summary"]
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=3)):
        if kind == "step":
            number += 1
            events += draw(_step(number, inner))
        elif kind == "plan":
            events += draw(_plan())
        elif kind == "summary":
            events += [*draw(st.lists(usages, max_size=1)), Summarised(draw(texts), number)]
        else:
            events.append(draw(usages))
    if draw(st.booleans()):
        events.append(StepLimitReached(number))
        if draw(st.integers(0, 3)) == 0:
            events += [draw(usages), Summarised(draw(texts), number)]
    for text in draw(st.lists(texts, max_size=2)):
        received = MessageReceived(Message("user", text))
        events.insert(draw(st.integers(1, len(events))), received)
    events += draw(_step(number + 1, 0, last=True))
    events.append(FinalAnswer(draw(values)))
    return [*events, RunCompleted(total(spent(events)))]


def runs(inner=1):
    """Draw the events of a run, with inner runs so many deep."""
    return _run(inner)


@st.composite
def prefixes(draw, inner=1):
    """Draw the events of a run that was cut off anywhere, and perhaps what is said of that."""
    events = draw(runs(inner))
    cut = events[: draw(st.integers(0, len(events)))]
    may_fail = cut and not any(isinstance(event, FinalAnswer) for event in cut)
    return [*cut, RunFailed("ModelUnavailable", "cut")] if may_fail and draw(st.booleans()) else cut


def conversations(inner=1):
    """Draw the events of several runs, one after the other; each but the last may be cut off."""
    several = st.lists(prefixes(inner), min_size=1, max_size=2)
    return several.map(flat)
